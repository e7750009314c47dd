// exp, sigmoid, silu and softplus over F32x16: one definition for every instruction set (docs/arithmetic.md, rule 5).
// Included after isa/vec.h; no library is called.
#pragma once

namespace fak {
namespace FAK_ISA {

/// Below this exp is 0, above the other it is infinite. (The smallest normal float is exp(-87.3); nothing here needs what lies under.)
constexpr float kExpLow = -86.0f;
constexpr float kExpHigh = 88.72283f;

/// exp(x), about 1 ulp. x = n ln 2 + r with |r| <= ln(2)/2; exp(r) is the Taylor polynomial of degree 7 (next term < 6e-9).
FAK_INLINE F32x16 exponential(F32x16 x) {
  const F32x16 low = set1(kExpLow), high = set1(kExpHigh);
  const F32x16 inside = min(max(x, low), high);
  const F32x16 n = round_even(mul(inside, set1(1.44269504f)));
  // ln 2 in two parts; n times the first is exact.
  F32x16 r = fma(n, set1(-0.693359375f), inside);
  r = fma(n, set1(2.12194440e-4f), r);
  F32x16 p = set1(1.0f / 5040.0f);
  p = fma(p, r, set1(1.0f / 720.0f));
  p = fma(p, r, set1(1.0f / 120.0f));
  p = fma(p, r, set1(1.0f / 24.0f));
  p = fma(p, r, set1(1.0f / 6.0f));
  p = fma(p, r, set1(0.5f));
  p = fma(p, r, set1(1.0f));
  p = fma(p, r, set1(1.0f));
  // 2^n in two factors, because 2^128 is not a float.
  const F32x16 scaled = mul(mul(p, pow2(sub(n, set1(1.0f)))), set1(2.0f));
  const F32x16 cut = where_greater(x, high, set1(__builtin_inff()), where_greater(low, x, zero(), scaled));
  return where_nan(x, x, cut);
}

/// 1 / (1 + exp(-x))
FAK_INLINE F32x16 sigmoid(F32x16 x) {
  const F32x16 one = set1(1.0f);
  return div(one, add(one, exponential(sub(zero(), x))));
}

/// x / (1 + exp(-x))
FAK_INLINE F32x16 silu(F32x16 x) { return div(x, add(set1(1.0f), exponential(sub(zero(), x)))); }

/// log(x) for positive normal x, about 1 ulp. x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh((m-1)/(m+1)) as its series.
FAK_INLINE F32x16 logarithm(F32x16 x) {
  const F32x16 one = set1(1.0f);
  F32x16 e;
  F32x16 m = split(x, &e);
  const F32x16 root2 = set1(1.41421356f);
  e = where_greater(m, root2, add(e, one), e);
  m = where_greater(m, root2, mul(m, set1(0.5f)), m);
  const F32x16 s = div(sub(m, one), add(m, one));
  const F32x16 z = mul(s, s);
  F32x16 p = set1(2.0f / 9.0f);
  p = fma(p, z, set1(2.0f / 7.0f));
  p = fma(p, z, set1(2.0f / 5.0f));
  p = fma(p, z, set1(2.0f / 3.0f));
  const F32x16 small = fma(mul(s, z), p, mul(s, set1(2.0f)));
  return fma(e, set1(0.693359375f), fma(e, set1(-2.12194440e-4f), small));
}

/// log(1 + exp(x)), and x itself above 20. log(1 + u) = log(w) + (u - (w - 1)) / w with w = 1 + u gives back what rounding w took.
FAK_INLINE F32x16 softplus(F32x16 x) {
  const F32x16 one = set1(1.0f), limit = set1(20.0f);
  const F32x16 u = exponential(min(x, limit));
  const F32x16 w = add(one, u);
  const F32x16 lost = div(sub(u, sub(w, one)), w);
  return where_nan(x, x, where_greater(x, limit, x, add(logarithm(w), lost)));
}

}  // namespace FAK_ISA
}  // namespace fak
