// The loops around the quantized linear leaves of x86: few columns (four far rows, a step of blocks at a time) and many
// columns (a panel of unpacked rows times tiles of columns). An instruction set and a family of types supply a Leaf:
//   Block, Row, Panel, Mask                        a stored block, an activation row, unpacked rows, which rows of a tile exist
//   kBlock, kStep                                  elements of a block; blocks that a step takes from each row
//   kHalfRows, kTileColumns, kPanelBlocks          a tile is one or two halves of rows, at most so many columns and blocks
//   kPanelColumns                                  from so many columns on a panel beats four columns at a time (measured)
//   row(x, k)                                      the parts of an activation row
//   step<C>(w, x, x_stride, b, acc)                kStep blocks of four rows times C columns, from block b on
//   kHalfStep, half_step<C>                        whether there is a step of half as many blocks; the last of a row are worth one
//                                                  where rows are short (512 elements in the experts of a large model)
//   store(args, group, column, acc)
//   fill(panel, half, rows, blocks)                unpacks blocks of kHalfRows rows
//   mask(rows)
//   tile<H, C>(args, panel, blocks, b0, m, n, mask)  H halves times C columns; y is the accumulator between panels
// Every function is a static template over a type of its instruction set, so no code is shared between them.
#pragma once

#include "linear_rows.h"

namespace fak {

/// How many of the remaining columns to take in one pass over the rows: at most 4, in shares as equal as may be.
static inline int64_t gemv_columns(int64_t remaining) {
  if (remaining <= 4) return remaining;
  return remaining >= 8 ? 4 : (remaining + 1) / 2;
}

template <class Leaf, int C>
static void gemv(const LinearArgs& a, int64_t column) {
  using Block = typename Leaf::Block;
  const typename Leaf::Row x = Leaf::row(a.x + static_cast<size_t>(column) * a.x_stride, a.k);
  const int64_t blocks = a.k / Leaf::kBlock, whole = blocks / Leaf::kStep * Leaf::kStep;
  const int64_t groups = row_groups(a.rows);
  for (int64_t i = 0; i < groups; i++) {
    const RowGroup g = row_group(a, i);
    __m128 acc[C];
    for (int c = 0; c < C; c++) acc[c] = _mm_setzero_ps();
    const Block* w[4];
    for (int r = 0; r < 4; r++) w[r] = reinterpret_cast<const Block*>(g.w[r]);
    for (int64_t b = 0; b < whole; b += Leaf::kStep) {
      Leaf::template step<C>(w, x, a.x_stride, b, acc);
      for (int r = 0; r < 4; r++) w[r] += Leaf::kStep;
    }
    if constexpr (Leaf::kHalfStep) {
      if (blocks - whole == Leaf::kStep / 2) {
        Leaf::template half_step<C>(w, x, a.x_stride, whole, acc);
        for (int c = 0; c < C; c++) Leaf::store(a, g, column + c, acc[c]);
        continue;
      }
    }
    if (whole < blocks) {
      // Missing blocks are zero: scale 0 times an activation padded with zeros adds exactly nothing.
      Block tail[4][Leaf::kStep];
      memset(tail, 0, sizeof tail);
      const Block* t[4];
      for (int r = 0; r < 4; r++) {
        memcpy(tail[r], w[r], static_cast<size_t>(blocks - whole) * sizeof(Block));
        t[r] = tail[r];
      }
      Leaf::template step<C>(t, x, a.x_stride, whole, acc);
    }
    for (int c = 0; c < C; c++) Leaf::store(a, g, column + c, acc[c]);
  }
}

/// The stored rows of the next panel, prefetched to L2 while this one is multiplied: filling takes a little from each of many rows, an
/// order in which memory gives half of its rate.
template <class Leaf>
struct RowsAhead {
  const char* row;
  size_t stride, bytes;
  int64_t rows;

  void prefetch(int64_t count) {
    for (; count > 0 && rows > 0; count--, rows--, row += stride) {
      for (size_t i = 0; i < bytes; i += 64) _mm_prefetch(row + i, _MM_HINT_T1);
    }
  }
};

/// What comes after the blocks before `b` of the rows from n on.
template <class Leaf>
static RowsAhead<Leaf> rows_ahead(const LinearArgs& a, int64_t n, int64_t b) {
  const int64_t all_blocks = a.k / Leaf::kBlock;
  if (b == all_blocks) {
    n += 2 * Leaf::kHalfRows;
    b = 0;
  }
  const int64_t rows = a.rows - n < 2 * Leaf::kHalfRows ? a.rows - n : 2 * Leaf::kHalfRows;
  const int64_t blocks = all_blocks - b < Leaf::kPanelBlocks ? all_blocks - b : Leaf::kPanelBlocks;
  const size_t offset = static_cast<size_t>(n) * a.weight_stride + static_cast<size_t>(b) * sizeof(typename Leaf::Block);
  return {reinterpret_cast<const char*>(a.weight) + offset, a.weight_stride,
          static_cast<size_t>(blocks) * sizeof(typename Leaf::Block), rows};
}

template <class Leaf, int H>
static void panel_columns(const LinearArgs& a, const typename Leaf::Panel& panel, int64_t blocks, int64_t b0, int64_t n,
                          const typename Leaf::Mask& mask) {
  constexpr int kMost = Leaf::kTileColumns;
  static_assert(kMost == 3 || kMost == 4 || kMost == 6, "cases below");
  RowsAhead<Leaf> ahead = rows_ahead<Leaf>(a, n, b0 + blocks);
  const int64_t tiles = (a.columns + kMost - 1) / kMost, rows_per_tile = (2 * Leaf::kHalfRows + tiles - 1) / tiles;
  for (int64_t m = 0; m < a.columns; m += kMost) {
    ahead.prefetch(rows_per_tile);
    switch (a.columns - m) {
      case 1: Leaf::template tile<H, 1>(a, panel, blocks, b0, m, n, mask); break;
      case 2: Leaf::template tile<H, 2>(a, panel, blocks, b0, m, n, mask); break;
      case 3: Leaf::template tile<H, 3>(a, panel, blocks, b0, m, n, mask); break;
      case 4: Leaf::template tile<H, kMost >= 4 ? 4 : kMost>(a, panel, blocks, b0, m, n, mask); break;
      case 5: Leaf::template tile<H, kMost == 6 ? 5 : kMost>(a, panel, blocks, b0, m, n, mask); break;
      default: Leaf::template tile<H, kMost>(a, panel, blocks, b0, m, n, mask); break;
    }
  }
}

template <class Leaf>
static void gemm(const LinearArgs& a) {
  constexpr int64_t kHalf = Leaf::kHalfRows;
  typename Leaf::Panel panel;
  const int64_t all_blocks = a.k / Leaf::kBlock;
  for (int64_t n = 0; n < a.rows; n += 2 * kHalf) {
    const int64_t rows = a.rows - n < 2 * kHalf ? a.rows - n : 2 * kHalf;
    const typename Leaf::Mask mask = Leaf::mask(rows);
    for (int64_t b0 = 0; b0 < all_blocks; b0 += Leaf::kPanelBlocks) {
      const int64_t blocks = all_blocks - b0 < Leaf::kPanelBlocks ? all_blocks - b0 : Leaf::kPanelBlocks;
      for (int half = 0; half < (rows > kHalf ? 2 : 1); half++) {
        // Rows beyond the slice repeat its last one; their results are masked out.
        const uint8_t* w[kHalf];
        for (int64_t r = 0; r < kHalf; r++) {
          const int64_t row = kHalf * half + r < rows ? kHalf * half + r : rows - 1;
          w[r] = a.weight + static_cast<size_t>(n + row) * a.weight_stride +
                 static_cast<size_t>(b0) * sizeof(typename Leaf::Block);
        }
        Leaf::fill(panel, half, w, blocks);
      }
      if (rows > kHalf) {
        panel_columns<Leaf, 2>(a, panel, blocks, b0, n, mask);
      } else {
        panel_columns<Leaf, 1>(a, panel, blocks, b0, n, mask);
      }
    }
  }
}

template <class Leaf>
static void linear_quantized(const LinearArgs& a) {
  if (a.columns >= Leaf::kPanelColumns) return gemm<Leaf>(a);
  for (int64_t m = 0, count; m < a.columns; m += count) {
    count = gemv_columns(a.columns - m);
    switch (count) {
      case 1: gemv<Leaf, 1>(a, m); break;
      case 2: gemv<Leaf, 2>(a, m); break;
      case 3: gemv<Leaf, 3>(a, m); break;
      default: gemv<Leaf, 4>(a, m); break;
    }
  }
}

}  // namespace fak
