// Linear leaves with matrix products of int8 (SMMLA) for the types with blocks of 32: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4.
//   few columns:  one by SDOT (neon/linear_few_columns.h), two to four by linear_pairs.h.
//   many columns: a panel of pairs of rows times pairs of columns. For a block of 8 rows and 4 columns 32 SMMLA and 24 operations of the
//                 float step that the contract asks for every 32 elements: bound by the four vector pipes.
#define FAK_VEC FAK_VEC_I8MM
#include "linear_i8mm.h"
#include "linear_panel_matrix.h"

namespace fak {
namespace i8mm {
namespace {

template <class T, int half>
FAK_INLINE void fill_half(int8_t (*out)[16], const uint8_t* first, const uint8_t* second) {
  uint8x16_t q[2];
  T::quants(RowPair<half>{first, second}, q);
  for (int i = 0; i < 2; i++) vst1q_s8(out[2 * i + half], vsubq_s8(as_signed(q[i]), vdupq_n_s8(T::kOffset)));
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  static constexpr int kBlock = 32, kPanelBlocks = 16;
  /// Sixteen rows, by pairs of rows: eight elements of the one, eight of the other.
  struct Panel {
    alignas(64) int8_t quants[kPanelBlocks][kPanelPairs][4][16];
    alignas(64) float d[kPanelBlocks][kPanelPairs][4], m[kPanelBlocks][kPanelPairs][4];
  };
  /// Pairs of columns, interleaved like pairs of rows.
  struct Columns {
    alignas(64) int8_t quants[kColumnPairs][kPanelBlocks][4][16];
    alignas(64) float scales[kColumnPairs][kPanelBlocks][4], sums[kColumnPairs][kPanelBlocks][4];
  };

  FAK_INLINE void fill(Panel& panel, int64_t b, const uint8_t* const* rows) {
    for (int i = 0; i < kPanelPairs; i++) {
      fill_half<T, 0>(panel.quants[b][i], rows[2 * i], rows[2 * i + 1]);
      fill_half<T, 1>(panel.quants[b][i], rows[2 * i], rows[2 * i + 1]);
    }
    for (int i = 0; i < kPanelRows / 4; i++) {
      const Block* w[4];
      for (int r = 0; r < 4; r++) w[r] = reinterpret_cast<const Block*>(rows[4 * i + r]);
      store_row_pairs(panel.d[b] + 2 * i, block_scales(w[0], w[1], w[2], w[3]));
      if constexpr (T::kMinimum) store_row_pairs(panel.m[b] + 2 * i, block_mins(w[0], w[1], w[2], w[3]));
    }
  }

  FAK_INLINE void columns(const LinearArgs& a, int64_t m, int count, int64_t b0, int64_t blocks, Columns& out) {
    for (int p = 0; 2 * p < count; p++) {
      const int64_t second = 2 * p + 1 < count ? 2 * p + 1 : 2 * p;
      const RowQ8x32 x0 = row_q8x32(a.x + static_cast<size_t>(m + 2 * p) * a.x_stride, a.k);
      const RowQ8x32 x1 = row_q8x32(a.x + static_cast<size_t>(m + second) * a.x_stride, a.k);
      for (int64_t b = 0; b < blocks; b++) {
        for (int i = 0; i < 2; i++) {
          const ColumnPair pair = column_pair(x0.quants + 32 * (b0 + b) + 16 * i, x1.quants + 32 * (b0 + b) + 16 * i);
          vst1q_s8(out.quants[p][b][2 * i], pair.low);
          vst1q_s8(out.quants[p][b][2 * i + 1], pair.high);
        }
        vst1q_f32(out.scales[p][b], column_values(x0.scales[b0 + b], x1.scales[b0 + b]));
        if constexpr (T::kMinimum) {
          vst1q_f32(out.sums[p][b], column_values(static_cast<float>(x0.sums[b0 + b]), static_cast<float>(x1.sums[b0 + b])));
        }
      }
    }
  }

  template <int C>
  FAK_INLINE void tile(const Panel& panel, const Columns& columns, int eight, int64_t blocks, Tile<C>& tile) {
    constexpr int kPairs = (C + 1) / 2;
    const int first = kTilePairs * eight;
    PairTile<C> t;
    t.take(tile);
    for (int64_t b = 0; b < blocks; b++) {
      int32x4_t dot[kPairs][kTilePairs];
      for (int p = 0; p < kPairs; p++) {
        for (int i = 0; i < kTilePairs; i++) dot[p][i] = vdupq_n_s32(0);
      }
      for (int j = 0; j < 4; j++) {
        int8x16_t x[kPairs];
        for (int p = 0; p < kPairs; p++) x[p] = vld1q_s8(columns.quants[p][b][j]);
        add_eight<kPairs>(panel.quants[b][first] + j, 4, x, dot);
      }
      for (int i = 0; i < kTilePairs; i++) {
        const float32x4_t d = vld1q_f32(panel.d[b][first + i]);
        for (int p = 0; p < kPairs; p++) {
          const float32x4_t dx = vld1q_f32(columns.scales[p][b]);
          t.acc[p][i] = vfmaq_f32(t.acc[p][i], vmulq_f32(d, dx), vcvtq_f32_s32(dot[p][i]));
          if constexpr (T::kMinimum) {
            const float32x4_t m = vmulq_f32(vld1q_f32(panel.m[b][first + i]), dx);
            t.acc[p][i] = vfmaq_f32(t.acc[p][i], m, vld1q_f32(columns.sums[p][b]));
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
  few_columns_in_passes<Pairs32<T>, Few32<T>>(a);  // one column goes by SDOT
}

}  // namespace

void linear_q4_0(const LinearArgs& args) { linear<Q4_0>(args); }
void linear_q4_1(const LinearArgs& args) { linear<Q4_1>(args); }
void linear_q5_0(const LinearArgs& args) { linear<Q5_0>(args); }
void linear_q5_1(const LinearArgs& args) { linear<Q5_1>(args); }
void linear_q8_0(const LinearArgs& args) { linear<Q8_0>(args); }
void linear_iq4_nl(const LinearArgs& args) { linear<IQ4_NL>(args); }
void linear_mxfp4(const LinearArgs& args) { linear<MXFP4>(args); }

}  // namespace i8mm
}  // namespace fak
