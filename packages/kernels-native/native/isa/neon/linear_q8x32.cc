// NEON linear leaves for the types with blocks of 32, with the dot products of Armv8.2: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4.
//   few columns:  linear_few_columns.h.
//   many columns: SDOT by element. For a block of 8 rows and 4 columns 64 SDOT and 24 operations of the float step that the contract asks
//                 for every 32 elements: bound by the four vector pipes.
#define FAK_VEC FAK_VEC_NEON
#include "linear_few_columns.h"
#include "linear_neon.h"
#include "linear_panel_dot.h"

namespace fak {
namespace neon {
namespace {

template <class T, int quarter>
FAK_INLINE void fill_quarter(int8_t (*out)[16], const uint8_t* const rows[4]) {
  uint8x16_t q[2];
  T::quants(RowQuad<quarter>{rows}, q);
  for (int i = 0; i < 2; i++) vst1q_s8(out[4 * i + quarter], vsubq_s8(as_signed(q[i]), vdupq_n_s8(T::kOffset)));
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  static constexpr int kBlock = 32, kPanelBlocks = 16;
  /// Sixteen rows: [four rows][four elements each] by fours of elements.
  struct Panel {
    alignas(64) int8_t quants[kPanelBlocks][kPanelRows / 4][8][16];
    alignas(64) float d[kPanelBlocks][kPanelRows], m[kPanelBlocks][kPanelRows];
  };
  struct Columns {
    const int8_t* quants[kTileColumns];
    const int32_t* sums[kTileColumns];
    const float* scales[kTileColumns];
  };

  FAK_INLINE void fill(Panel& panel, int64_t b, const uint8_t* const* rows) {
    for (int i = 0; i < kPanelRows / 4; i++) {
      const uint8_t* const* four = rows + 4 * i;
      int8_t(*out)[16] = panel.quants[b][i];
      fill_quarter<T, 0>(out, four), fill_quarter<T, 1>(out, four), fill_quarter<T, 2>(out, four), fill_quarter<T, 3>(out, four);
      const Block* w[4];
      for (int r = 0; r < 4; r++) w[r] = reinterpret_cast<const Block*>(four[r]);
      vst1q_f32(panel.d[b] + 4 * i, block_scales(w[0], w[1], w[2], w[3]));
      if constexpr (T::kMinimum) vst1q_f32(panel.m[b] + 4 * i, block_mins(w[0], w[1], w[2], w[3]));
    }
  }

  FAK_INLINE void columns(const LinearArgs& a, int64_t m, int count, int64_t b0, int64_t, Columns& out) {
    for (int c = 0; c < count; c++) {
      const RowQ8x32 x = row_q8x32(a.x + static_cast<size_t>(m + c) * a.x_stride, a.k);
      out.quants[c] = x.quants + 32 * b0;
      out.sums[c] = x.sums + b0;
      out.scales[c] = x.scales + b0;
    }
  }

  template <int C>
  FAK_INLINE void tile(const Panel& panel, const Columns& columns, int eight, int64_t blocks, Tile<C>& tile) {
    for (int64_t b = 0; b < blocks; b++) {
      int32x4_t dot[C][2];
      for (int c = 0; c < C; c++) dot[c][0] = dot[c][1] = vdupq_n_s32(0);
      for (int i = 0; i < 2; i++) {
        const int8_t* x[C];
        for (int c = 0; c < C; c++) x[c] = columns.quants[c] + 32 * b + 16 * i;
        add_sixteen<C>(panel.quants[b][2 * eight] + 4 * i, panel.quants[b][2 * eight + 1] + 4 * i, x, dot);
      }
      for (int i = 0; i < 2; i++) {
        const float32x4_t d = vld1q_f32(panel.d[b] + 8 * eight + 4 * i);
        for (int c = 0; c < C; c++) {
          const float dx = columns.scales[c][b];
          float32x4_t acc = vfmaq_f32(tile.acc[c][i], vmulq_n_f32(d, dx), vcvtq_f32_s32(dot[c][i]));
          if constexpr (T::kMinimum) {
            const float32x4_t m = vld1q_f32(panel.m[b] + 8 * eight + 4 * i);
            acc = vfmaq_n_f32(acc, vmulq_n_f32(m, dx), static_cast<float>(columns.sums[c][b]));
          }
          tile.acc[c][i] = acc;
        }
      }
    }
  }
};

template <class T>
void linear(const LinearArgs& a) {
  if (a.columns >= kPanelColumns) return many_columns<Leaf<T>>(a);
  few_columns_in_passes<Few32<T>>(a);
}

}  // namespace

void linear_q4_0(const LinearArgs& args) { linear<Q4_0>(args); }
void linear_q4_1(const LinearArgs& args) { linear<Q4_1>(args); }
void linear_q5_0(const LinearArgs& args) { linear<Q5_0>(args); }
void linear_q5_1(const LinearArgs& args) { linear<Q5_1>(args); }
void linear_q8_0(const LinearArgs& args) { linear<Q8_0>(args); }
void linear_iq4_nl(const LinearArgs& args) { linear<IQ4_NL>(args); }
void linear_mxfp4(const LinearArgs& args) { linear<MXFP4>(args); }

}  // namespace neon
}  // namespace fak
