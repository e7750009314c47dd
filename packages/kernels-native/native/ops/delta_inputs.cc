#include "ops/delta_inputs.h"

#include <algorithm>

namespace fak {

DeltaInputs::DeltaInputs(const OpBuilder& b, const DeltaShape& shape, int gates, const float* conv, const ConvHistory& history)
    : shape_(shape), qkv_(b.input_id(0)), a_(b.input_id(gates)), b_(b.input_id(gates + 1)), A_(b.floats(gates + 2)),
      dt_bias_(b.floats(gates + 3)), conv_(conv), history_(history),
      query_scale_(static_cast<float>(1.0 / square_root(static_cast<double>(shape.Dk)))),
      token_floats_(2 * shape.Hk * shape.Dk + 2 * shape.Hv + (conv ? shape.Hv * shape.Dv : 0)) {
  shared_bytes = static_cast<size_t>(b.program.max_tokens * token_floats_) * sizeof(float);
  private_bytes = static_cast<size_t>(std::max(kBlock * shape.Dk, 2 * shape.Hv)) * sizeof(float);
}

Work DeltaInputs::work(const Step& step) const {
  const double norms = static_cast<double>(shape_.Hk * shape_.Dk) * 0.3 + static_cast<double>(shape_.Hv) * 4;
  if (!conv_) return {step.T, norms};
  const double token = norms + static_cast<double>(shape_.qkv()) * 0.8, tokens = static_cast<double>(std::min(step.T, kBlock));
  return {blocks(step) * shape_.Hk, tokens * token / static_cast<double>(shape_.Hk)};
}

void DeltaInputs::run(const Step& step, int64_t begin, int64_t end, int thread) const {
  const DeltaShape& s = shape_;
  float* const scratch = step.scratch(thread);
  const auto normalize = [&](const float* x, int64_t head, int64_t t, bool key) {
    step.kernels->floats.l2_normalize(x, query(step, head, t) + (key ? s.Dk : 0), 1, s.Dk, s.eps, key ? 1.0f : query_scale_);
  };
  if (!conv_) {
    for (int64_t t = begin; t < end; t++) {
      const float* qkv = step.activations[qkv_] + t * s.qkv();
      for (int64_t head = 0; head < s.Hk; head++) {
        normalize(qkv + head * s.Dk, head, t, false);
        normalize(qkv + (s.Hk + head) * s.Dk, head, t, true);
      }
      write_gates(step, t, scratch);
    }
    return;
  }
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t first = unit / s.Hk * kBlock, last = std::min(first + kBlock, step.T), head = unit % s.Hk;
    for (const bool key : {false, true}) {
      convolve(step, first, last, ((key ? s.Hk : 0) + head) * s.Dk, s.Dk, scratch);
      for (int64_t t = first; t < last; t++) normalize(scratch + (t - first) * s.Dk, head, t, key);
    }
    const int64_t share = s.Hv / s.Hk;
    for (int64_t h = head * share; h < (head + 1) * share; h++)
      convolve(step, first, last, 2 * s.Hk * s.Dk + h * s.Dv, s.Dv, own_value(step, h, first));
    for (int64_t t = first; head == 0 && t < last; t++) write_gates(step, t, scratch);
  }
}

void DeltaInputs::write_gates(const Step& step, int64_t t, float* scratch) const {
  const int64_t n = shape_.Hv;
  step.kernels->floats.delta_gates(step.activations[a_] + t * n, step.activations[b_] + t * n, A_, dt_bias_, scratch, scratch + n, n);
  for (int64_t h = 0; h < n; h++) {
    float* const both = gates(step, h, t);
    both[0] = scratch[h];
    both[1] = scratch[n + h];
  }
}

/// Some channels of the tokens [first, last): y [last - first, channels].
void DeltaInputs::convolve(const Step& step, int64_t first, int64_t last, int64_t channel, int64_t channels, float* y) const {
  ConvArgs args;
  args.x_stride = args.history_stride = static_cast<size_t>(history_.channels);
  args.x = step.activations[qkv_] + first * history_.channels + channel;
  args.taps = history_.kept + 1;
  args.weight = conv_ + channel * args.taps;
  args.history = first == 0 ? history_.rows(step) + channel : args.x - history_.kept * history_.channels;
  args.y = y;
  args.y_stride = static_cast<size_t>(channels);
  args.tokens = last - first;
  args.channels = channels;
  args.silu = true;
  step.kernels->floats.causal_conv1d(args);
}

}  // namespace fak
