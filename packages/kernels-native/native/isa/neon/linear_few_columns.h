// Few columns by SDOT: four far rows at a time, one block of each unpacked in registers, times up to four columns. An activation register
// loaded once serves four rows. Used by neon for one to four columns, by i8mm for one.
// Bound by memory reads; from L1 by the four vector pipes (docs/apple-analysis.md counts).
#pragma once

#include "linear_types_q8x256.h"
#include "linear_types_q8x32.h"

namespace fak {
namespace FAK_ISA {

/// total += scale * dot over the groups of half a block.
template <class T, int h>
FAK_INLINE int32x4_t add_half(int32x4_t total, const uint8x16_t q[8], const int8_t* x, const int32x4_t scale[2]) {
  int32x4_t dot[8];
  for (int g = 0; g < 8; g++) dot[g] = vdotq_s32(vdupq_n_s32(0), as_signed(q[g]), vld1q_s8(x + 16 * g));
  if constexpr (T::kSixteens) {
    total = vmlaq_laneq_s32(total, dot[0], scale[0], 0);
    total = vmlaq_laneq_s32(total, dot[1], scale[0], 1);
    total = vmlaq_laneq_s32(total, dot[2], scale[0], 2);
    total = vmlaq_laneq_s32(total, dot[3], scale[0], 3);
    total = vmlaq_laneq_s32(total, dot[4], scale[1], 0);
    total = vmlaq_laneq_s32(total, dot[5], scale[1], 1);
    total = vmlaq_laneq_s32(total, dot[6], scale[1], 2);
    return vmlaq_laneq_s32(total, dot[7], scale[1], 3);
  } else {
    for (int g = 0; g < 4; g++) dot[g] = vdotq_s32(dot[2 * g], as_signed(q[2 * g + 1]), vld1q_s8(x + 32 * g + 16));
    total = vmlaq_laneq_s32(total, dot[0], scale[0], 0);
    total = vmlaq_laneq_s32(total, dot[1], scale[0], 1);
    total = vmlaq_laneq_s32(total, dot[2], scale[0], 2);
    return vmlaq_laneq_s32(total, dot[3], scale[0], 3);
  }
}

template <class T, int h, int C>
FAK_INLINE void add_half_of_row(const uint8_t* row, const GroupScales& s, const int8_t* x, size_t x_stride, int32x4_t total[C]) {
  uint8x16_t q[8];
  T::template half<h>(OneRow{row}, q);
  int32x4_t scale[2];
  half_scales<T, h>(s, scale);
  for (int c = 0; c < C; c++) total[c] = add_half<T, h>(total[c], q, in_column(x, c, x_stride) + 128 * h, scale);
}

/// acc = fma(d dx, total, acc), then with minimums fma(-(dmin dx), mins, acc).
template <class T>
FAK_INLINE float32x4_t add_block(float32x4_t acc, float32x4_t d, float32x4_t dmin, float dx, int32x4_t total, int32x4_t mins) {
  acc = vfmaq_f32(acc, vmulq_n_f32(d, dx), vcvtq_f32_s32(total));
  return T::kMinimum ? vfmsq_f32(acc, vmulq_n_f32(dmin, dx), vcvtq_f32_s32(mins)) : acc;
}

/// The leaf of a type with super-blocks of 256 for linear_few: one block of four rows times C columns.
template <class T>
struct Few256 {
  using Block = typename T::Block;
  using Row = RowQ8x256;
  static constexpr int kBlock = 256;
  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x256(x, k); }

  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, float32x4_t acc[C]) {
    int32x4_t total[4][C], mins[4][C];
    const int8_t* quants = x.quants + 256 * b;
    for (int r = 0; r < 4; r++) {
      prefetch_ahead<sizeof(Block)>(w[r]);
      GroupScales s;
      T::scales(*w[r], s);
      for (int c = 0; c < C; c++) {
        total[r][c] = vdupq_n_s32(0);
        if constexpr (T::kMinimum || T::kOffset != 0) {
          int16x8_t sums[2];
          group_sums<T>(in_column(x.sums + 16 * b, c, x_stride), sums);
          if constexpr (T::kMinimum) mins[r][c] = times_sums<T>(s.min, sums);
          if constexpr (T::kOffset != 0) total[r][c] = vmulq_n_s32(times_sums<T>(s.scale, sums), -T::kOffset);
        }
      }
      const uint8_t* row = reinterpret_cast<const uint8_t*>(w[r]);
      add_half_of_row<T, 0, C>(row, s, quants, x_stride, total[r]);
      add_half_of_row<T, 1, C>(row, s, quants, x_stride, total[r]);
    }
    const float32x4_t d = block_scales(w[0], w[1], w[2], w[3]);
    float32x4_t dmin = d;
    if constexpr (T::kMinimum) dmin = block_mins(w[0], w[1], w[2], w[3]);
    for (int c = 0; c < C; c++) {
      const int32x4_t all = sum_each(total[0][c], total[1][c], total[2][c], total[3][c]);
      int32x4_t all_mins = all;
      if constexpr (T::kMinimum) all_mins = sum_each(mins[0][c], mins[1][c], mins[2][c], mins[3][c]);
      acc[c] = add_block<T>(acc[c], d, dmin, *in_column(x.scales + b, c, x_stride), all, all_mins);
    }
  }
};

/// acc = fma(d dx, dot, acc), then with a minimum fma(m dx, sum, acc); dot still has the offset of the type.
template <class T>
FAK_INLINE float32x4_t add_block_of_32(float32x4_t acc, float32x4_t d, const typename T::Block* const w[4], int32x4_t dot, int32_t sum,
                                       float dx) {
  if constexpr (T::kOffset != 0) dot = vsubq_s32(dot, vdupq_n_s32(sum * T::kOffset));
  acc = vfmaq_f32(acc, vmulq_n_f32(d, dx), vcvtq_f32_s32(dot));
  if constexpr (T::kMinimum) {
    acc = vfmaq_n_f32(acc, vmulq_n_f32(block_mins(w[0], w[1], w[2], w[3]), dx), static_cast<float>(sum));
  }
  return acc;
}

/// The leaf of a type with blocks of 32.
template <class T>
struct Few32 {
  using Block = typename T::Block;
  using Row = RowQ8x32;
  static constexpr int kBlock = 32;
  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x32(x, k); }

  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, float32x4_t acc[C]) {
    int32x4_t dot[4][C];
    for (int r = 0; r < 4; r++) {
      prefetch_ahead<sizeof(Block)>(w[r]);
      uint8x16_t q[2];
      T::quants(OneRow{reinterpret_cast<const uint8_t*>(w[r])}, q);
      for (int c = 0; c < C; c++) {
        const int8_t* quants = in_column(x.quants + 32 * b, c, x_stride);
        dot[r][c] = vdotq_s32(vdotq_s32(vdupq_n_s32(0), as_signed(q[0]), vld1q_s8(quants)), as_signed(q[1]), vld1q_s8(quants + 16));
      }
    }
    const float32x4_t d = block_scales(w[0], w[1], w[2], w[3]);
    for (int c = 0; c < C; c++) {
      acc[c] = add_block_of_32<T>(acc[c], d, w, sum_each(dot[0][c], dot[1][c], dot[2][c], dot[3][c]),
                                  *in_column(x.sums + b, c, x_stride), *in_column(x.scales + b, c, x_stride));
    }
  }
};

/// All rows times the columns from `column` on.
template <class Few, int C>
static void few_columns(const LinearArgs& a, int64_t column) {
  const typename Few::Row x = Few::row(a.x + static_cast<size_t>(column) * a.x_stride, a.k);
  const int64_t blocks = a.k / Few::kBlock, groups = row_groups(a.rows);
  for (int64_t i = 0; i < groups; i++) {
    const RowGroup g = row_group(a, i);
    const typename Few::Block* w[4];
    for (int r = 0; r < 4; r++) w[r] = reinterpret_cast<const typename Few::Block*>(g.w[r]);
    float32x4_t acc[C];
    for (int c = 0; c < C; c++) acc[c] = vdupq_n_f32(0.0f);
    for (int64_t b = 0; b < blocks; b++) {
      Few::template step<C>(w, x, a.x_stride, b, acc);
      for (int r = 0; r < 4; r++) w[r]++;
    }
    for (int c = 0; c < C; c++) store_group(a, g, column + c, acc[c]);
  }
}

/// At most four columns in a pass over the rows, in shares as equal as may be; a lone one may have a form of its own.
template <class More, class One = More>
static void few_columns_in_passes(const LinearArgs& a) {
  for (int64_t m = 0, count; m < a.columns; m += count) {
    count = pass_columns(a.columns - m);
    switch (count) {
      case 1: few_columns<One, 1>(a, m); break;
      case 2: few_columns<More, 2>(a, m); break;
      case 3: few_columns<More, 3>(a, m); break;
      default: few_columns<More, 4>(a, m); break;
    }
  }
}

}  // namespace FAK_ISA
}  // namespace fak
