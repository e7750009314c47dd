// Many columns: sixteen rows are unpacked to a panel of int8 that stays in L1, interleaved as the multiply instruction wants them, then
// multiplied with four columns at a time. An instruction set and a family of types supply a Leaf:
//   Block, kBlock, kPanelBlocks        a stored block, its elements, blocks of a row in a panel
//   Panel, Columns                     unpacked rows; what a pass over the panel needs of up to four columns
//   fill(panel, b, rows)               unpacks block b of the panel from each of kPanelRows rows
//   columns(a, m, count, b0, blocks, columns)
//   tile<C>(a, panel, columns, eight, blocks, acc, m)   eight rows, from 8 * eight on, times C columns; see Tile
// Rows beyond the slice repeat its last one, and their results are dropped. y is the accumulator between panels.
#pragma once

#include "linear_common.h"

namespace fak {
namespace FAK_ISA {

constexpr int kPanelRows = 16, kTileRows = 8, kTileColumns = 4;

/// The accumulators of a tile as y has them: [column][rows 0-3, rows 4-7].
template <int C>
struct Tile {
  float32x4_t acc[C][2];
};

template <class Leaf, int C>
FAK_INLINE void panel_tile(const LinearArgs& a, const typename Leaf::Panel& panel, const typename Leaf::Columns& columns, int64_t rows,
                           int eight, int64_t b0, int64_t blocks, int64_t m, int64_t n) {
  Tile<C> tile;
  float* const y = a.y + static_cast<size_t>(m) * a.y_stride + n + kTileRows * eight;
  const int64_t existing = rows - kTileRows * eight;
  for (int c = 0; c < C; c++) {
    for (int i = 0; i < 2; i++) {
      tile.acc[c][i] =
          b0 == 0 ? vdupq_n_f32(0.0f) : load_quad(y + static_cast<size_t>(c) * a.y_stride + 4 * i, existing - 4 * i);
    }
  }
  Leaf::template tile<C>(panel, columns, eight, blocks, tile);
  const bool last = (b0 + blocks) * Leaf::kBlock == a.k;
  for (int c = 0; c < C; c++) {
    for (int i = 0; i < 2; i++) {
      const float32x4_t v = last ? canonical(tile.acc[c][i]) : tile.acc[c][i];
      store_quad(y + static_cast<size_t>(c) * a.y_stride + 4 * i, v, existing - 4 * i);
    }
  }
}

template <class Leaf, int C>
static void panel_columns(const LinearArgs& a, const typename Leaf::Panel& panel, int64_t rows, int64_t b0, int64_t blocks, int64_t m,
                          int64_t n) {
  typename Leaf::Columns columns;
  Leaf::columns(a, m, C, b0, blocks, columns);
  panel_tile<Leaf, C>(a, panel, columns, rows, 0, b0, blocks, m, n);
  if (rows > kTileRows) panel_tile<Leaf, C>(a, panel, columns, rows, 1, b0, blocks, m, n);
}

template <class Leaf>
static void many_columns(const LinearArgs& a) {
  using Block = typename Leaf::Block;
  typename Leaf::Panel panel;
  const int64_t all_blocks = a.k / Leaf::kBlock;
  for (int64_t n = 0; n < a.rows; n += kPanelRows) {
    const int64_t rows = a.rows - n < kPanelRows ? a.rows - n : kPanelRows;
    for (int64_t b0 = 0; b0 < all_blocks; b0 += Leaf::kPanelBlocks) {
      const int64_t blocks = all_blocks - b0 < Leaf::kPanelBlocks ? all_blocks - b0 : Leaf::kPanelBlocks;
      const uint8_t* w[kPanelRows];
      for (int64_t r = 0; r < kPanelRows; r++) {
        w[r] = a.weight + static_cast<size_t>(n + (r < rows ? r : rows - 1)) * a.weight_stride +
               static_cast<size_t>(b0) * sizeof(Block);
      }
      for (int64_t b = 0; b < blocks; b++) {
        for (int r = 0; r < kPanelRows; r++) prefetch_ahead<sizeof(Block)>(w[r]);
        Leaf::fill(panel, b, w);
        for (int r = 0; r < kPanelRows; r++) w[r] += sizeof(Block);
      }
      for (int64_t m = 0; m < a.columns; m += kTileColumns) {
        switch (a.columns - m) {
          case 1: panel_columns<Leaf, 1>(a, panel, rows, b0, blocks, m, n); break;
          case 2: panel_columns<Leaf, 2>(a, panel, rows, b0, blocks, m, n); break;
          case 3: panel_columns<Leaf, 3>(a, panel, rows, b0, blocks, m, n); break;
          default: panel_columns<Leaf, 4>(a, panel, rows, b0, blocks, m, n); break;
        }
      }
    }
  }
}

/// From so many columns on, unpacking rows once for all of them costs fewer instructions than unpacking them for every four.
constexpr int64_t kPanelColumns = 7;

}  // namespace FAK_ISA
}  // namespace fak
