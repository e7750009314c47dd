// F32x16: the sixteen virtual lanes of the arithmetic contract, as each instruction set holds them. A leaf that is written
// once defines FAK_ISA (scalar, avx2, avx512, neon) and includes this file; everything then lives in fak::<isa>, so that the linker can
// never take code compiled for one CPU into the path of another. For the same reason no C++ library header is included.
//
// Every operation is the IEEE one, lane by lane, and the same on every instruction set:
//   fma(a, b, c)          a * b + c with one rounding
//   max, min              a > b ? a : b and a < b ? a : b (the second operand when either is NaN)
//   where_greater         a > b ? x : y;  where_nan  a is NaN ? x : y
//   load_columns4(p, y)   y[j] has the floats j, j + 4, j + 8, ... of the 64 at p
//   reduce_add            tree: lanes l + (l+8), then +4, +2, +1
//   reduce_add4           the same of four vectors, stored next to each other
//   round_even            to the nearest integer, ties to even
//   pow2(n)               2^n for integral n in [-126, 127]
//   load_f16, load_i8     sixteen binary16 numbers or int8, widened exactly
//   split(x, &e)          x positive and normal: x = m * 2^e with m in [1, 2); returns m
#pragma once

#include <stdint.h>
#include <string.h>

#define FAK_INLINE static inline __attribute__((always_inline))

#define FAK_VEC_SCALAR 1
#define FAK_VEC_AVX2 2
#define FAK_VEC_AVX512 3
#define FAK_VEC_NEON 4
#define FAK_VEC_I8MM 5

#if FAK_VEC == FAK_VEC_AVX512
#include "avx512/vec_avx512.h"
#elif FAK_VEC == FAK_VEC_AVX2
#include "avx2/vec_avx2.h"
#elif FAK_VEC == FAK_VEC_NEON || FAK_VEC == FAK_VEC_I8MM
#include "neon/vec_neon.h"
#elif FAK_VEC == FAK_VEC_SCALAR
#include "scalar/vec_scalar.h"
#else
#error "define FAK_VEC before including vec.h"
#endif

namespace fak {
namespace FAK_ISA {

/// Asks for the cache line at p; never faults.
FAK_INLINE void prefetch(const void* p) { __builtin_prefetch(p); }

/// load_first and store_first where a full vector is the common case: masks cost more than a branch.
FAK_INLINE F32x16 load_up_to(const float* p, int64_t n) { return n == 16 ? load(p) : load_first(p, n); }
FAK_INLINE void store_up_to(float* p, F32x16 a, int64_t n) {
  if (n == 16) {
    store(p, a);
  } else {
    store_first(p, a, n);
  }
}

}  // namespace FAK_ISA
}  // namespace fak
