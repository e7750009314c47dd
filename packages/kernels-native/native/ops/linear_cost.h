// About how long linear kernels take, for slicing only: the same bits come out however the work is cut.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dtype.h"

namespace fak {

/// Rows of the largest panel tile of any instruction set: slices of weight rows are a multiple of it.
constexpr int64_t kTileRows = 32;

/// Rough speeds of one core: weight bytes, multiply-adds, and elements of a type that is dequantized, per nanosecond.
constexpr double kBytesPerNs = 12, kMacsPerNs = 60, kDequantizedPerNs = 0.7;

/// With fewer columns the kernels read four rows far apart as four streams, which want to be long: 32 rows each at least, as long as every
/// thread gets its share of the units.
constexpr int64_t kManyColumns = 12, kStreamTiles = 4, kLinearUnitsPerThread = 4;

/// Weight rows of one unit.
inline int64_t rows_per_unit(int64_t rows, int64_t columns, int threads) {
  if (columns >= kManyColumns) return kTileRows;
  const int64_t share = rows / (kTileRows * kLinearUnitsPerThread * threads);
  return kTileRows * std::min(std::max<int64_t>(share, 1), kStreamTiles);
}

/// Nanoseconds to bring one weight row of k elements in, and to multiply it with one column.
inline double row_read_ns(DType type, int64_t k) {
  if (is_dequantized(type)) return static_cast<double>(k) / kDequantizedPerNs;
  return static_cast<double>(row_bytes(type, k)) / kBytesPerNs;
}
inline double row_multiply_ns(int64_t k) { return static_cast<double>(k) / kMacsPerNs; }

}  // namespace fak
