// gatedDelta: the gated delta rule, and deltaNet: a causal convolution with silu, the rule, and a gated norm of its result, as fusing joins them.
// Attributes: Hk, Hv, Dk, Dv, keyHead (0 grouped, 1 tiled), eps; of deltaNet also the norm's eps. First what the recurrence reads (a
// preparation), then the recurrence: a unit is some rows of one value head's state, carried through all tokens while they sit in
// cache. In deltaNet, whoever completes a group of heads norms it and brings it into the form that its readers want.
#include <algorithm>
#include <optional>
#include <stdexcept>

#include "ops/activation_rows.h"
#include "ops/delta_inputs.h"
#include "ops/pieces.h"

namespace fak {

namespace {

/// State rows of one unit: 32 rows of 128 floats take half of a first-level cache.
constexpr int64_t kRowsPerUnit = 32;

/// The end of deltaNet: heads in groups that are pieces of a row, or all heads of it.
class NormedHeads {
 public:
  NormedHeads(const OpBuilder& b, const DeltaShape& s, const ActivationRows& result)
      : shape_(s), result_(result), y_(b.node.output), z_(b.input_id(6)), weight_(b.floats(7)),
        eps_(static_cast<float>(b.number(6))),
        group_(s.Hv * s.Dv % ActivationRows::kPieceColumns == 0 && ActivationRows::kPieceColumns % s.Dv == 0
                   ? ActivationRows::kPieceColumns / s.Dv : s.Hv),
        pieces_(b.program.max_tokens * (s.Hv / group_)) {}

  int64_t scratch_floats() const { return group_ * shape_.Dv; }
  void reset() const { pieces_.reset(); }

  /// Some rows of a head have gone through all tokens.
  void add(const Step& step, int64_t head, int64_t rows, float* scratch) const {
    const int64_t group = head / group_, first = group * group_, Dv = shape_.Dv, n = group_ * Dv;
    if (!pieces_.complete(step.part * (shape_.Hv / group_) + group, rows, n)) return;
    for (int64_t t = 0; t < step.T; t++) {
      const float* z = step.activations[z_] + (t * shape_.Hv + first) * Dv;
      for (int64_t h = 0; h < group_; h++) {
        const float* y = step.activations[y_] + ((first + h) * step.T + t) * Dv;
        step.kernels->floats.gated_rms_norm(y, z + h * Dv, weight_, scratch + h * Dv, 1, Dv, eps_);
      }
      result_.put(step, step.row + t, first * Dv, scratch, n);
    }
  }

 private:
  const DeltaShape shape_;
  const ActivationRows& result_;
  const int y_, z_;
  const float* weight_;
  const float eps_;
  const int64_t group_;
  const Pieces pieces_;  ///< by sequence of the step and group
};

class GatedDelta final : public Task {
 public:
  GatedDelta(const OpBuilder& b, const DeltaShape& shape, const DeltaInputs& inputs, int state)
      : shape_(shape), inputs_(inputs), y_(b.node.output), state_(b.state(state)) {}

  /// Of deltaNet.
  void go_on_with(const OpBuilder& b, const ConvHistory& history, const ActivationRows& result) {
    history_ = history;
    normed_.emplace(b, shape_, result);
    private_bytes = static_cast<size_t>(normed_->scratch_floats()) * sizeof(float);
  }

  bool by_sequence() const override { return true; }
  Work work(const Step& step) const override {
    // Nanoseconds for a float of the state and a token; a step of one token waits for the state to come from memory.
    const double cost = step.T == 1 ? 0.15 : 0.085;
    return {shape_.Hv * slices(), static_cast<double>(kRowsPerUnit * shape_.Dk * step.T) * cost};
  }

  void run(const Step& step, int64_t begin, int64_t end, int thread) const override {
    const DeltaShape& s = shape_;
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t head = unit / slices(), row = unit % slices() * kRowsPerUnit;
      const int64_t key_head = s.tiled ? head % s.Hk : head / (s.Hv / s.Hk);
      DeltaArgs args;
      args.q = inputs_.query(step, key_head, 0);
      args.k = args.q + s.Dk;
      args.qk_stride = static_cast<size_t>(2 * s.Dk);
      args.v = inputs_.value(step, head) + row;
      args.v_stride = inputs_.value_stride();
      args.decay = inputs_.gates(step, head, 0);
      args.beta = args.decay + 1;
      args.gate_stride = 2;
      args.state = step.states[state_] + (head * s.Dv + row) * s.Dk;
      // What nobody sees but the norm lies head by head as well.
      args.y = step.activations[y_] + (normed_ ? head * step.T : head) * s.Dv + row;
      args.y_stride = static_cast<size_t>(normed_ ? s.Dv : s.Hv * s.Dv);
      args.tokens = step.T;
      args.rows = std::min(kRowsPerUnit, s.Dv - row);
      args.Dk = s.Dk;
      step.kernels->floats.gated_delta(args);
      if (!normed_) continue;
      normed_->add(step, head, args.rows, step.scratch(thread));
      // The inputs are made of the convolution's rows, so those may go now.
      if (unit == 0) history_->advance(step, 0, history_->channels);
    }
  }

  void reset() const override {
    if (normed_) normed_->reset();
  }

 private:
  int64_t slices() const { return (shape_.Dv + kRowsPerUnit - 1) / kRowsPerUnit; }
  const DeltaShape shape_;
  const DeltaInputs& inputs_;
  const int y_, state_;
  std::optional<ConvHistory> history_;
  std::optional<NormedHeads> normed_;
};

}  // namespace

void make_gated_delta(OpBuilder& b) {
  const DeltaShape shape(b);
  const int inputs = b.prepare("", [&] { return std::make_unique<DeltaInputs>(b, shape, 1, nullptr, ConvHistory{}); });
  b.planned().main = std::make_unique<GatedDelta>(b, shape, static_cast<const DeltaInputs&>(b.preparation(inputs)), 0);
}

void make_delta_net(OpBuilder& b) {
  const DeltaShape shape(b);
  const ConvHistory history{b.input_id(0), b.state(0), shape.qkv(), b.input(1).columns - 1};
  if (history.kept >= kMaxConvTaps) throw std::runtime_error("a convolution has too many taps");
  const int inputs = b.prepare("", [&] { return std::make_unique<DeltaInputs>(b, shape, 2, b.floats(1), history); });
  auto main = std::make_unique<GatedDelta>(b, shape, static_cast<const DeltaInputs&>(b.preparation(inputs)), 1);
  main->go_on_with(b, history, prepare_activation_rows(b, b.node.output));
  b.planned().main = std::move(main);
}

}  // namespace fak
