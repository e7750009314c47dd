// About how long linear kernels take, for slicing only: the same bits come out however the work is cut.
#pragma once

#include <cstdint>

#include "dtype.h"

namespace fak {

/// Rows of the largest panel tile of any instruction set: slices of weight rows are a multiple of it.
constexpr int64_t kTileRows = 32;

/// Rough speeds of one core: weight bytes, multiply-adds, and elements of a type that is dequantized, per nanosecond.
constexpr double kBytesPerNs = 12, kMacsPerNs = 60, kDequantizedPerNs = 0.7;

/// Nanoseconds to bring one weight row of k elements in, and to multiply it with one column.
inline double row_read_ns(DType type, int64_t k) {
  if (is_dequantized(type)) return static_cast<double>(k) / kDequantizedPerNs;
  return static_cast<double>(row_bytes(type, k)) / kBytesPerNs;
}
inline double row_multiply_ns(int64_t k) { return static_cast<double>(k) / kMacsPerNs; }

}  // namespace fak
