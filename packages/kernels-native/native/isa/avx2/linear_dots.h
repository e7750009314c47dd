// Dot products of bytes, the one place where AVX2 alone and AVX2 with VNNI differ. Both are exact.
//   AVX2:  vpmaddubsw adds pairs of products as int16 and saturates, so unsigned quants must be small enough for a pair; a few such
//          pairs are summed as int16 before vpmaddwd scales them into int32. No sum of products comes near saturation: the largest
//          quant of the type decides how many fit (partial_elements).
//   VNNI:  vpdpbusd adds four products to an int32, whatever the quants are.
// The build compiles the leaves of this folder once for each, in a namespace of its own (FAK_ISA). FAK_AVX_VNNI asks for VNNI in the
// VEX encoding of the processors without AVX-512; FAK_AVX_VNNI_EVEX for the same instructions as AVX-512 has them, for tests.
#pragma once

#include "linear_common.h"

namespace fak {
namespace FAK_ISA {

constexpr int kLargestActivation = 127, kLargestInt16 = 32767;

constexpr int power_of_two_below(int n) { return n >= 32 ? 32 : n >= 16 ? 16 : n >= 8 ? 8 : n >= 4 ? 4 : 2; }

/// sum + a . b, in pairs of int16.
FAK_INLINE __m256i add_words(__m256i sum, __m256i a, __m256i b) {
#if defined(FAK_AVX_VNNI)
  return _mm256_dpwssd_avx_epi32(sum, a, b);
#elif defined(FAK_AVX_VNNI_EVEX)
  return _mm256_dpwssd_epi32(sum, a, b);
#else
  return in_order(_mm256_add_epi32(sum, _mm256_madd_epi16(a, b)));
#endif
}

#if defined(FAK_AVX_VNNI) || defined(FAK_AVX_VNNI_EVEX)

constexpr bool kVnni = true;

/// partial + dots of four unsigned quants u with activations x: int32.
FAK_INLINE __m256i dot_step(__m256i partial, __m256i u, __m256i x) {
#ifdef FAK_AVX_VNNI
  return _mm256_dpbusd_avx_epi32(partial, u, x);
#else
  return _mm256_dpbusd_epi32(partial, u, x);
#endif
}

/// Whether sixteen products of quants up to `largest` fit int16, so that vpdpwssd can scale their sum.
constexpr bool scales_words(int largest) { return 16 * largest * kLargestActivation <= kLargestInt16; }

/// Elements that one partial takes of a group of 16 or 32 with one scale.
constexpr int partial_elements(int largest, int group) { return scales_words(largest) ? 16 : group; }

/// Scales of eight rows in the form add_scaled takes: of the int16 pair in each dword the lower (0) or upper (1).
template <int largest, int which>
FAK_INLINE __m256i scale_word(__m256i pairs) {
  if (scales_words(largest)) {
    return which == 0 ? _mm256_blend_epi16(pairs, _mm256_setzero_si256(), 0xaa) : _mm256_srli_epi32(pairs, 16);
  }
  return _mm256_srai_epi32(which == 0 ? _mm256_slli_epi32(pairs, 16) : pairs, 16);
}

template <int largest>
FAK_INLINE __m256i add_scaled(__m256i total, __m256i partial, __m256i scale) {
  return scales_words(largest) ? add_words(total, partial, scale)
                               : _mm256_add_epi32(total, _mm256_mullo_epi32(partial, scale));
}

/// A finished partial as int32.
FAK_INLINE __m256i to_int32(__m256i partial) { return partial; }

#else

constexpr bool kVnni = false;

/// partial + dots of two unsigned quants u with activations x: int16.
FAK_INLINE __m256i dot_step(__m256i partial, __m256i u, __m256i x) {
  return in_order(_mm256_add_epi16(partial, _mm256_maddubs_epi16(u, x)));
}

/// Elements that one partial takes of a group of 16 or 32 with one scale: an int16 gets the products of half of them.
constexpr int partial_elements(int largest, int group) {
  const int most = power_of_two_below(2 * (kLargestInt16 / (largest * kLargestActivation)));
  return most < group ? most : group;
}

/// Scales of eight rows in the form add_scaled takes, twice in each dword: of the int16 pair the lower (0) or upper (1).
template <int largest, int which>
FAK_INLINE __m256i scale_word(__m256i pairs) {
  return which == 0 ? _mm256_blend_epi16(pairs, _mm256_slli_epi32(pairs, 16), 0xaa)
                    : _mm256_blend_epi16(_mm256_srli_epi32(pairs, 16), pairs, 0xaa);
}

template <int largest>
FAK_INLINE __m256i add_scaled(__m256i total, __m256i partial, __m256i scale) {
  return add_words(total, partial, scale);
}

/// A finished partial as int32.
FAK_INLINE __m256i to_int32(__m256i partial) { return _mm256_madd_epi16(partial, _mm256_set1_epi16(1)); }

#endif

FAK_INLINE __m256i broadcast_dword(const void* p) {
  int32_t v;
  memcpy(&v, p, sizeof v);
  return _mm256_set1_epi32(v);
}

}  // namespace FAK_ISA
}  // namespace fak
