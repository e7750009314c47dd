// DeltaInputs: what the recurrence of the delta rule reads, for all tokens of a step: normalized and scaled queries, normalized keys, values
// and gates. They come from the result of a convolution, or, in `deltaNet`, from its input: then the convolution is done on the way.
#pragma once

#include "math/trigonometry.h"
#include "ops/conv_history.h"

namespace fak {

struct DeltaShape {
  int64_t Hk, Hv, Dk, Dv;
  bool tiled;
  float eps;
  /// From the attributes Hk, Hv, Dk, Dv, keyHead (0 grouped, 1 tiled), eps.
  explicit DeltaShape(const OpBuilder& b)
      : Hk(b.integer(0)), Hv(b.integer(1)), Dk(b.integer(2)), Dv(b.integer(3)), tiled(b.integer(4) == 1),
        eps(static_cast<float>(b.number(5))) {}
  int64_t qkv() const { return 2 * Hk * Dk + Hv * Dv; }
};

/// Sequence by sequence, and in each head by head, so that the recurrence reads on and on: queries and keys [Hk, T, 2, Dk], decay and beta [Hv, T, 2], and, after a
/// convolution of its own, values [Hv, T, Dv].
class DeltaInputs final : public Task {
 public:
  /// `gates`: index of the operand a; b, A and dtBias follow. `conv`: null, or the weight [channels, taps] of the convolution of operand 0.
  DeltaInputs(const OpBuilder& b, const DeltaShape& shape, int gates, const float* conv, const ConvHistory& history);

  /// A unit is a block of tokens for one key head and its share of the value heads, or, without a convolution, a token.
  bool by_sequence() const override { return true; }
  Work work(const Step& step) const override;
  void run(const Step& step, int64_t begin, int64_t end, int thread) const override;

  /// A token's query for one key head; its key follows.
  float* query(const Step& step, int64_t head, int64_t t) const {
    return reinterpret_cast<float*>(step.shared + shared_offset) + step.row * token_floats_ + (head * step.T + t) * 2 * shape_.Dk;
  }
  /// A token's decay for one value head; its beta follows.
  float* gates(const Step& step, int64_t head, int64_t t) const {
    return query(step, shape_.Hk, 0) + (head * step.T + t) * 2;
  }
  /// Token 0's value of one head, and the floats from one token's to the next.
  const float* value(const Step& step, int64_t head) const {
    return conv_ ? own_value(step, head, 0) : step.activations[qkv_] + 2 * shape_.Hk * shape_.Dk + head * shape_.Dv;
  }
  size_t value_stride() const { return static_cast<size_t>(conv_ ? shape_.Dv : shape_.qkv()); }

 private:
  /// Tokens of a block, no fewer than the rows of the longest history: a block then needs no other than the one before it.
  static constexpr int64_t kBlock = kMaxConvTaps;

  int64_t blocks(const Step& step) const { return (step.T + kBlock - 1) / kBlock; }
  float* own_value(const Step& step, int64_t head, int64_t t) const {
    return gates(step, shape_.Hv, 0) + (head * step.T + t) * shape_.Dv;
  }
  void write_gates(const Step& step, int64_t t, float* scratch) const;
  void convolve(const Step& step, int64_t first, int64_t last, int64_t channel, int64_t channels, float* y) const;

  const DeltaShape shape_;
  const int qkv_, a_, b_;
  const float *A_, *dt_bias_, *conv_;
  const ConvHistory history_;
  const float query_scale_;
  const int64_t token_floats_;  ///< what there is for one token
};

}  // namespace fak
