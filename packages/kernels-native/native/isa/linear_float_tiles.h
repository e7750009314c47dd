// Linear over float weights for instruction sets that hold the sixteen lanes in several registers (AVX2 in two, NEON in four): a tile of
// 2 rows x 3 columns, or 4 rows for one column, keeps enough accumulators in flight to hide the latency of FMA. Order of
// isa/scalar/linear_float.cc. Include after vec.h. Read is a type of the instruction set, so no code is shared between them:
//   kBytes, whole(p)   bytes of an element; sixteen elements as floats
// Few columns are bound by memory reads, many by the FMA units and the load ports. Where x is larger than L2, a block of rows stays there
// while all columns go over it; with the rows outside, all of x would come from beyond for every four rows.
#pragma once

#include "linear_rows.h"

namespace fak {
namespace FAK_ISA {

/// The first n (1 to 15) of sixteen elements, and zeros; memory beyond them is not touched.
template <class Read>
FAK_INLINE F32x16 first_elements(const uint8_t* p, int64_t n) {
  uint8_t padded[16 * Read::kBytes] = {};
  memcpy(padded, p, static_cast<size_t>(n) * Read::kBytes);
  return Read::whole(padded);
}

template <class Read, int R, int C>
FAK_INLINE void float_tile(const LinearArgs& a, const uint8_t* const rows[R], int64_t column, float out[C][R]) {
  F32x16 acc[C][R];
  for (int c = 0; c < C; c++) {
    for (int r = 0; r < R; r++) acc[c][r] = zero();
  }
  const uint8_t* x = a.x + static_cast<size_t>(column) * a.x_stride;
  int64_t i = 0;
  for (; i + 16 <= a.k; i += 16) {
    F32x16 w[R];
    for (int r = 0; r < R; r++) {
      const uint8_t* at = rows[r] + static_cast<size_t>(i) * Read::kBytes;
      if (C == 1) prefetch_ahead<16 * Read::kBytes>(at);
      w[r] = Read::whole(at);
    }
    for (int c = 0; c < C; c++) {
      const uint8_t* at = x + static_cast<size_t>(c) * a.x_stride + static_cast<size_t>(i) * sizeof(float);
      const F32x16 v = load(reinterpret_cast<const float*>(at));
      for (int r = 0; r < R; r++) acc[c][r] = fma(w[r], v, acc[c][r]);
    }
  }
  if (i < a.k) {
    for (int c = 0; c < C; c++) {
      const uint8_t* at = x + static_cast<size_t>(c) * a.x_stride + static_cast<size_t>(i) * sizeof(float);
      const F32x16 v = load_first(reinterpret_cast<const float*>(at), a.k - i);
      for (int r = 0; r < R; r++) {
        acc[c][r] = fma(first_elements<Read>(rows[r] + static_cast<size_t>(i) * Read::kBytes, a.k - i), v, acc[c][r]);
      }
    }
  }
  for (int c = 0; c < C; c++) {
    for (int r = 0; r < R; r++) out[c][r] = fak::canonical(reduce_add(acc[c][r]));
  }
}

template <class Read, int C>
FAK_INLINE void float_columns(const LinearArgs& a, const RowGroup& g, int64_t m) {
  float low[C][2], high[C][2];
  float_tile<Read, 2, C>(a, g.w, m, low);
  float_tile<Read, 2, C>(a, g.w + 2, m, high);
  for (int c = 0; c < C; c++) {
    const float out[4] = {low[c][0], low[c][1], high[c][0], high[c][1]};
    store_rows(a, g, m + c, out);
  }
}

/// Bytes of weights or activations that stay in L2 beside what streams past them.
constexpr size_t kFloatBlockBytes = 256 << 10;

template <class Read>
FAK_INLINE void up_to_three_columns(const LinearArgs& a, const RowGroup& g, int64_t m) {
  switch (a.columns - m) {
    case 1: float_columns<Read, 1>(a, g, m); break;
    case 2: float_columns<Read, 2>(a, g, m); break;
    default: float_columns<Read, 3>(a, g, m); break;
  }
}

template <class Read>
static void linear_floats(const LinearArgs& a) {
  const int64_t groups = row_groups(a.rows);
  if (a.columns == 1) {
    for (int64_t i = 0; i < groups; i++) {
      const RowGroup g = row_group(a, i);
      float out[1][4];
      float_tile<Read, 4, 1>(a, g.w, 0, out);
      store_rows(a, g, 0, out[0]);
    }
  } else if (static_cast<size_t>(a.columns) * a.x_stride <= kFloatBlockBytes) {
    for (int64_t i = 0; i < groups; i++) {
      const RowGroup g = row_group(a, i);
      for (int64_t m = 0; m < a.columns; m += 3) up_to_three_columns<Read>(a, g, m);
    }
  } else {
    const int64_t fit = static_cast<int64_t>(kFloatBlockBytes / a.weight_stride) / 4 * 4, most = fit < 4 ? 4 : fit;
    for (int64_t n = 0; n < a.rows; n += most) {
      LinearArgs block = a;
      block.weight += static_cast<size_t>(n) * a.weight_stride;
      block.y += n;
      block.rows = a.rows - n < most ? a.rows - n : most;
      for (int64_t m = 0; m < a.columns; m += 3) {
        for (int64_t i = 0; i < row_groups(block.rows); i++) up_to_three_columns<Read>(block, row_group(block, i), m);
      }
    }
  }
}

}  // namespace FAK_ISA
}  // namespace fak
