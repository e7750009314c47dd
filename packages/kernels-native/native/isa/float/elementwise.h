// add, scale, siluMul, sigmoidMul, and the checks for NaN and infinity.
#pragma once

namespace fak {
namespace FAK_ISA {

static void add_f32(const float* a, const float* b, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, add(load(a + i), load(b + i)));
  if (i < n) store_first(y + i, add(load_first(a + i, n - i), load_first(b + i, n - i)), n - i);
}

static void scale_f32(const float* x, float factor, float* y, int64_t n) {
  const F32x16 all = set1(factor);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, mul(load(x + i), all));
  if (i < n) store_first(y + i, mul(load_first(x + i, n - i), all), n - i);
}

static void silu_mul_f32(const float* gate, const float* up, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, mul(silu(load(gate + i)), load(up + i)));
  if (i < n) store_first(y + i, mul(silu(load_first(gate + i, n - i)), load_first(up + i, n - i)), n - i);
}

static void sigmoid_mul_f32(const float* x, const float* gate, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, mul(load(x + i), sigmoid(load(gate + i))));
  if (i < n) store_first(y + i, mul(load_first(x + i, n - i), sigmoid(load_first(gate + i, n - i))), n - i);
}

static bool all_finite_f32(const float* x, int64_t n) {
  // Zero times a finite number is zero; times anything else it is NaN, and NaN stays in a sum.
  F32x16 s0 = zero(), s1 = zero();
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    s0 = add(s0, mul(load(x + i), zero()));
    s1 = add(s1, mul(load(x + i + 16), zero()));
  }
  for (; i < n; i += 16) s0 = add(s0, mul(load_first(x + i, n - i < 16 ? n - i : 16), zero()));
  const float sum = reduce_add(add(s0, s1));
  return sum == sum;
}

static bool finish_f32(float* y, const float* residual, size_t stride, int64_t rows, int64_t n) {
  F32x16 sum = zero();
  for (int64_t r = 0; r < rows; r++, y += stride) {
    for (int64_t i = 0; i < n; i += 16) {
      const int64_t m = n - i < 16 ? n - i : 16;
      const F32x16 x = load_up_to(y + i, m);
      sum = add(sum, mul(x, zero()));
      if (residual) store_up_to(y + i, add(load_up_to(residual + i, m), x), m);
    }
    if (residual) residual += stride;
  }
  const float all = reduce_add(sum);
  return all == all;
}

}  // namespace FAK_ISA
}  // namespace fak
