// The float dot of the contract (rule 3): lane l takes the elements l, l + 16, … in order with FMA, then the tree 8-4-2-1.
#pragma once

namespace fak {
namespace FAK_ISA {

FAK_INLINE float dot(const float* a, const float* b, int64_t n) {
  F32x16 sum = zero();
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) sum = fma(load(a + i), load(b + i), sum);
  if (i < n) sum = fma(load_first(a + i, n - i), load_first(b + i, n - i), sum);
  return reduce_add(sum);
}

/// Four dots of the same a, with rows of b one stride apart: the same sums, but their latencies overlap.
FAK_INLINE void dot4(const float* a, const float* b, size_t stride, int64_t n, float* out) {
  const float *b0 = b, *b1 = b + stride, *b2 = b + 2 * stride, *b3 = b + 3 * stride;
  F32x16 s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const F32x16 x = load(a + i);
    s0 = fma(x, load(b0 + i), s0);
    s1 = fma(x, load(b1 + i), s1);
    s2 = fma(x, load(b2 + i), s2);
    s3 = fma(x, load(b3 + i), s3);
  }
  if (i < n) {
    const F32x16 x = load_first(a + i, n - i);
    s0 = fma(x, load_first(b0 + i, n - i), s0);
    s1 = fma(x, load_first(b1 + i, n - i), s1);
    s2 = fma(x, load_first(b2 + i, n - i), s2);
    s3 = fma(x, load_first(b3 + i, n - i), s3);
  }
  reduce_add4(s0, s1, s2, s3, out);
}

}  // namespace FAK_ISA
}  // namespace fak
