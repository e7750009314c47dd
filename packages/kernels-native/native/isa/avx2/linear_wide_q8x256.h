// Panels of int16 (linear_wide.h) for the types with super-blocks whose quants have eight bits and a sign (IQ4_XS): the integer scale is
// multiplied in (at most 128 * 32 = 4096).
#pragma once

#include "linear_unpack_q8x256.h"
#include "linear_wide.h"

namespace fak {
namespace FAK_ISA {
namespace {

/// Two super-blocks of 16 rows, 16 KiB: quants are scale * q.
using WidePanel256 = WidePanel<256, 2>;

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

}  // namespace
}  // namespace FAK_ISA
}  // namespace fak
