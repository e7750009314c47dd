// What the linear leaves of vector instruction sets share besides their registers: which rows and columns to take together, prefetching, scales.
// Everything is inlined into its caller, so code compiled for one instruction set cannot serve another.
#pragma once

#include "../quant/activation.h"
#include "../quant/blocks.h"
#include "../quant/half.h"

namespace fak {

#define FAK_ROWS_INLINE static inline __attribute__((always_inline))

/// Four rows far apart, so that a thread reads four long streams: rows i, i + q, i + 2q, i + 3q with q = rows / 4. The
/// up to three rows that remain form one last group in which rows repeat; only the first `count` of a group are stored.
struct RowGroup {
  const uint8_t* w[4];
  int64_t row[4];
  int count;
};

FAK_ROWS_INLINE int64_t row_groups(int64_t rows) { return rows / 4 + (rows % 4 != 0); }

FAK_ROWS_INLINE RowGroup row_group(const LinearArgs& a, int64_t i) {
  RowGroup g;
  const int64_t q = a.rows / 4;
  g.count = i < q ? 4 : static_cast<int>(a.rows - 4 * q);
  for (int r = 0; r < 4; r++) {
    g.row[r] = i < q ? i + r * q : 4 * q + (r < g.count ? r : 0);
    g.w[r] = a.weight + static_cast<size_t>(g.row[r]) * a.weight_stride;
  }
  return g;
}

/// Writes the first `count` of four results; NaNs are canonical already.
FAK_ROWS_INLINE void store_rows(const LinearArgs& a, const RowGroup& g, int64_t column, const float out[4]) {
  float* y = a.y + static_cast<size_t>(column) * a.y_stride;
  for (int r = 0; r < g.count; r++) y[g.row[r]] = out[r];
}

/// Four binary16 values, one from each pointer, as a qword. Scalar loads leave the vector ports to the dot products.
FAK_ROWS_INLINE uint64_t four_halves(const uint8_t* a, const uint8_t* b, const uint8_t* c, const uint8_t* d) {
  return static_cast<uint64_t>(load_u16(a)) | static_cast<uint64_t>(load_u16(b)) << 16 |
         static_cast<uint64_t>(load_u16(c)) << 32 | static_cast<uint64_t>(load_u16(d)) << 48;
}

/// The second scale of a block that has one: `m` of the types of 32, `dmin` of those of 256.
FAK_ROWS_INLINE const uint8_t* min_field(const BlockQ4_1& b) { return b.m; }
FAK_ROWS_INLINE const uint8_t* min_field(const BlockQ5_1& b) { return b.m; }
FAK_ROWS_INLINE const uint8_t* min_field(const BlockQ2_K& b) { return b.dmin; }
FAK_ROWS_INLINE const uint8_t* min_field(const BlockQ4_K& b) { return b.dmin; }
FAK_ROWS_INLINE const uint8_t* min_field(const BlockQ5_K& b) { return b.dmin; }

/// How far ahead each of the four streams is prefetched, block by block. One burst of prefetches for the four blocks of a
/// step halves the rate; 1152 to 4608 bytes measured alike, nearer is worse.
constexpr size_t kPrefetchBytes = 2304;

/// Prefetches the lines that `bytes` bytes will come from.
template <size_t bytes>
FAK_ROWS_INLINE void prefetch_ahead(const void* p) {
  const char* at = static_cast<const char*>(p) + kPrefetchBytes;
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(at + i);
}

#undef FAK_ROWS_INLINE

}  // namespace fak
