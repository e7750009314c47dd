// NEON linear leaves for the types with super-blocks of 256, with the dot products of Armv8.2: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS.
//   few columns:  linear_few_columns.h.
//   many columns: SDOT by element, 4 rows x 4 elements of a panel register times 4 elements of a column. For 32 elements of 8 rows and
//                 4 columns 64 SDOT, 8 MLA by the integer scale (16 where scales are for 16 elements) and 24 loads: bound by the four
//                 vector pipes.
#define FAK_VEC FAK_VEC_NEON
#include "linear_few_columns.h"
#include "linear_neon.h"
#include "linear_panel_dot.h"

namespace fak {
namespace neon {
namespace {

/// One super-block of sixteen rows: [four rows][four elements each] by fours of elements.
template <class T>
struct PanelBlock {
  static constexpr int kGroups = T::kSixteens ? 16 : 8;
  alignas(64) int8_t quants[kPanelRows / 4][64][16];
  alignas(64) int32_t scale[kGroups][kPanelRows];
  alignas(64) int16_t min[T::kMinimum ? kGroups : 1][kPanelRows];
  alignas(64) float d[kPanelRows], dmin[kPanelRows];
};

template <class T, int h, int quarter>
FAK_INLINE void fill_half(int8_t (*out)[16], const uint8_t* const rows[4]) {
  uint8x16_t q[8];
  T::template half<h>(RowQuad<quarter>{rows}, q);
  for (int i = 0; i < 8; i++) {
    vst1q_s8(out[32 * h + 4 * i + quarter], vsubq_s8(as_signed(q[i]), vdupq_n_s8(T::kOffset)));
  }
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  static constexpr int kBlock = 256, kPanelBlocks = 2, kGroups = PanelBlock<T>::kGroups;
  static constexpr int kGroup = 256 / kGroups;
  struct Panel {
    PanelBlock<T> block[kPanelBlocks];
  };
  struct Columns {
    const int8_t* quants[kTileColumns];
    const int16_t* sums[kTileColumns];
    const float* scales[kTileColumns];
  };

  FAK_INLINE void fill(Panel& panel, int64_t b, const uint8_t* const* rows) {
    PanelBlock<T>& p = panel.block[b];
    for (int i = 0; i < kPanelRows / 4; i++) {
      const uint8_t* const* four = rows + 4 * i;
      fill_half<T, 0, 0>(p.quants[i], four), fill_half<T, 0, 1>(p.quants[i], four);
      fill_half<T, 0, 2>(p.quants[i], four), fill_half<T, 0, 3>(p.quants[i], four);
      fill_half<T, 1, 0>(p.quants[i], four), fill_half<T, 1, 1>(p.quants[i], four);
      fill_half<T, 1, 2>(p.quants[i], four), fill_half<T, 1, 3>(p.quants[i], four);
      const Block* w[4];
      for (int r = 0; r < 4; r++) w[r] = reinterpret_cast<const Block*>(four[r]);
      vst1q_f32(p.d + 4 * i, block_scales(w[0], w[1], w[2], w[3]));
      if constexpr (T::kMinimum) vst1q_f32(p.dmin + 4 * i, block_mins(w[0], w[1], w[2], w[3]));
    }
    for (int r = 0; r < kPanelRows; r++) {
      GroupScales s;
      T::scales(*reinterpret_cast<const Block*>(rows[r]), s);
      int16_t scale[16], min[16];
      for (int i = 0; i < kGroups / 8; i++) {
        vst1q_s16(scale + 8 * i, s.scale[i]);
        if constexpr (T::kMinimum) vst1q_s16(min + 8 * i, s.min[i]);
      }
      for (int g = 0; g < kGroups; g++) {
        p.scale[g][r] = scale[g];
        if constexpr (T::kMinimum) p.min[g][r] = min[g];
      }
    }
  }

  FAK_INLINE void columns(const LinearArgs& a, int64_t m, int count, int64_t b0, int64_t, Columns& out) {
    for (int c = 0; c < count; c++) {
      const RowQ8x256 x = row_q8x256(a.x + static_cast<size_t>(m + c) * a.x_stride, a.k);
      out.quants[c] = x.quants + 256 * b0;
      out.sums[c] = x.sums + 16 * b0;
      out.scales[c] = x.scales + b0;
    }
  }

  template <int C>
  FAK_INLINE void tile(const Panel& panel, const Columns& columns, int eight, int64_t blocks, Tile<C>& tile) {
    for (int64_t b = 0; b < blocks; b++) {
      const PanelBlock<T>& p = panel.block[b];
      const int8_t(*low)[16] = p.quants[2 * eight];
      const int8_t(*high)[16] = p.quants[2 * eight + 1];
      int32x4_t total[C][2], mins[C][2];
      for (int c = 0; c < C; c++) total[c][0] = total[c][1] = mins[c][0] = mins[c][1] = vdupq_n_s32(0);
      for (int g = 0; g < kGroups; g++) {
        int32x4_t dot[C][2];
        for (int c = 0; c < C; c++) dot[c][0] = dot[c][1] = vdupq_n_s32(0);
        for (int i = 0; i < kGroup / 16; i++) {
          const int8_t* x[C];
          for (int c = 0; c < C; c++) x[c] = columns.quants[c] + 256 * b + kGroup * g + 16 * i;
          const int at = (kGroup * g + 16 * i) / 4;
          add_sixteen<C>(low + at, high + at, x, dot);
        }
        const int32x4_t s0 = vld1q_s32(p.scale[g] + 8 * eight), s1 = vld1q_s32(p.scale[g] + 8 * eight + 4);
        for (int c = 0; c < C; c++) {
          total[c][0] = vmlaq_s32(total[c][0], dot[c][0], s0);
          total[c][1] = vmlaq_s32(total[c][1], dot[c][1], s1);
        }
      }
      if constexpr (T::kMinimum) {
        for (int c = 0; c < C; c++) {
          int16x8_t sums[2];
          group_sums<T>(columns.sums[c] + 16 * b, sums);
          int16_t sum[16];
          vst1q_s16(sum, sums[0]);
          vst1q_s16(sum + 8, sums[1]);
          for (int g = 0; g < kGroups; g++) {
            const int16x8_t min = vld1q_s16(p.min[g] + 8 * eight);
            mins[c][0] = vmlal_n_s16(mins[c][0], vget_low_s16(min), sum[g]);
            mins[c][1] = vmlal_high_n_s16(mins[c][1], min, sum[g]);
          }
        }
      }
      for (int i = 0; i < 2; i++) {
        const float32x4_t d = vld1q_f32(p.d + 8 * eight + 4 * i);
        const float32x4_t dmin = T::kMinimum ? vld1q_f32(p.dmin + 8 * eight + 4 * i) : d;
        for (int c = 0; c < C; c++) {
          tile.acc[c][i] = add_block<T>(tile.acc[c][i], d, dmin, columns.scales[c][b], total[c][i], mins[c][i]);
        }
      }
    }
  }
};

template <class T>
void linear(const LinearArgs& a) {
  if (a.columns >= kPanelColumns) return many_columns<Leaf<T>>(a);
  few_columns_in_passes<Few256<T>>(a);
}

}  // namespace

void linear_q2_K(const LinearArgs& args) { linear<Q2_K>(args); }
void linear_q3_K(const LinearArgs& args) { linear<Q3_K>(args); }
void linear_q4_K(const LinearArgs& args) { linear<Q4_K>(args); }
void linear_q5_K(const LinearArgs& args) { linear<Q5_K>(args); }
void linear_q6_K(const LinearArgs& args) { linear<Q6_K>(args); }
void linear_iq4_xs(const LinearArgs& args) { linear<IQ4_XS>(args); }

}  // namespace neon
}  // namespace fak
