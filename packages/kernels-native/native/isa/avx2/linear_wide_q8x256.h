// Many columns with AVX2 alone of types whose quants have eight bits and a sign (IQ4_XS): a pair of their products may already
// fill an int16, so nothing is gained by multiplying bytes. A panel holds 16 rows as int16 pairs with the integer scale
// multiplied in (at most 128 * 32 = 4096). Bound by the multiply ports: one vpmaddwd for 16 products.
#pragma once

#include "linear_unpack_q8x256.h"

namespace fak {
namespace FAK_ISA {
namespace {

constexpr int kWideBlocks = 2;

/// 16 weight rows times super-blocks, 16 KiB: quants[block][pair][row] = scale * q.
struct WidePanel256 {
  alignas(32) int16_t quants[kWideBlocks][128][kTileRows][2];
  alignas(32) float d[kWideBlocks][kTileRows];
};

template <class T>
FAK_INLINE void fill_wide(WidePanel256& panel, int64_t b, int half, const uint8_t* const rows[8]) {
  alignas(32) int16_t scaled[8][256];
  alignas(16) uint16_t d[8];
  for (int r = 0; r < 8; r++) {
    const typename T::Block& w = *reinterpret_cast<const typename T::Block*>(rows[r]);
    prefetch_next_tile<sizeof w>(&w, kTileRows * (rows[1] - rows[0]));
    __m256i q[8], scale, min;
    T::quants(w, q);
    avx2::group_scales(w, scale, min);
    alignas(32) int16_t scales[16];
    _mm256_store_si256(reinterpret_cast<__m256i*>(scales), scale);
    for (int g = 0; g < 16; g++) {
      const __m128i bytes = g % 2 == 0 ? _mm256_castsi256_si128(q[g / 2]) : _mm256_extracti128_si256(q[g / 2], 1);
      _mm256_store_si256(reinterpret_cast<__m256i*>(scaled[r] + 16 * g),
                         _mm256_mullo_epi16(_mm256_cvtepi8_epi16(bytes), _mm256_set1_epi16(scales[g])));
    }
    d[r] = load_u16(w.d);
  }
  for (int g = 0; g < 16; g++) {
    __m256i v[8];
    for (int r = 0; r < 8; r++) v[r] = load_256(scaled[r] + 16 * g);
    transpose8(v);
    for (int i = 0; i < 8; i++) store_256(panel.quants[b][8 * g + i][8 * half], v[i]);
  }
  _mm256_store_ps(&panel.d[b][8 * half], _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(d))));
}

template <int H, int C>
FAK_INLINE void tile_wide(const LinearArgs& a, const WidePanel256& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                          const TileMask& mask) {
  const RowQ8x256 x = row_q8x256(a.x + static_cast<size_t>(m) * a.x_stride, a.k);
  constexpr int kLength = 256 * kWideBlocks;
  alignas(32) int16_t wide[C][kLength];
  for (int c = 0; c < C; c++) widen(wide[c], x.quants + static_cast<size_t>(c) * a.x_stride + 256 * b0, 256 * blocks);
  alignas(32) float acc[C][kTileRows];
  load_tile<H, C>(a, m, n, mask, b0 == 0, acc);
  for (int64_t b = 0; b < blocks; b++) {
    __m256i total[C][H];
    for (int c = 0; c < C; c++) {
      for (int h = 0; h < H; h++) total[c][h] = _mm256_setzero_si256();
    }
    panel_dots<H, C>(panel.quants[b], 128, wide[0] + 256 * b, kLength, total);
    for (int c = 0; c < C; c++) {
      const __m256 dx = _mm256_broadcast_ss(reinterpret_cast<const float*>(
          reinterpret_cast<const uint8_t*>(x.scales + b0 + b) + static_cast<size_t>(c) * a.x_stride));
      for (int h = 0; h < H; h++) {
        float* at = acc[c] + 8 * h;
        _mm256_store_ps(at, _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.d[b][8 * h]), dx),
                                            _mm256_cvtepi32_ps(total[c][h]), _mm256_load_ps(at)));
      }
    }
  }
  store_tile<H, C>(a, m, n, mask, 256 * (b0 + blocks) == a.k, acc);
}

}  // namespace
}  // namespace FAK_ISA
}  // namespace fak
