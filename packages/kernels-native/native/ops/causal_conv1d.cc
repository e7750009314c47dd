// causalConv1d: a short convolution over time, each channel by itself. Attribute: activation (0 silu, 1 none). A unit is a group of
// channels, carried through all tokens.
#include <algorithm>
#include <stdexcept>

#include "ops/op.h"

namespace fak {

namespace {

constexpr int64_t kChannelsPerUnit = 64;

class CausalConv1d final : public Task {
 public:
  explicit CausalConv1d(const OpBuilder& b)
      : x_(b.input_id(0)), y_(b.node.output), history_(b.state(0)), channels_(b.output().columns), taps_(b.input(1).columns),
        weight_(b.floats(1)), silu_(b.integer(0) == 0) {
    if (taps_ > kMaxConvTaps) throw std::runtime_error("a convolution has too many taps");
  }

  Work work(const Step& step) const override {
    const double floats = static_cast<double>(kChannelsPerUnit * step.T);
    return {(channels_ + kChannelsPerUnit - 1) / kChannelsPerUnit,
            100 + floats * (0.1 * static_cast<double>(taps_) + (silu_ ? 0.4 : 0.0))};
  }

  void run(const Step& step, int64_t begin, int64_t end, int) const override {
    const int64_t from = begin * kChannelsPerUnit;
    ConvArgs args;
    args.x = step.activations[x_] + from;
    args.stride = static_cast<size_t>(channels_);
    args.weight = weight_ + from * taps_;
    args.history = step.states[history_] + from;
    args.history_stride = static_cast<size_t>(channels_);
    args.y = step.activations[y_] + from;
    args.tokens = step.T;
    args.channels = std::min(end * kChannelsPerUnit, channels_) - from;
    args.taps = taps_;
    args.silu = silu_;
    step.kernels->floats.causal_conv1d(args);
  }

 private:
  int x_, y_, history_;
  int64_t channels_, taps_;
  const float* weight_;
  bool silu_;
};

}  // namespace

void make_causal_conv1d(OpBuilder& b) { b.planned().main = std::make_unique<CausalConv1d>(b); }

}  // namespace fak
