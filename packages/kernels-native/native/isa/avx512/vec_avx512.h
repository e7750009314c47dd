// F32x16 as one AVX-512 register. See vec.h for the operations.
#pragma once

#include <immintrin.h>

#define FAK_ISA avx512

namespace fak {
namespace avx512 {

struct F32x16 {
  __m512 all;
};

FAK_INLINE F32x16 set1(float x) { return {_mm512_set1_ps(x)}; }
FAK_INLINE F32x16 zero() { return {_mm512_setzero_ps()}; }
FAK_INLINE F32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
FAK_INLINE F32x16 load_f16(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
FAK_INLINE F32x16 load_i8(const int8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
/// Float vectors that the registers hold.
constexpr int kVectorRegisters = 32;

FAK_INLINE __mmask16 lanes_below(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
/// The first n floats (0 to 16); the other lanes are zero and their memory is not touched.
FAK_INLINE F32x16 load_first(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(lanes_below(n), p)}; }
FAK_INLINE void load_columns4(const float* p, F32x16 y[4]) {
  const __m512 a = _mm512_loadu_ps(p), b = _mm512_loadu_ps(p + 16), c = _mm512_loadu_ps(p + 32), d = _mm512_loadu_ps(p + 48);
  __m512i at = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
  for (int j = 0; j < 4; j++) {
    const __m512 low = _mm512_permutex2var_ps(a, at, b), high = _mm512_permutex2var_ps(c, at, d);
    y[j].all = _mm512_mask_mov_ps(low, 0xff00, high);
    at = _mm512_add_epi32(at, _mm512_set1_epi32(1));
  }
}
FAK_INLINE void store(float* p, F32x16 a) { _mm512_storeu_ps(p, a.all); }
FAK_INLINE void store_first(float* p, F32x16 a, int64_t n) { _mm512_mask_storeu_ps(p, lanes_below(n), a.all); }

FAK_INLINE F32x16 add(F32x16 a, F32x16 b) { return {_mm512_add_ps(a.all, b.all)}; }
FAK_INLINE F32x16 sub(F32x16 a, F32x16 b) { return {_mm512_sub_ps(a.all, b.all)}; }
FAK_INLINE F32x16 mul(F32x16 a, F32x16 b) { return {_mm512_mul_ps(a.all, b.all)}; }
FAK_INLINE F32x16 div(F32x16 a, F32x16 b) { return {_mm512_div_ps(a.all, b.all)}; }
FAK_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { return {_mm512_fmadd_ps(a.all, b.all, c.all)}; }
FAK_INLINE F32x16 max(F32x16 a, F32x16 b) { return {_mm512_max_ps(a.all, b.all)}; }
FAK_INLINE F32x16 min(F32x16 a, F32x16 b) { return {_mm512_min_ps(a.all, b.all)}; }
FAK_INLINE F32x16 where_greater(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.all, b.all, _CMP_GT_OQ), y.all, x.all)};
}
FAK_INLINE F32x16 where_nan(F32x16 a, F32x16 x, F32x16 y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.all, a.all, _CMP_UNORD_Q), y.all, x.all)};
}
FAK_INLINE F32x16 round_even(F32x16 a) {
  return {_mm512_roundscale_ps(a.all, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
FAK_INLINE F32x16 pow2(F32x16 n) {
  const __m512i biased = _mm512_add_epi32(_mm512_cvttps_epi32(n.all), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(biased, 23))};
}
FAK_INLINE F32x16 split(F32x16 a, F32x16* exponent) {
  const __m512i bits = _mm512_castps_si512(a.all);
  exponent->all = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_srli_epi32(bits, 23), _mm512_set1_epi32(127)));
  const __m512i mantissa = _mm512_and_si512(bits, _mm512_set1_epi32(0x007fffff));
  return {_mm512_castsi512_ps(_mm512_or_si512(mantissa, _mm512_set1_epi32(0x3f800000)))};
}
/// Lane 0.
FAK_INLINE float first(F32x16 a) { return _mm512_cvtss_f32(a.all); }
FAK_INLINE float reduce_add(F32x16 a) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.all), _mm512_extractf32x8_ps(a.all, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
FAK_INLINE void reduce_add4(F32x16 a, F32x16 b, F32x16 c, F32x16 d, float* out) {
  // Step 8 leaves [a a b b] and [c c d d] in groups of four lanes, step 4 [a b c d].
  const __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a.all, b.all, 0x44), _mm512_shuffle_f32x4(a.all, b.all, 0xee));
  const __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c.all, d.all, 0x44), _mm512_shuffle_f32x4(c.all, d.all, 0xee));
  const __m512 four = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
  const __m512 two = _mm512_add_ps(four, _mm512_permute_ps(four, 0x4e));
  const __m512 one = _mm512_add_ps(two, _mm512_permute_ps(two, 0xb1));
  const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, one)));
}
FAK_INLINE float reduce_max(F32x16 a) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a.all), _mm512_extractf32x8_ps(a.all, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

}  // namespace avx512
}  // namespace fak
