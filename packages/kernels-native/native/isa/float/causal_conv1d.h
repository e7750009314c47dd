// causalConv1d: lanes run over channels; taps are added oldest first.
#pragma once

namespace fak {
namespace FAK_ISA {

static void causal_conv1d_f32(const ConvArgs& a) {
  const int64_t taps = a.taps, kept = taps - 1;
  for (int64_t c = 0; c < a.channels; c += 16) {
    const int64_t n = a.channels - c < 16 ? a.channels - c : 16;
    // The weights of sixteen channels, taps outermost.
    alignas(64) float weight[kMaxConvTaps * 16];
    memset(weight, 0, sizeof weight);
    for (int64_t l = 0; l < n; l++)
      for (int64_t j = 0; j < taps; j++) memcpy(weight + j * 16 + l, a.weight + (c + l) * taps + j, sizeof(float));

    for (int64_t t = 0; t < a.tokens; t++) {
      F32x16 sum = zero();
      for (int64_t j = 0; j < taps; j++) {
        const int64_t from = t - kept + j;
        const float* x = from >= 0 ? a.x + static_cast<size_t>(from) * a.stride
                                   : a.history + static_cast<size_t>(from + kept) * a.history_stride;
        sum = fma(load(weight + j * 16), load_first(x + c, n), sum);
      }
      store_first(a.y + static_cast<size_t>(t) * a.stride + c, a.silu ? silu(sum) : sum, n);
    }

    // Row i moves down by `tokens` rows; ascending order never reads a row already rewritten.
    for (int64_t i = 0; i < kept; i++) {
      const int64_t from = i + a.tokens;
      const float* x = from < kept ? a.history + static_cast<size_t>(from) * a.history_stride
                                   : a.x + static_cast<size_t>(from - kept) * a.stride;
      store_first(a.history + static_cast<size_t>(i) * a.history_stride + c, load_first(x + c, n), n);
    }
  }
}

}  // namespace FAK_ISA
}  // namespace fak
