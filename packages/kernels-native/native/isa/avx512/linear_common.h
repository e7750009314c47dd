// What the AVX-512 linear leaves share: transposed sums, dword transposition, column and row bookkeeping.
// No C++ library header: an inline function compiled here could be the copy that the linker keeps.
#pragma once

// gcc 12 reports its own deliberately undefined registers inside the intrinsics (gcc bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#define FAK_VEC FAK_VEC_AVX512
#include "../vec.h"

#include "../linear_drive.h"

namespace fak {
namespace avx512 {

/// Four registers of 16 partial sums -> per 128-bit lane the four sums [v0, v1, v2, v3] of that lane.
FAK_INLINE __m512i sum_lanes(__m512i v0, __m512i v1, __m512i v2, __m512i v3) {
  const __m512i a = _mm512_add_epi32(_mm512_unpacklo_epi32(v0, v1), _mm512_unpackhi_epi32(v0, v1));
  const __m512i b = _mm512_add_epi32(_mm512_unpacklo_epi32(v2, v3), _mm512_unpackhi_epi32(v2, v3));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

/// a holds lanes [x0 x0 x1 x1] and b [x2 x2 x3 x3]: returns [x0 x1 x2 x3], equal names added.
FAK_INLINE __m512i sum_lane_pairs(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
}

/// Four registers whose four 128-bit lanes are to be added: returns [sum a, sum b, sum c, sum d].
FAK_INLINE __m512i sum_all_lanes(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x44), _mm512_shuffle_i32x4(a, b, 0xee));
  const __m512i cd = _mm512_add_epi32(_mm512_shuffle_i32x4(c, d, 0x44), _mm512_shuffle_i32x4(c, d, 0xee));
  return sum_lane_pairs(ab, cd);
}

/// Four values spread so that lane 4 b + r holds value b.
FAK_INLINE __m512 spread4(const float* p) {
  const __m512i index = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  return _mm512_permutexvar_ps(index, _mm512_castps128_ps512(_mm_loadu_ps(p)));
}
FAK_INLINE __m512i spread4(const int32_t* p) {
  const __m512i index = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  return _mm512_permutexvar_epi32(index,
                                  _mm512_castsi128_si512(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

/// acc[row] = fma(scale, value, acc) for the four blocks in order; lane 4 b + r of the operands is block b of row r.
FAK_INLINE __m128 fma_in_block_order(__m512 scale, __m512 value, __m128 acc) {
  acc = _mm_fmadd_ps(_mm512_castps512_ps128(scale), _mm512_castps512_ps128(value), acc);
  acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(scale, 1), _mm512_extractf32x4_ps(value, 1), acc);
  acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(scale, 2), _mm512_extractf32x4_ps(value, 2), acc);
  return _mm_fmadd_ps(_mm512_extractf32x4_ps(scale, 3), _mm512_extractf32x4_ps(value, 3), acc);
}

/// The same with two steps a block: acc = fma(scale, value, acc), then acc = fma(-min_scale, min_value, acc).
FAK_INLINE __m128 fma_pairs_in_block_order(__m512 scale, __m512 value, __m512 min_scale, __m512 min_value, __m128 acc) {
  acc = _mm_fmadd_ps(_mm512_castps512_ps128(scale), _mm512_castps512_ps128(value), acc);
  acc = _mm_fnmadd_ps(_mm512_castps512_ps128(min_scale), _mm512_castps512_ps128(min_value), acc);
  acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(scale, 1), _mm512_extractf32x4_ps(value, 1), acc);
  acc = _mm_fnmadd_ps(_mm512_extractf32x4_ps(min_scale, 1), _mm512_extractf32x4_ps(min_value, 1), acc);
  acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(scale, 2), _mm512_extractf32x4_ps(value, 2), acc);
  acc = _mm_fnmadd_ps(_mm512_extractf32x4_ps(min_scale, 2), _mm512_extractf32x4_ps(min_value, 2), acc);
  acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(scale, 3), _mm512_extractf32x4_ps(value, 3), acc);
  return _mm_fnmadd_ps(_mm512_extractf32x4_ps(min_scale, 3), _mm512_extractf32x4_ps(min_value, 3), acc);
}

FAK_INLINE __m512 canonical(__m512 v) {
  const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(kCanonicalNaN)));
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), v, nan);
}
FAK_INLINE __m128 canonical(__m128 v) {
  const __m128 nan = _mm_castsi128_ps(_mm_set1_epi32(static_cast<int>(kCanonicalNaN)));
  return _mm_blendv_ps(v, nan, _mm_cmpunord_ps(v, v));
}

/// Transposes in place the four by four dwords that each 128-bit lane holds in four registers.
FAK_INLINE void transpose_lanes(__m512i v[4]) {
  const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]);
  const __m512i c = _mm512_unpacklo_epi32(v[2], v[3]), d = _mm512_unpackhi_epi32(v[2], v[3]);
  v[0] = _mm512_unpacklo_epi64(a, c);
  v[1] = _mm512_unpackhi_epi64(a, c);
  v[2] = _mm512_unpacklo_epi64(b, d);
  v[3] = _mm512_unpackhi_epi64(b, d);
}

/// Transposes sixteen registers of sixteen dwords in place.
FAK_INLINE void transpose16(__m512i v[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    const __m512i a = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88), b = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
    const __m512i c = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
    v[i] = _mm512_shuffle_i32x4(a, c, 0x88);
    v[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
    v[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
    v[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}

FAK_INLINE __m512i broadcast_dword(const void* p) {
  int32_t v;
  memcpy(&v, p, sizeof v);
  return _mm512_set1_epi32(v);
}

FAK_INLINE void store_group(const LinearArgs& a, const RowGroup& g, int64_t column, __m128 acc) {
  alignas(16) float out[4];
  _mm_store_ps(out, canonical(acc));
  store_rows(a, g, column, out);
}

// ---- Panels for many columns ----

constexpr int kHalfRows = 16;
constexpr int kTileRows = 2 * kHalfRows;
constexpr int kTileColumns = 6;

/// Which rows of a tile exist.
struct TileMask {
  __mmask16 half[2];
};

FAK_INLINE TileMask tile_mask(int64_t rows) {
  return {{lanes_below(rows < 16 ? rows : 16), lanes_below(rows < 16 ? 0 : rows - 16)}};
}

}  // namespace avx512
}  // namespace fak
