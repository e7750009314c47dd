// One column of super-blocks of 256, or too few for a panel: four far rows times four super-blocks make one register of sixteen totals, so
// that a thread reads four long streams. Bound by memory reads; from cache by the vector ports, about 30 operations per row, super-block and
// column.
#pragma once

#include "linear_unpack_q8x256.h"

namespace fak {
namespace avx512 {

/// Scales for the dwords of elements 64 j to 64 j + 63: four groups, four dwords each, (scale, 0) where partials fit
/// int16, else int32.
template <class T>
FAK_INLINE __m512i scale_dwords(__m256i scale, int j) {
  const __m512i base = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  const __m512i index = _mm512_add_epi32(base, _mm512_set1_epi32(4 * j));
  return T::kDotFits >= 4 ? _mm512_maskz_permutexvar_epi16(0x55555555u, index, _mm512_castsi256_si512(scale))
                          : _mm512_permutexvar_epi32(index, _mm512_cvtepi16_epi32(scale));
}

/// total + dot * scale for sixteen dwords; with `fits`, dots fit int16 and scales are (scale, 0).
template <bool fits>
FAK_INLINE __m512i add_scaled(__m512i total, __m512i dot, __m512i scale) {
  return fits ? _mm512_dpwssd_epi32(total, dot, scale) : _mm512_add_epi32(total, _mm512_mullo_epi32(dot, scale));
}

FAK_INLINE __m512 halves_to_floats(const uint64_t half[4]) {
  return _mm512_cvtph_ps(_mm256_set_epi64x(static_cast<int64_t>(half[3]), static_cast<int64_t>(half[2]),
                                           static_cast<int64_t>(half[1]), static_cast<int64_t>(half[0])));
}

/// Four rows times B (4, or the first 2 of) super-blocks times C columns. What lies beyond B is zero in the activations.
template <class T, int C, int B>
FAK_INLINE void gemv_step(const typename T::Block* const w[4], const RowQ8x256& x, size_t x_stride, int64_t b,
                          __m128 acc[C]) {
  static_assert(B == 4 || B == 2, "pairs of super-blocks");
  __m512i lanes[C][4];
  for (int c = 0; c < C; c++)
    for (int i = B; i < 4; i++) lanes[c][i] = _mm512_setzero_si512();
  alignas(64) int16_t mins[4][4][16];
  for (int i = 0; i < B; i++) {
    __m512i total[C][4];
    for (int r = 0; r < 4; r++) {
      __m512i q[4];
      __m256i scale, min;
      prefetch_ahead<sizeof(typename T::Block)>(&w[r][i]);
      T::quants(w[r][i], q);
      avx2::group_scales(w[r][i], scale, min);
      if (T::kMinimum) _mm256_store_si256(reinterpret_cast<__m256i*>(mins[r][i]), min);
      for (int c = 0; c < C; c++) {
        const uint8_t* xq = reinterpret_cast<const uint8_t*>(x.quants) + c * x_stride + 256 * (b + i);
        __m512i sum = _mm512_setzero_si512();
        if (T::kOffsetShift != kNoOffset) {
          const uint8_t* sums = reinterpret_cast<const uint8_t*>(x.sums + 16 * (b + i)) + c * x_stride;
          const __m256i over = _mm256_dpwssd_epi32(_mm256_setzero_si256(), scale,
                                                   _mm256_load_si256(reinterpret_cast<const __m256i*>(sums)));
          sum = _mm512_sub_epi32(sum, _mm512_slli_epi32(_mm512_zextsi256_si512(over), T::kOffsetShift & 31));
        }
        for (int j = 0; j < 4; j++) {
          const __m512i partial =
              _mm512_dpbusd_epi32(_mm512_setzero_si512(), q[j], _mm512_load_si512(xq + 64 * j));
          sum = add_scaled<(T::kDotFits >= 4)>(sum, partial, scale_dwords<T>(scale, j));
        }
        total[c][r] = sum;
      }
    }
    for (int c = 0; c < C; c++) lanes[c][i] = sum_lanes(total[c][0], total[c][1], total[c][2], total[c][3]);
  }
  uint64_t half[4] = {};
  for (int i = 0; i < B; i++) half[i] = four_halves(w[0][i].d, w[1][i].d, w[2][i].d, w[3][i].d);
  const __m512 d = halves_to_floats(half);
  __m512 dmin = d;
  if constexpr (T::kMinimum) {
    for (int i = 0; i < B; i++) {
      half[i] = four_halves(min_field(w[0][i]), min_field(w[1][i]), min_field(w[2][i]), min_field(w[3][i]));
    }
    dmin = halves_to_floats(half);
  }
  for (int c = 0; c < C; c++) {
    const uint8_t* scales = reinterpret_cast<const uint8_t*>(x.scales + b) + c * x_stride;
    const __m512 dx = spread4(reinterpret_cast<const float*>(scales));
    const __m512 scale = _mm512_mul_ps(d, dx);
    const __m512 value = _mm512_cvtepi32_ps(sum_all_lanes(lanes[c][0], lanes[c][1], lanes[c][2], lanes[c][3]));
    if (T::kMinimum) {
      const uint8_t* sums = reinterpret_cast<const uint8_t*>(x.sums + 16 * b) + c * x_stride;
      __m512i pair[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
      for (int p = 0; p < B / 2; p++) {
        const __m512i xs = _mm512_load_si512(sums + 64 * p);
        __m512i dot[4];
        for (int r = 0; r < 4; r++) {
          dot[r] = _mm512_madd_epi16(_mm512_load_si512(mins[r][2 * p]), xs);
        }
        pair[p] = sum_lanes(dot[0], dot[1], dot[2], dot[3]);
      }
      const __m512 min_scale = _mm512_mul_ps(dmin, dx);
      const __m512 min_value = _mm512_cvtepi32_ps(sum_lane_pairs(pair[0], pair[1]));
      acc[c] = fma_pairs_in_block_order(scale, value, min_scale, min_value, acc[c]);
    } else {
      acc[c] = fma_in_block_order(scale, value, acc[c]);
    }
  }
}

}  // namespace avx512
}  // namespace fak
