// causalConv1d: lanes run over channels; taps are added oldest first.
#pragma once

namespace fak {
namespace FAK_ISA {

/// Row i in order of time: the history's taps - 1 rows, then the step's.
FAK_INLINE const float* conv_row(const ConvArgs& a, int64_t i) {
  const int64_t kept = a.taps - 1;
  return i < kept ? a.history + static_cast<size_t>(i) * a.history_stride : a.x + static_cast<size_t>(i - kept) * a.x_stride;
}

/// Sixteen channels and four taps, the one shape that models have: the weights are turned once, and a row is loaded once for the four tokens
/// that it counts for. Bound by silu's division and polynomial.
FAK_INLINE void conv_four_taps(const ConvArgs& a, int64_t c) {
  F32x16 weight[4];
  load_columns4(a.weight + c * 4, weight);
  F32x16 x0 = load(conv_row(a, 0) + c), x1 = load(conv_row(a, 1) + c), x2 = load(conv_row(a, 2) + c);
  for (int64_t t = 0; t < a.tokens; t++) {
    const F32x16 x3 = load(a.x + static_cast<size_t>(t) * a.x_stride + c);
    const F32x16 sum = fma(weight[3], x3, fma(weight[2], x2, fma(weight[1], x1, fma(weight[0], x0, zero()))));
    store(a.y + static_cast<size_t>(t) * a.y_stride + c, a.silu ? silu(sum) : sum);
    x0 = x1;
    x1 = x2;
    x2 = x3;
  }
}

static void causal_conv1d_f32(const ConvArgs& a) {
  const int64_t taps = a.taps;
  for (int64_t c = 0; c < a.channels; c += 16) {
    const int64_t n = a.channels - c < 16 ? a.channels - c : 16;
    if (n == 16 && taps == 4) {
      conv_four_taps(a, c);
      continue;
    }
    // The weights [n, taps] with the taps outermost; missing channels are zero.
    alignas(64) float weight[kMaxConvTaps * 16];
    memset(weight, 0, sizeof(float) * static_cast<size_t>(16 * taps));
    for (int64_t l = 0; l < n; l++)
      for (int64_t j = 0; j < taps; j++) memcpy(weight + j * 16 + l, a.weight + (c + l) * taps + j, sizeof(float));
    for (int64_t t = 0; t < a.tokens; t++) {
      F32x16 sum = zero();
      for (int64_t j = 0; j < taps; j++) sum = fma(load(weight + j * 16), load_up_to(conv_row(a, t + j) + c, n), sum);
      store_up_to(a.y + static_cast<size_t>(t) * a.y_stride + c, a.silu ? silu(sum) : sum, n);
    }
  }
}

}  // namespace FAK_ISA
}  // namespace fak
