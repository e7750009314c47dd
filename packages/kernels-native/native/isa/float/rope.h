// rope: rotates the NeoX pairs (m, m + dims/2) of each head; what lies beyond `dims` passes through.
#pragma once

namespace fak {
namespace FAK_ISA {

static void rope_f32(const float* x, const float* cosines, const float* sines, float* y, int64_t heads, int64_t head_dim,
                     int64_t dims) {
  const int64_t half = dims / 2;
  for (int64_t h = 0; h < heads; h++, x += head_dim, y += head_dim) {
    for (int64_t m = 0; m < half; m += 16) {
      const int64_t n = half - m < 16 ? half - m : 16;
      const F32x16 c = load_first(cosines + m, n), s = load_first(sines + m, n);
      const F32x16 a = load_first(x + m, n), b = load_first(x + half + m, n);
      // a cos - b sin and b cos + a sin: the first product is rounded, the second is not.
      store_first(y + m, fma(sub(zero(), b), s, mul(a, c)), n);
      store_first(y + half + m, fma(a, s, mul(b, c)), n);
    }
    memcpy(y + dims, x + dims, sizeof(float) * static_cast<size_t>(head_dim - dims));
  }
}

}  // namespace FAK_ISA
}  // namespace fak
