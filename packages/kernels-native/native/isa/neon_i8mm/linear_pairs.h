// Few columns by SMMLA: two to four columns as pairs, four far rows as pairs of rows that are interleaved before they are unpacked, when they
// are fewer bytes. An instruction multiplies 2 rows x 8 elements by 2 columns, twice what SDOT does; the sums need no addition across lanes.
// Bound by memory reads up to four columns; from L1 by the four vector pipes.
#pragma once

#include "../neon/linear_few_columns.h"

namespace fak {
namespace i8mm {

/// Elements of two columns: eight of the first, eight of the second; the first eight of sixteen, and the last.
struct ColumnPair {
  int8x16_t low, high;
};

FAK_INLINE ColumnPair column_pair(const int8_t* first, const int8_t* second) {
  const int64x2_t a = vreinterpretq_s64_s8(vld1q_s8(first)), b = vreinterpretq_s64_s8(vld1q_s8(second));
  return {vreinterpretq_s8_s64(vzip1q_s64(a, b)), vreinterpretq_s8_s64(vzip2q_s64(a, b))};
}

/// [column 0 row 0, column 0 row 1, column 1 row 0, column 1 row 1] of two pairs of rows, as four rows of each column.
FAK_INLINE int32x4_t first_column(int32x4_t rows01, int32x4_t rows23) {
  return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(rows01), vreinterpretq_s64_s32(rows23)));
}
FAK_INLINE int32x4_t second_column(int32x4_t rows01, int32x4_t rows23) {
  return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(rows01), vreinterpretq_s64_s32(rows23)));
}

/// The index of a pair's second column; a last column without company is taken twice.
template <int C>
FAK_INLINE int second_of(int pair) {
  return 2 * pair + 1 < C ? 2 * pair + 1 : 2 * pair;
}

template <int lane>
FAK_INLINE int32x4_t two_twice(int32x4_t v) {
  return vreinterpretq_s32_s64(vdupq_laneq_s64(vreinterpretq_s64_s32(v), lane));
}

/// The scales of half a block of two rows, one register [row 0, row 1, row 0, row 1] for each group.
template <class T, int h>
FAK_INLINE void pair_scales(const GroupScales& first, const GroupScales& second, int32x4_t out[8]) {
  int32x4_t a[2], b[2];
  half_scales<T, h>(first, a);
  half_scales<T, h>(second, b);
  for (int i = 0; i < (T::kSixteens ? 2 : 1); i++) {
    const int32x4_t low = vzip1q_s32(a[i], b[i]), high = vzip2q_s32(a[i], b[i]);
    out[4 * i] = two_twice<0>(low), out[4 * i + 1] = two_twice<1>(low);
    out[4 * i + 2] = two_twice<0>(high), out[4 * i + 3] = two_twice<1>(high);
  }
}

template <class T>
struct Pairs256 {
  using Block = typename T::Block;
  using Row = RowQ8x256;
  static constexpr int kBlock = 256;
  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x256(x, k); }

  template <int h, int C>
  FAK_INLINE void add_half(const uint8_t* first, const uint8_t* second, const GroupScales s[2], const int8_t* x, size_t x_stride,
                           int32x4_t total[(C + 1) / 2]) {
    uint8x16_t low[8], high[8];
    T::template half<h>(RowPair<0>{first, second}, low);
    T::template half<h>(RowPair<1>{first, second}, high);
    int32x4_t scale[8];
    pair_scales<T, h>(s[0], s[1], scale);
    for (int p = 0; p < (C + 1) / 2; p++) {
      const int8_t* x0 = in_column(x, 2 * p, x_stride) + 128 * h;
      const int8_t* x1 = in_column(x, second_of<C>(p), x_stride) + 128 * h;
      int32x4_t dot = vdupq_n_s32(0);
      for (int i = 0; i < 8; i++) {
        const ColumnPair pair = column_pair(x0 + 16 * i, x1 + 16 * i);
        if (T::kSixteens || i % 2 == 0) dot = vdupq_n_s32(0);
        dot = vmmlaq_s32(dot, pair.low, vsubq_s8(as_signed(low[i]), vdupq_n_s8(T::kOffset)));
        dot = vmmlaq_s32(dot, pair.high, vsubq_s8(as_signed(high[i]), vdupq_n_s8(T::kOffset)));
        if (T::kSixteens) total[p] = vmlaq_s32(total[p], dot, scale[i]);
        else if (i % 2 == 1) total[p] = vmlaq_s32(total[p], dot, scale[i / 2]);
      }
    }
  }

  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, float32x4_t acc[C]) {
    constexpr int kPairs = (C + 1) / 2;
    int32x4_t total[2][kPairs], mins[C][4];
    const int8_t* quants = x.quants + 256 * b;
    for (int r = 0; r < 4; r += 2) {
      GroupScales s[2];
      for (int i = 0; i < 2; i++) {
        prefetch_ahead<sizeof(Block)>(w[r + i]);
        T::scales(*w[r + i], s[i]);
        if constexpr (T::kMinimum) {
          for (int c = 0; c < C; c++) {
            int16x8_t sums[2];
            group_sums<T>(in_column(x.sums + 16 * b, c, x_stride), sums);
            mins[c][r + i] = times_sums<T>(s[i].min, sums);
          }
        }
      }
      for (int p = 0; p < kPairs; p++) total[r / 2][p] = vdupq_n_s32(0);
      const uint8_t* first = reinterpret_cast<const uint8_t*>(w[r]);
      const uint8_t* second = reinterpret_cast<const uint8_t*>(w[r + 1]);
      add_half<0, C>(first, second, s, quants, x_stride, total[r / 2]);
      add_half<1, C>(first, second, s, quants, x_stride, total[r / 2]);
    }
    const float32x4_t d = block_scales(w[0], w[1], w[2], w[3]);
    float32x4_t dmin = d;
    if constexpr (T::kMinimum) dmin = block_mins(w[0], w[1], w[2], w[3]);
    for (int c = 0; c < C; c++) {
      const int32x4_t rows01 = total[0][c / 2], rows23 = total[1][c / 2];
      const int32x4_t all = c % 2 == 0 ? first_column(rows01, rows23) : second_column(rows01, rows23);
      int32x4_t all_mins = all;
      if constexpr (T::kMinimum) all_mins = sum_each(mins[c][0], mins[c][1], mins[c][2], mins[c][3]);
      acc[c] = add_block<T>(acc[c], d, dmin, *in_column(x.scales + b, c, x_stride), all, all_mins);
    }
  }
};

template <class T>
struct Pairs32 {
  using Block = typename T::Block;
  using Row = RowQ8x32;
  static constexpr int kBlock = 32;
  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x32(x, k); }

  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, float32x4_t acc[C]) {
    constexpr int kPairs = (C + 1) / 2;
    int32x4_t dot[2][kPairs];
    for (int r = 0; r < 4; r += 2) {
      prefetch_ahead<sizeof(Block)>(w[r]);
      prefetch_ahead<sizeof(Block)>(w[r + 1]);
      const uint8_t* first = reinterpret_cast<const uint8_t*>(w[r]);
      const uint8_t* second = reinterpret_cast<const uint8_t*>(w[r + 1]);
      uint8x16_t low[2], high[2];
      T::quants(RowPair<0>{first, second}, low);
      T::quants(RowPair<1>{first, second}, high);
      for (int p = 0; p < kPairs; p++) {
        const int8_t* x0 = in_column(x.quants + 32 * b, 2 * p, x_stride);
        const int8_t* x1 = in_column(x.quants + 32 * b, second_of<C>(p), x_stride);
        int32x4_t sum = vdupq_n_s32(0);
        for (int i = 0; i < 2; i++) {
          const ColumnPair pair = column_pair(x0 + 16 * i, x1 + 16 * i);
          sum = vmmlaq_s32(sum, pair.low, as_signed(low[i]));
          sum = vmmlaq_s32(sum, pair.high, as_signed(high[i]));
        }
        dot[r / 2][p] = sum;
      }
    }
    const float32x4_t d = block_scales(w[0], w[1], w[2], w[3]);
    for (int c = 0; c < C; c++) {
      const int32x4_t rows01 = dot[0][c / 2], rows23 = dot[1][c / 2];
      acc[c] = add_block_of_32<T>(acc[c], d, w, c % 2 == 0 ? first_column(rows01, rows23) : second_column(rows01, rows23),
                                  *in_column(x.sums + b, c, x_stride), *in_column(x.scales + b, c, x_stride));
    }
  }
};

}  // namespace i8mm
}  // namespace fak
