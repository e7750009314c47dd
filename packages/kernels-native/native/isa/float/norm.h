// rmsNorm, gatedRmsNorm and l2 normalization: a sum of squares as a float dot, one IEEE root and division, then products.
#pragma once

namespace fak {
namespace FAK_ISA {

static void rms_norm_f32(const float* x, const float* weight, float* y, int64_t groups, int64_t d, float eps) {
  for (int64_t g = 0; g < groups; g++, x += d, y += d) {
    const F32x16 scale = set1(1.0f / __builtin_sqrtf(dot(x, x, d) / static_cast<float>(d) + eps));
    int64_t i = 0;
    for (; i + 16 <= d; i += 16) store(y + i, mul(mul(load(x + i), scale), load(weight + i)));
    if (i < d) store_first(y + i, mul(mul(load_first(x + i, d - i), scale), load_first(weight + i, d - i)), d - i);
  }
}

static void gated_rms_norm_f32(const float* x, const float* z, const float* weight, float* y, int64_t groups, int64_t d,
                               float eps) {
  for (int64_t g = 0; g < groups; g++, x += d, z += d, y += d) {
    const F32x16 scale = set1(1.0f / __builtin_sqrtf(dot(x, x, d) / static_cast<float>(d) + eps));
    int64_t i = 0;
    for (; i + 16 <= d; i += 16)
      store(y + i, mul(mul(mul(load(x + i), scale), load(weight + i)), silu(load(z + i))));
    if (i < d) {
      const int64_t n = d - i;
      const F32x16 normed = mul(mul(load_first(x + i, n), scale), load_first(weight + i, n));
      store_first(y + i, mul(normed, silu(load_first(z + i, n))), n);
    }
  }
}

static void l2_normalize_f32(const float* u, float* y, int64_t groups, int64_t d, float eps, float scale) {
  for (int64_t g = 0; g < groups; g++, u += d, y += d) {
    const F32x16 factor = set1(scale / __builtin_sqrtf(dot(u, u, d) + eps));
    int64_t i = 0;
    for (; i + 16 <= d; i += 16) store(y + i, mul(load(u + i), factor));
    if (i < d) store_first(y + i, mul(load_first(u + i, d - i), factor), d - i);
  }
}

}  // namespace FAK_ISA
}  // namespace fak
