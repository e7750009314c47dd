// causalConv1d: a short convolution over time, each channel by itself. Attribute: activation (0 silu, 1 none). A unit is a group of
// channels, carried through all tokens.
#include <algorithm>
#include <stdexcept>

#include "ops/conv_history.h"

namespace fak {

namespace {

constexpr int64_t kChannelsPerUnit = 64;

class CausalConv1d final : public Task {
 public:
  explicit CausalConv1d(const OpBuilder& b)
      : history_{b.input_id(0), b.state(0), b.output().columns, b.input(1).columns - 1}, y_(b.node.output), weight_(b.floats(1)),
        silu_(b.integer(0) == 0) {
    if (history_.kept >= kMaxConvTaps) throw std::runtime_error("a convolution has too many taps");
  }

  bool by_sequence() const override { return true; }
  Work work(const Step& step) const override {
    const double floats = static_cast<double>(kChannelsPerUnit * step.T);
    return {(history_.channels + kChannelsPerUnit - 1) / kChannelsPerUnit, 100 + floats * (silu_ ? 0.8 : 0.4)};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const int64_t from = begin * kChannelsPerUnit, until = std::min(end * kChannelsPerUnit, history_.channels);
    ConvArgs args;
    args.x = step.activations[history_.x] + from;
    args.x_stride = args.y_stride = args.history_stride = static_cast<size_t>(history_.channels);
    args.taps = history_.kept + 1;
    args.weight = weight_ + from * args.taps;
    args.history = history_.rows(step) + from;
    args.y = step.activations[y_] + from;
    args.tokens = step.T;
    args.channels = until - from;
    args.silu = silu_;
    step.kernels->floats.causal_conv1d(args);
    history_.advance(step, from, until);
  }

 private:
  ConvHistory history_;
  int y_;
  const float* weight_;
  bool silu_;
};

}  // namespace

void make_causal_conv1d(OpBuilder& b) { b.planned().main = std::make_unique<CausalConv1d>(b); }

}  // namespace fak
