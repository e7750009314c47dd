// AVX2 quantization of activation rows; the rule is in isa/scalar/linear_quantize.cc. Bound by memory and, per block,
// by one division.
#include "../linear_quantize_rows.h"
#include "linear_avx2.h"
#include "linear_common.h"

namespace fak {
namespace FAK_ISA {
namespace {

/// Eight products, rounded to nearest even whatever mode the caller has set.
FAK_INLINE __m256i rounded(const float* x, __m256 inverse) {
  const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x), inverse);
  return _mm256_cvttps_epi32(_mm256_round_ps(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

struct Quantizer {
  template <int n>
  FAK_INLINE float block(const float* x, int8_t* q, int32_t sums[n / 16]) {
    __m256i largest = _mm256_setzero_si256();
    for (int i = 0; i < n; i += 8) {
      const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + i));
      largest = _mm256_max_epi32(largest, _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
    }
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    const int32_t magnitude = _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
    const float amax = bits_to_float(static_cast<uint32_t>(magnitude));
    if (magnitude >= kInfinityBits || amax < kSmallestAmax) {
      memset(q, 0, n);
      memset(sums, 0, sizeof(int32_t) * (n / 16));
      return magnitude >= kInfinityBits ? bits_to_float(kCanonicalNaN) : 0.0f;
    }
    const __m256 inverse = _mm256_set1_ps(127.0f / amax);
    for (int i = 0; i < n; i += 16) {
      const __m256i low = rounded(x + i, inverse), high = rounded(x + i + 8, inverse);
      const __m128i low16 = _mm_packs_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
      const __m128i high16 = _mm_packs_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i), _mm_packs_epi16(low16, high16));
      __m128i sum = _mm_madd_epi16(_mm_add_epi16(low16, high16), _mm_set1_epi16(1));
      sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
      sums[i / 16] = _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
    }
    return amax / 127.0f;
  }
};

}  // namespace

void quantize_row_q8x32(const float* x, uint8_t* out, int64_t k) { quantize_blocks_32<Quantizer>(x, out, k); }
void quantize_row_q8x256(const float* x, uint8_t* out, int64_t k) { quantize_blocks_256<Quantizer>(x, out, k); }

}  // namespace FAK_ISA
}  // namespace fak
