// What the panels for SMMLA share: the layout [column 0 row 0, column 0 row 1, column 1 row 0, column 1 row 1] of a register, and the step.
#pragma once

#include "../neon/linear_panel.h"
#include "linear_pairs.h"

namespace fak {
namespace i8mm {

constexpr int kColumnPairs = kTileColumns / 2, kTilePairs = kTileRows / 2, kPanelPairs = kPanelRows / 2;

/// A value of each of two rows: [0, 1, 0, 1].
FAK_INLINE void store_row_pairs(float (*out)[4], float32x4_t four) {
  vst1q_f32(out[0], vcombine_f32(vget_low_f32(four), vget_low_f32(four)));
  vst1q_f32(out[1], vcombine_f32(vget_high_f32(four), vget_high_f32(four)));
}

/// A value of each of two columns: [0, 0, 1, 1].
FAK_INLINE float32x4_t column_values(float first, float second) {
  return vcombine_f32(vdup_n_f32(first), vdup_n_f32(second));
}

/// The accumulators of a tile by pairs of columns and of rows, and back.
template <int C>
struct PairTile {
  static constexpr int kPairs = (C + 1) / 2;
  float32x4_t acc[kPairs][kTilePairs];

  inline __attribute__((always_inline)) void take(const Tile<C>& tile) {
    for (int p = 0; p < kPairs; p++) {
      for (int i = 0; i < 2; i++) {
        const float64x2_t a = vreinterpretq_f64_f32(tile.acc[2 * p][i]), b = vreinterpretq_f64_f32(tile.acc[second_of<C>(p)][i]);
        acc[p][2 * i] = vreinterpretq_f32_f64(vzip1q_f64(a, b));
        acc[p][2 * i + 1] = vreinterpretq_f32_f64(vzip2q_f64(a, b));
      }
    }
  }
  inline __attribute__((always_inline)) void give(Tile<C>& tile) const {
    for (int c = 0; c < C; c++) {
      for (int i = 0; i < 2; i++) {
        const float64x2_t a = vreinterpretq_f64_f32(acc[c / 2][2 * i]), b = vreinterpretq_f64_f32(acc[c / 2][2 * i + 1]);
        tile.acc[c][i] = vreinterpretq_f32_f64(c % 2 == 0 ? vzip1q_f64(a, b) : vzip2q_f64(a, b));
      }
    }
  }
};

/// dot += eight elements of four pairs of rows times P pairs of columns. A pair of rows is `stride` registers from the next.
template <int P>
FAK_INLINE void add_eight(const int8_t (*w)[16], int stride, const int8x16_t x[P], int32x4_t dot[P][kTilePairs]) {
  for (int i = 0; i < kTilePairs; i++) {
    const int8x16_t v = vld1q_s8(w[stride * i]);
    for (int p = 0; p < P; p++) dot[p][i] = vmmlaq_s32(dot[p][i], x[p], v);
  }
}

}  // namespace i8mm
}  // namespace fak
