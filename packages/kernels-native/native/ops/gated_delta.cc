// gatedDelta: the gated delta rule. Attributes: Hk, Hv, Dk, Dv, keyHead (0 grouped, 1 tiled), eps. First the keys, queries and gates of
// all tokens (a preparation), then the recurrence: a unit is some rows of one value head's state, carried through all tokens
// while they sit in cache.
#include <algorithm>

#include "math/trigonometry.h"
#include "ops/op.h"

namespace fak {

namespace {

/// State rows of one unit: 32 rows of 128 floats take half of a first-level cache.
constexpr int64_t kRowsPerUnit = 32;

struct Shape {
  int64_t Hk, Hv, Dk, Dv;
  bool tiled;
  float eps;
  explicit Shape(const OpBuilder& b)
      : Hk(b.integer(0)), Hv(b.integer(1)), Dk(b.integer(2)), Dv(b.integer(3)), tiled(b.integer(4) == 1),
        eps(static_cast<float>(b.number(5))) {}
  int64_t qkv() const { return 2 * Hk * Dk + Hv * Dv; }
};

/// Per token: normalized and scaled queries [Hk, Dk], normalized keys [Hk, Dk], decay [Hv], beta [Hv]. A unit is a token.
class DeltaInputs final : public Task {
 public:
  DeltaInputs(const OpBuilder& b, const Shape& shape)
      : shape_(shape), qkv_(b.input_id(0)), a_(b.input_id(1)), b_(b.input_id(2)), A_(b.floats(3)), dt_bias_(b.floats(4)),
        query_scale_(static_cast<float>(1.0 / square_root(static_cast<double>(shape.Dk)))) {
    shared_bytes = static_cast<size_t>(b.program.max_tokens * width()) * sizeof(float);
  }

  Work work(const Step& step) const override {
    return {step.T, static_cast<double>(shape_.Hk * shape_.Dk) * 0.3 + static_cast<double>(shape_.Hv) * 4};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const Shape& s = shape_;
    const FloatKernels& kernels = step.kernels->floats;
    for (int64_t t = begin; t < end; t++) {
      const float* qkv = step.activations[qkv_] + t * s.qkv();
      kernels.l2_normalize(qkv, queries(step, t), s.Hk, s.Dk, s.eps, query_scale_);
      kernels.l2_normalize(qkv + s.Hk * s.Dk, keys(step, t), s.Hk, s.Dk, s.eps, 1.0f);
      kernels.delta_gates(step.activations[a_] + t * s.Hv, step.activations[b_] + t * s.Hv, A_, dt_bias_, decay(step, t),
                          beta(step, t), s.Hv);
    }
  }

  int64_t width() const { return 2 * shape_.Hk * shape_.Dk + 2 * shape_.Hv; }
  float* queries(const Step& step, int64_t t) const {
    return reinterpret_cast<float*>(step.shared + shared_offset) + t * width();
  }
  float* keys(const Step& step, int64_t t) const { return queries(step, t) + shape_.Hk * shape_.Dk; }
  float* decay(const Step& step, int64_t t) const { return keys(step, t) + shape_.Hk * shape_.Dk; }
  float* beta(const Step& step, int64_t t) const { return decay(step, t) + shape_.Hv; }

 private:
  Shape shape_;
  int qkv_, a_, b_;
  const float *A_, *dt_bias_;
  float query_scale_;
};

class GatedDelta final : public Task {
 public:
  GatedDelta(const OpBuilder& b, const Shape& shape, const DeltaInputs& inputs)
      : shape_(shape), inputs_(inputs), qkv_(b.input_id(0)), y_(b.node.output), state_(b.state(0)) {}

  Work work(const Step& step) const override {
    return {shape_.Hv * slices(), static_cast<double>(kRowsPerUnit * shape_.Dk * step.T) * 0.2};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const Shape& s = shape_;
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t head = unit / slices(), row = unit % slices() * kRowsPerUnit;
      const int64_t key_head = s.tiled ? head % s.Hk : head / (s.Hv / s.Hk);
      DeltaArgs args;
      args.q = inputs_.queries(step, 0) + key_head * s.Dk;
      args.k = inputs_.keys(step, 0) + key_head * s.Dk;
      args.qk_stride = static_cast<size_t>(inputs_.width());
      args.v = step.activations[qkv_] + 2 * s.Hk * s.Dk + head * s.Dv + row;
      args.v_stride = static_cast<size_t>(s.qkv());
      args.decay = inputs_.decay(step, 0) + head;
      args.beta = inputs_.beta(step, 0) + head;
      args.gate_stride = args.qk_stride;
      args.state = step.states[state_] + (head * s.Dv + row) * s.Dk;
      args.y = step.activations[y_] + head * s.Dv + row;
      args.y_stride = static_cast<size_t>(s.Hv * s.Dv);
      args.tokens = step.T;
      args.rows = std::min(kRowsPerUnit, s.Dv - row);
      args.Dk = s.Dk;
      step.kernels->floats.gated_delta(args);
    }
  }

 private:
  int64_t slices() const { return (shape_.Dv + kRowsPerUnit - 1) / kRowsPerUnit; }
  Shape shape_;
  const DeltaInputs& inputs_;
  int qkv_, y_, state_;
};

}  // namespace

void make_gated_delta(OpBuilder& b) {
  const Shape shape(b);
  const int inputs = b.prepare("", [&] { return std::make_unique<DeltaInputs>(b, shape); });
  b.planned().main = std::make_unique<GatedDelta>(b, shape, static_cast<const DeltaInputs&>(b.preparation(inputs)));
}

}  // namespace fak
