// Linear leaves with matrix products of int8 (SMMLA) for the types with super-blocks of 256: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS.
//   few columns:  one by SDOT (neon/linear_few_columns.h), two to four by linear_pairs.h.
//   many columns: a panel of pairs of rows times pairs of columns. For 32 elements of 8 rows and 4 columns 32 SMMLA, 8 MLA by the integer
//                 scale (16 where scales are for 16 elements) and 28 loads: bound by the four vector pipes. Minimums go through SMMLA too:
//                 a sum of quants is 64 hi + lo, and both fit int8.
#define FAK_VEC FAK_VEC_I8MM
#include "linear_i8mm.h"
#include "linear_panel_matrix.h"

namespace fak {
namespace i8mm {
namespace {

/// One super-block of sixteen rows, by pairs of rows: eight elements of the one, eight of the other.
template <class T>
struct PanelBlock {
  static constexpr int kGroups = T::kSixteens ? 16 : 8;
  alignas(64) int8_t quants[kPanelPairs][32][16];
  alignas(64) int32_t scale[kGroups][kPanelPairs][4];
  alignas(64) uint8_t min[kGroups / 8][kPanelPairs][16];
  alignas(64) float d[kPanelPairs][4], dmin[kPanelPairs][4];
};

template <class T, int h, int half>
FAK_INLINE void fill_half(int8_t (*out)[16], const uint8_t* first, const uint8_t* second) {
  uint8x16_t q[8];
  T::template half<h>(RowPair<half>{first, second}, q);
  for (int i = 0; i < 8; i++) {
    vst1q_s8(out[16 * h + 2 * i + half], vsubq_s8(as_signed(q[i]), vdupq_n_s8(T::kOffset)));
  }
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  static constexpr int kBlock = 256, kPanelBlocks = 4, kGroups = PanelBlock<T>::kGroups;
  static constexpr int kGroup = 256 / kGroups;
  struct Panel {
    PanelBlock<T> block[kPanelBlocks];
  };
  /// Pairs of columns, interleaved like pairs of rows; sums split for the minimums.
  struct Columns {
    alignas(64) int8_t quants[kColumnPairs][32 * kPanelBlocks][16];
    alignas(64) int8_t high[kColumnPairs][kPanelBlocks][kGroups / 8][16], low[kColumnPairs][kPanelBlocks][kGroups / 8][16];
    alignas(64) float scales[kColumnPairs][kPanelBlocks][4];
  };

  FAK_INLINE void fill(Panel& panel, int64_t b, const uint8_t* const* rows) {
    PanelBlock<T>& p = panel.block[b];
    for (int i = 0; i < kPanelPairs; i++) {
      const uint8_t *first = rows[2 * i], *second = rows[2 * i + 1];
      fill_half<T, 0, 0>(p.quants[i], first, second), fill_half<T, 0, 1>(p.quants[i], first, second);
      fill_half<T, 1, 0>(p.quants[i], first, second), fill_half<T, 1, 1>(p.quants[i], first, second);
      GroupScales s[2];
      T::scales(*reinterpret_cast<const Block*>(first), s[0]);
      T::scales(*reinterpret_cast<const Block*>(second), s[1]);
      int32x4_t scale[8];
      pair_scales<T, 0>(s[0], s[1], scale);
      for (int g = 0; g < kGroups / 2; g++) vst1q_s32(p.scale[g][i], scale[g]);
      pair_scales<T, 1>(s[0], s[1], scale);
      for (int g = 0; g < kGroups / 2; g++) vst1q_s32(p.scale[kGroups / 2 + g][i], scale[g]);
      if constexpr (T::kMinimum) {
        for (int j = 0; j < kGroups / 8; j++) {
          vst1q_u8(p.min[j][i], vcombine_u8(vmovn_u16(vreinterpretq_u16_s16(s[0].min[j])), vmovn_u16(vreinterpretq_u16_s16(s[1].min[j]))));
        }
      }
    }
    for (int i = 0; i < kPanelRows / 4; i++) {
      const Block* w[4];
      for (int r = 0; r < 4; r++) w[r] = reinterpret_cast<const Block*>(rows[4 * i + r]);
      store_row_pairs(p.d + 2 * i, block_scales(w[0], w[1], w[2], w[3]));
      if constexpr (T::kMinimum) store_row_pairs(p.dmin + 2 * i, block_mins(w[0], w[1], w[2], w[3]));
    }
  }

  FAK_INLINE void columns(const LinearArgs& a, int64_t m, int count, int64_t b0, int64_t blocks, Columns& out) {
    for (int p = 0; 2 * p < count; p++) {
      const int64_t second = 2 * p + 1 < count ? 2 * p + 1 : 2 * p;
      const RowQ8x256 x0 = row_q8x256(a.x + static_cast<size_t>(m + 2 * p) * a.x_stride, a.k);
      const RowQ8x256 x1 = row_q8x256(a.x + static_cast<size_t>(m + second) * a.x_stride, a.k);
      for (int64_t i = 0; i < 16 * blocks; i++) {
        const ColumnPair pair = column_pair(x0.quants + 256 * b0 + 16 * i, x1.quants + 256 * b0 + 16 * i);
        vst1q_s8(out.quants[p][2 * i], pair.low);
        vst1q_s8(out.quants[p][2 * i + 1], pair.high);
      }
      for (int64_t b = 0; b < blocks; b++) {
        vst1q_f32(out.scales[p][b], column_values(x0.scales[b0 + b], x1.scales[b0 + b]));
        if constexpr (T::kMinimum) {
          int16x8_t s0[2], s1[2];
          group_sums<T>(x0.sums + 16 * (b0 + b), s0);
          group_sums<T>(x1.sums + 16 * (b0 + b), s1);
          const int16x8_t low = vdupq_n_s16(63);
          for (int j = 0; j < kGroups / 8; j++) {
            vst1q_s8(out.high[p][b][j], vcombine_s8(vshrn_n_s16(s0[j], 6), vshrn_n_s16(s1[j], 6)));
            vst1q_s8(out.low[p][b][j], vcombine_s8(vmovn_s16(vandq_s16(s0[j], low)), vmovn_s16(vandq_s16(s1[j], low))));
          }
        }
      }
    }
  }

  template <int C>
  FAK_INLINE void tile(const Panel& panel, const Columns& columns, int eight, int64_t blocks, Tile<C>& tile) {
    constexpr int kPairs = (C + 1) / 2;
    PairTile<C> t;
    t.take(tile);
    for (int64_t b = 0; b < blocks; b++) {
      const PanelBlock<T>& block = panel.block[b];
      const int first = kTilePairs * eight;
      int32x4_t total[kPairs][kTilePairs];
      for (int p = 0; p < kPairs; p++) {
        for (int i = 0; i < kTilePairs; i++) total[p][i] = vdupq_n_s32(0);
      }
      for (int g = 0; g < kGroups; g++) {
        int32x4_t dot[kPairs][kTilePairs];
        for (int p = 0; p < kPairs; p++) {
          for (int i = 0; i < kTilePairs; i++) dot[p][i] = vdupq_n_s32(0);
        }
        for (int j = 0; j < kGroup / 8; j++) {
          const int at = kGroup / 8 * g + j;
          int8x16_t x[kPairs];
          for (int p = 0; p < kPairs; p++) x[p] = vld1q_s8(columns.quants[p][32 * b + at]);
          add_eight<kPairs>(block.quants[first] + at, 32, x, dot);
        }
        for (int i = 0; i < kTilePairs; i++) {
          const int32x4_t s = vld1q_s32(block.scale[g][first + i]);
          for (int p = 0; p < kPairs; p++) total[p][i] = vmlaq_s32(total[p][i], dot[p][i], s);
        }
      }
      for (int p = 0; p < kPairs; p++) {
        const float32x4_t dx = vld1q_f32(columns.scales[p][b]);
        for (int i = 0; i < kTilePairs; i++) {
          const float32x4_t d = vmulq_f32(vld1q_f32(block.d[first + i]), dx);
          t.acc[p][i] = vfmaq_f32(t.acc[p][i], d, vcvtq_f32_s32(total[p][i]));
          if constexpr (T::kMinimum) {
            int32x4_t mins = vdupq_n_s32(0);
            for (int j = 0; j < kGroups / 8; j++) {
              mins = vmmlaq_s32(mins, vld1q_s8(columns.high[p][b][j]), as_signed(vld1q_u8(block.min[j][first + i])));
            }
            mins = vshlq_n_s32(mins, 6);
            for (int j = 0; j < kGroups / 8; j++) {
              mins = vmmlaq_s32(mins, vld1q_s8(columns.low[p][b][j]), as_signed(vld1q_u8(block.min[j][first + i])));
            }
            const float32x4_t dmin = vmulq_f32(vld1q_f32(block.dmin[first + i]), dx);
            t.acc[p][i] = vfmsq_f32(t.acc[p][i], dmin, vcvtq_f32_s32(mins));
          }
        }
      }
    }
    t.give(tile);
  }
};

template <class T>
void linear(const LinearArgs& a) {
  if (a.columns >= kPanelColumns) return many_columns<Leaf<T>>(a);
  few_columns_in_passes<Pairs256<T>, Few256<T>>(a);  // one column goes by SDOT
}

}  // namespace

void linear_q2_K(const LinearArgs& args) { linear<Q2_K>(args); }
void linear_q3_K(const LinearArgs& args) { linear<Q3_K>(args); }
void linear_q4_K(const LinearArgs& args) { linear<Q4_K>(args); }
void linear_q5_K(const LinearArgs& args) { linear<Q5_K>(args); }
void linear_q6_K(const LinearArgs& args) { linear<Q6_K>(args); }
void linear_iq4_xs(const LinearArgs& args) { linear<IQ4_XS>(args); }

}  // namespace i8mm
}  // namespace fak
