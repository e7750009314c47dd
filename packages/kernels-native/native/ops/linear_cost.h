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

/// Units are long, because the first rows of each arrive cold and kernels with few columns read four rows far apart as four long streams; as
/// long as every thread gets its share of the units, and more of them where a unit takes long.
constexpr int64_t kManyColumns = 12, kUnitTiles = 4, kUnitsPerThread = 4, kLongUnitsPerThread = 8;

/// Results of one unit, unless one tile has more: they stay in the second-level cache.
constexpr int64_t kUnitFloats = 8192;

/// Weight rows of one unit.
inline int64_t rows_per_unit(int64_t rows, int64_t columns, int threads) {
  const int64_t share = rows / (kTileRows * (columns < kManyColumns ? kUnitsPerThread : kLongUnitsPerThread) * threads);
  const int64_t most = std::min(kUnitTiles, kUnitFloats / (columns * kTileRows));
  return kTileRows * std::max<int64_t>(std::min(share, most), 1);
}

/// Nanoseconds to bring one weight row of k elements in, and to multiply it with one column.
inline double row_read_ns(DType type, int64_t k) {
  if (is_dequantized(type)) return static_cast<double>(k) / kDequantizedPerNs;
  return static_cast<double>(row_bytes(type, k)) / kBytesPerNs;
}
inline double row_multiply_ns(int64_t k) { return static_cast<double>(k) / kMacsPerNs; }

}  // namespace fak
