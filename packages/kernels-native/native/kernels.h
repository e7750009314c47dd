// The kernel table: every leaf kernel behind a function pointer, with its contract. A leaf is a pure function over pointers
// and sizes: no allocation, no threads, no globals. Op drivers (ops/) slice the work; leaves (isa/<name>/) do one slice.
// The table starts full with scalar kernels; each instruction set overrides what it does better. All entries for one op
// give the same bits (docs/arithmetic.md), so which one ran can never be told from the result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dtype.h"

namespace fak {

/// How a linear op wants its input row.
enum class ActivationFormat : uint8_t {
  F32,     ///< floats as they are (F32, F16 and BF16 weights)
  Q8x32,   ///< int8 blocks of 32 with one scale each (Q4_0 … Q8_0, IQ4_NL)
  Q8x256,  ///< int8 blocks of 256 with one scale and sixteen sums each (K-quants, IQ4_XS)
};

/// y[m * y_stride + n] = dot(weight row n, x row m) for n in [0, rows), m in [0, columns).
struct LinearArgs {
  const uint8_t* weight;   ///< first weight row of the slice, in its stored layout, any alignment
  size_t weight_stride;    ///< bytes from one weight row to the next
  const uint8_t* x;        ///< first activation row, in the kernel's ActivationFormat, 64-byte aligned
  size_t x_stride;         ///< bytes from one activation row to the next, a multiple of 64
  float* y;                ///< output element of (weight row 0 of the slice, activation row 0)
  size_t y_stride;         ///< floats from one activation row's outputs to the next
  int64_t rows;            ///< weight rows in the slice
  int64_t columns;         ///< activation rows M (tokens)
  int64_t k;               ///< elements of a row, a multiple of the weight type's block length
};

/// What one stored type needs for `linear` and `embedding`.
struct LinearKernels {
  const char* name;            ///< e.g. "linear_q4_K__avx512", for `fak info`
  ActivationFormat activation;
  void (*linear)(const LinearArgs& args);
  /// Exact value of k stored elements as floats.
  void (*dequantize_row)(const uint8_t* row, float* out, int64_t k);
};

struct KernelTable;

/// Bytes that one activation row of k floats takes in a format, rounded up to a multiple of 64.
size_t activation_row_bytes(ActivationFormat format, int64_t k);

/// Fills every linear entry of a table with scalar kernels; the others override what they have.
void register_linear_scalar(KernelTable& table);
void register_linear_avx2(KernelTable& table);
void register_linear_avx512(KernelTable& table);

struct KernelTable {
  const char* isa;
  LinearKernels linear[kDTypeCount];
  /// Quantizes (or copies) one row of k floats into a format; by ActivationFormat.
  void (*quantize_row[3])(const float* x, uint8_t* out, int64_t k);
};

}  // namespace fak
