// The integer scales (and minimums) of a super-block as sixteen int16, one for each group of 16 elements; types with
// sub-blocks of 32 repeat each one. Used by the AVX2 and the AVX-512 leaves; every function is inlined into its caller.
#pragma once

#include <immintrin.h>

#include "../../quant/blocks.h"
#include "../../quant/packed_scales.h"

namespace fak {
namespace avx2 {

#define FAK_SCALES static inline __attribute__((always_inline)) void

/// Sixteen int16 from eight bytes, each twice.
static inline __attribute__((always_inline)) __m256i bytes_twice(uint64_t bytes) {
  const __m256i index = _mm256_set_epi8(-1, 7, -1, 7, -1, 6, -1, 6, -1, 5, -1, 5, -1, 4, -1, 4,  //
                                        -1, 3, -1, 3, -1, 2, -1, 2, -1, 1, -1, 1, -1, 0, -1, 0);
  return _mm256_shuffle_epi8(_mm256_set1_epi64x(static_cast<int64_t>(bytes)), index);
}

FAK_SCALES group_scales(const BlockQ2_K& b, __m256i& scale, __m256i& min) {
  const __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b.scales)));
  scale = _mm256_and_si256(both, _mm256_set1_epi16(15));
  min = _mm256_srli_epi16(both, 4);
}

FAK_SCALES group_scales(const BlockQ3_K& b, __m256i& scale, __m256i& min) {
  uint64_t low, high;
  scale_bytes_q3_K(b.scales, low, high);
  const __m128i bytes = _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
  scale = _mm256_sub_epi16(_mm256_cvtepu8_epi16(bytes), _mm256_set1_epi16(32));
  min = _mm256_setzero_si256();
}

FAK_SCALES group_scales(const BlockQ4_K& b, __m256i& scale, __m256i& min) {
  uint64_t s, m;
  scale_bytes_q4_K(b.scales, s, m);
  scale = bytes_twice(s);
  min = bytes_twice(m);
}

FAK_SCALES group_scales(const BlockQ5_K& b, __m256i& scale, __m256i& min) {
  uint64_t s, m;
  scale_bytes_q4_K(b.scales, s, m);
  scale = bytes_twice(s);
  min = bytes_twice(m);
}

FAK_SCALES group_scales(const BlockQ6_K& b, __m256i& scale, __m256i& min) {
  scale = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b.scales)));
  min = _mm256_setzero_si256();
}

FAK_SCALES group_scales(const BlockIQ4_XS& b, __m256i& scale, __m256i& min) {
  scale = _mm256_sub_epi16(bytes_twice(scale_bytes_iq4_xs(b.scales_l, b.scales_h)), _mm256_set1_epi16(32));
  min = _mm256_setzero_si256();
}

#undef FAK_SCALES

}  // namespace avx2
}  // namespace fak
