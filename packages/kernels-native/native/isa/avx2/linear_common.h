// What the AVX2 linear leaves share: transposed sums, dword transposition, dots of bytes and of int16 panels.
// No C++ library header: an inline function compiled here could be the copy that the linker keeps.
#pragma once

#define FAK_VEC FAK_VEC_AVX2
#include "../vec.h"

#include "../linear_drive.h"

namespace fak {
namespace FAK_ISA {

FAK_INLINE __m256i load_256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
FAK_INLINE void store_256(void* p, __m256i v) { _mm256_store_si256(static_cast<__m256i*>(p), v); }

FAK_INLINE __m128i load_128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

/// 16 bytes from each of two places.
FAK_INLINE __m256i two_lanes(const void* low, const void* high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_128(low)), load_128(high), 1);
}

/// Four registers of 8 partial sums -> per 128-bit lane the four sums [v0, v1, v2, v3] of that lane.
FAK_INLINE __m256i sum_lanes(__m256i v0, __m256i v1, __m256i v2, __m256i v3) {
  const __m256i a = _mm256_add_epi32(_mm256_unpacklo_epi32(v0, v1), _mm256_unpackhi_epi32(v0, v1));
  const __m256i b = _mm256_add_epi32(_mm256_unpacklo_epi32(v2, v3), _mm256_unpackhi_epi32(v2, v3));
  return _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

/// Two registers whose two 128-bit lanes are to be added: returns [sum a, sum b].
FAK_INLINE __m256i sum_both_lanes(__m256i a, __m256i b) {
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

/// Two values spread so that lane 4 b + r holds value b.
FAK_INLINE __m256 spread2(const float* p) {
  double two;
  memcpy(&two, p, sizeof two);
  return _mm256_permutevar_ps(_mm256_castpd_ps(_mm256_set1_pd(two)), _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
}
FAK_INLINE __m256i spread2(const int32_t* p) {
  int64_t two;
  memcpy(&two, p, sizeof two);
  return _mm256_castps_si256(_mm256_permutevar_ps(_mm256_castsi256_ps(_mm256_set1_epi64x(two)),
                                                  _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1)));
}

/// Eight binary16 values from two qwords.
FAK_INLINE __m256 halves_to_floats(uint64_t low, uint64_t high) {
  return _mm256_cvtph_ps(_mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low)));
}

/// Eight halved E8M0 scales, a byte each: e8m0_half_to_f32, lane by lane.
FAK_INLINE __m256 halved_e8m0(uint64_t e) {
  const __m256i v = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(e)));
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(v, _mm256_set1_epi32(1)), 23);
  const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), v);
  const __m256i is_normal = _mm256_cmpgt_epi32(v, _mm256_set1_epi32(1));
  return _mm256_castsi256_ps(_mm256_blendv_epi8(subnormal, normal, is_normal));
}

/// acc[row] = fma(scale, value, acc) for the two blocks in order; lane 4 b + r of the operands is block b of row r.
FAK_INLINE __m128 fma_in_block_order(__m256 scale, __m256 value, __m128 acc) {
  acc = _mm_fmadd_ps(_mm256_castps256_ps128(scale), _mm256_castps256_ps128(value), acc);
  return _mm_fmadd_ps(_mm256_extractf128_ps(scale, 1), _mm256_extractf128_ps(value, 1), acc);
}

/// The same with two steps a block: acc = fma(scale, value, acc), then acc = fma(-min_scale, min_value, acc).
FAK_INLINE __m128 fma_pairs_in_block_order(__m256 scale, __m256 value, __m256 min_scale, __m256 min_value, __m128 acc) {
  acc = _mm_fmadd_ps(_mm256_castps256_ps128(scale), _mm256_castps256_ps128(value), acc);
  acc = _mm_fnmadd_ps(_mm256_castps256_ps128(min_scale), _mm256_castps256_ps128(min_value), acc);
  acc = _mm_fmadd_ps(_mm256_extractf128_ps(scale, 1), _mm256_extractf128_ps(value, 1), acc);
  return _mm_fnmadd_ps(_mm256_extractf128_ps(min_scale, 1), _mm256_extractf128_ps(min_value, 1), acc);
}

FAK_INLINE __m256 canonical(__m256 v) {
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(kCanonicalNaN)));
  return _mm256_blendv_ps(v, nan, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}

FAK_INLINE void store_group(const LinearArgs& a, const RowGroup& g, int64_t column, __m128 acc) {
  const __m128 nan = _mm_castsi128_ps(_mm_set1_epi32(static_cast<int>(kCanonicalNaN)));
  alignas(16) float out[4];
  _mm_store_ps(out, _mm_blendv_ps(acc, nan, _mm_cmpunord_ps(acc, acc)));
  store_rows(a, g, column, out);
}

/// Pairs of products as int16. `is_signed`: q is in -128..127, and its sign moves to xq, because one operand of vpmaddubsw is
/// unsigned; two products are at most 2 * 128 * 127 = 32512. Otherwise q is at most 63, and two products at most 16002.
template <bool is_signed>
FAK_INLINE __m256i byte_products(__m256i q, __m256i xq) {
  return is_signed ? _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(xq, q)) : _mm256_maddubs_epi16(q, xq);
}

/// The compiler may take integer sums in another order, and then holds so many products that registers spill.
FAK_INLINE __m256i in_order(__m256i sum) {
  __asm__("" : "+x"(sum));
  return sum;
}

/// Transposes eight registers of eight dwords in place.
FAK_INLINE void transpose8(__m256i v[8]) {
  __m256i t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
  }
  __m256i u[8];
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
    u[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
    u[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
    u[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    v[i] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x20);
    v[i + 4] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x31);
  }
}

// ---- Panels for many columns ----

constexpr int kHalfRows = 8;
constexpr int kTileRows = 16;

/// Brings the lines of `bytes` bytes of a row to L2 for the next tile: `tile` is the distance of its rows. A panel is filled from 16
/// streams in bursts, which the prefetchers of the processor do not follow; with few columns that is what it waits for.
template <size_t bytes>
FAK_INLINE void prefetch_next_tile(const void* p, ptrdiff_t tile) {
  const char* at = static_cast<const char*>(p) + tile;
  for (size_t i = 0; i < bytes; i += 64) _mm_prefetch(at + i, _MM_HINT_T1);
}

/// The elements of one column of a panel as int16.
FAK_INLINE void widen(int16_t* out, const int8_t* in, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + i),
                       _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(in + i))));
  }
}

/// total[c][h] += dots of 2 `pairs` elements: panel[pair][row] holds two int16 of a row, x two int16 of a column.
template <int H, int C>
FAK_INLINE void panel_dots(const int16_t (*panel)[kTileRows][2], int pairs, const int16_t* x, size_t x_stride,
                           __m256i total[C][H]) {
#pragma GCC unroll 8
  for (int i = 0; i < pairs; i++) {
    __m256i w[H];
    for (int h = 0; h < H; h++) w[h] = _mm256_load_si256(reinterpret_cast<const __m256i*>(panel[i][8 * h]));
    for (int c = 0; c < C; c++) {
      int32_t pair;
      memcpy(&pair, x + static_cast<size_t>(c) * x_stride + 2 * i, sizeof pair);
      const __m256i v = _mm256_set1_epi32(pair);
      for (int h = 0; h < H; h++) total[c][h] = in_order(_mm256_add_epi32(total[c][h], _mm256_madd_epi16(w[h], v)));
    }
  }
}

/// Which rows of a tile exist: all of those in use, or masks for eight floats each. Masked stores are slow (12 clocks on Zen 4).
struct TileMask {
  __m256i half[2];
  bool all;
};

FAK_INLINE TileMask tile_mask(int64_t rows) { return {{lanes_below(rows, 0), lanes_below(rows, 8)}, rows % kHalfRows == 0}; }

/// The sums of a tile of rows from n and columns from m on as the panels before left them in y, or zeros.
template <int H, int C>
FAK_INLINE void load_tile(const LinearArgs& a, int64_t m, int64_t n, const TileMask& mask, bool first, float acc[C][kTileRows]) {
  for (int c = 0; c < C; c++) {
    for (int h = 0; h < H; h++) {
      const float* at = a.y + static_cast<size_t>(m + c) * a.y_stride + n + 8 * h;
      _mm256_store_ps(acc[c] + 8 * h, first      ? _mm256_setzero_ps()
                                      : mask.all ? _mm256_loadu_ps(at)
                                                 : _mm256_maskload_ps(at, mask.half[h]));
    }
  }
}

template <int H, int C>
FAK_INLINE void store_tile(const LinearArgs& a, int64_t m, int64_t n, const TileMask& mask, bool last,
                           const float acc[C][kTileRows]) {
  for (int c = 0; c < C; c++) {
    for (int h = 0; h < H; h++) {
      float* at = a.y + static_cast<size_t>(m + c) * a.y_stride + n + 8 * h;
      __m256 v = _mm256_load_ps(acc[c] + 8 * h);
      if (last) v = canonical(v);
      if (mask.all) {
        _mm256_storeu_ps(at, v);
      } else {
        _mm256_maskstore_ps(at, mask.half[h], v);
      }
    }
  }
}

/// What every leaf of linear_drive.h has here.
struct LeafBase {
  using Mask = TileMask;
  static constexpr int kStep = 2, kHalfRows = FAK_ISA::kHalfRows;
  static constexpr bool kHalfStep = false;
  FAK_INLINE Mask mask(int64_t rows) { return tile_mask(rows); }
  FAK_INLINE void store(const LinearArgs& a, const RowGroup& g, int64_t column, __m128 acc) {
    store_group(a, g, column, acc);
  }
};

}  // namespace FAK_ISA
}  // namespace fak
