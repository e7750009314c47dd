// causalConv1d: lanes run over channels; taps are added oldest first.
#pragma once

namespace fak {
namespace FAK_ISA {

/// The weights [n, taps] of up to sixteen channels with the taps outermost: out[j * 16 + l]; missing channels are zero.
FAK_INLINE void conv_weights(const float* weight, int64_t n, int64_t taps, float* out) {
  if (n == 16 && taps == 4) {
    // The one shape that models have; constant bounds make it straight code.
    for (int l = 0; l < 16; l++)
      for (int j = 0; j < 4; j++) memcpy(out + j * 16 + l, weight + l * 4 + j, sizeof(float));
    return;
  }
  memset(out, 0, sizeof(float) * static_cast<size_t>(16 * taps));
  for (int64_t l = 0; l < n; l++)
    for (int64_t j = 0; j < taps; j++) memcpy(out + j * 16 + l, weight + l * taps + j, sizeof(float));
}

/// Row i in order of time: the history's taps - 1 rows, then the step's.
FAK_INLINE const float* conv_row(const ConvArgs& a, int64_t i) {
  const int64_t kept = a.taps - 1;
  return i < kept ? a.history + static_cast<size_t>(i) * a.history_stride : a.x + static_cast<size_t>(i - kept) * a.stride;
}

static void causal_conv1d_f32(const ConvArgs& a) {
  const int64_t taps = a.taps, kept = taps - 1;
  for (int64_t c = 0; c < a.channels; c += 16) {
    const int64_t n = a.channels - c < 16 ? a.channels - c : 16;
    alignas(64) float weight[kMaxConvTaps * 16];
    conv_weights(a.weight + c * taps, n, taps, weight);

    for (int64_t t = 0; t < a.tokens; t++) {
      F32x16 sum = zero();
      for (int64_t j = 0; j < taps; j++)
        sum = fma(load(weight + j * 16), load_up_to(conv_row(a, t + j) + c, n), sum);
      store_up_to(a.y + static_cast<size_t>(t) * a.stride + c, a.silu ? silu(sum) : sum, n);
    }

    // The last rows become the history; ascending order never reads a row already rewritten.
    for (int64_t i = 0; i < kept; i++)
      store_up_to(a.history + static_cast<size_t>(i) * a.history_stride + c, load_up_to(conv_row(a, a.tokens + i) + c, n), n);
  }
}

}  // namespace FAK_ISA
}  // namespace fak
