#include "math/trigonometry.h"

#include <cstdint>
#include <cstring>

namespace fak {

namespace {

/// 1.5 * 2^52: adding and subtracting it rounds to the nearest integer, ties to even.
constexpr double kRound = 6755399441055744.0;

double round_even(double x) { return (x + kRound) - kRound; }

/// Horner evaluation of c[0] + c[1] z + … with explicit FMA.
template <int n>
double polynomial(const double (&c)[n], double z) {
  double p = c[n - 1];
  for (int i = n - 2; i >= 0; i--) p = __builtin_fma(p, z, c[i]);
  return p;
}

}  // namespace

SineCosine sine_cosine(double x) {
  // x = q pi/2 + r with |r| <= pi/4; pi/2 in two parts, the product with the first rounded once.
  const double q = round_even(x * 0.63661977236758134308);
  double r = __builtin_fma(q, -1.57079632679489655800, x);
  r = __builtin_fma(q, -6.12323399573676603587e-17, r);
  const double z = r * r;
  // Taylor series; the next terms are below 1e-16 on this range.
  static constexpr double sine_terms[] = {-1.0 / 6,          1.0 / 120,         -1.0 / 5040, 1.0 / 362880,
                                          -1.0 / 39916800.0, 1.0 / 6227020800.0};
  static constexpr double cosine_terms[] = {-1.0 / 2,         1.0 / 24,          -1.0 / 720, 1.0 / 40320,
                                            -1.0 / 3628800.0, 1.0 / 479001600.0, -1.0 / 87178291200.0};
  const double sine = __builtin_fma(r * z, polynomial(sine_terms, z), r);
  const double cosine = __builtin_fma(z, polynomial(cosine_terms, z), 1.0);
  switch (static_cast<int64_t>(q) & 3) {
    case 0: return {sine, cosine};
    case 1: return {cosine, -sine};
    case 2: return {-sine, -cosine};
    default: return {-cosine, sine};
  }
}

double power(double base, double exponent) {
  // log2(base) = e + 2 atanh(s) / ln 2 with the mantissa in [sqrt(1/2), sqrt(2)).
  uint64_t bits;
  std::memcpy(&bits, &base, sizeof bits);
  double e = static_cast<double>(static_cast<int64_t>(bits >> 52) - 1023);
  bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
  double m;
  std::memcpy(&m, &bits, sizeof m);
  if (m > 1.41421356237309504880) {
    m = m * 0.5;
    e = e + 1.0;
  }
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  static constexpr double atanh_terms[] = {1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,
                                           1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19};
  const double log2_base = __builtin_fma(s * polynomial(atanh_terms, z), 2.8853900817779268147, e);

  // 2^y = 2^n e^(f ln 2) with |f| <= 1/2.
  const double y = exponent * log2_base;
  const double n = round_even(y);
  const double f = (y - n) * 0.69314718055994530942;
  static constexpr double exp_terms[] = {1.0,
                                         1.0,
                                         1.0 / 2,
                                         1.0 / 6,
                                         1.0 / 24,
                                         1.0 / 120,
                                         1.0 / 720,
                                         1.0 / 5040,
                                         1.0 / 40320,
                                         1.0 / 362880,
                                         1.0 / 3628800,
                                         1.0 / 39916800.0,
                                         1.0 / 479001600.0,
                                         1.0 / 6227020800.0};
  if (n < -1022.0) return 0.0;
  if (n > 1023.0) return __builtin_inf();
  const uint64_t scale_bits = static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52;
  double scale;
  std::memcpy(&scale, &scale_bits, sizeof scale);
  return polynomial(exp_terms, f) * scale;
}

}  // namespace fak
