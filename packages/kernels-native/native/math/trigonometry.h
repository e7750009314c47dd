// sin, cos and powers in double for the angles of rope: computed once per position, so plain scalar code, of our own so that
// every machine has the same bits (docs/arithmetic.md, rule 5). IEEE operations and explicit FMA only.
#pragma once

namespace fak {

struct SineCosine {
  double sine, cosine;
};

/// Error below 1e-13 for |x| < 1e9.
SineCosine sine_cosine(double x);

/// base^exponent for base > 0; relative error about 1e-14.
double power(double base, double exponent);

/// The IEEE square root.
inline double square_root(double x) { return __builtin_sqrt(x); }

}  // namespace fak
