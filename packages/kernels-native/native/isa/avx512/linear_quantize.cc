// AVX-512 quantization of activation rows; the rule is in isa/scalar/linear_quantize.cc. Bound by memory and, per block,
// by one division.
#include "../linear_quantize_rows.h"
#include "linear_avx512.h"
#include "linear_common.h"

namespace fak {
namespace avx512 {
namespace {

struct Quantizer {
  template <int n>
  FAK_INLINE float block(const float* x, int8_t* q, int32_t sums[n / 16]) {
    __m512i largest = _mm512_setzero_si512();
    for (int i = 0; i < n; i += 16) {
      const __m512i bits = _mm512_castps_si512(_mm512_loadu_ps(x + i));
      largest = _mm512_max_epi32(largest, _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff)));
    }
    const int32_t magnitude = _mm512_reduce_max_epi32(largest);
    const float amax = bits_to_float(static_cast<uint32_t>(magnitude));
    if (magnitude >= kInfinityBits || amax < kSmallestAmax) {
      memset(q, 0, n);
      memset(sums, 0, sizeof(int32_t) * (n / 16));
      return magnitude >= kInfinityBits ? bits_to_float(kCanonicalNaN) : 0.0f;
    }
    const __m512 inverse = _mm512_set1_ps(127.0f / amax);
    for (int i = 0; i < n; i += 16) {
      const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(x + i), inverse);
      const __m512i rounded = _mm512_cvt_roundps_epi32(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i), _mm512_cvtepi32_epi8(rounded));
      sums[i / 16] = _mm512_reduce_add_epi32(rounded);
    }
    return amax / 127.0f;
  }
};

}  // namespace

void quantize_row_q8x32(const float* x, uint8_t* out, int64_t k) { quantize_blocks_32<Quantizer>(x, out, k); }
void quantize_row_q8x256(const float* x, uint8_t* out, int64_t k) { quantize_blocks_256<Quantizer>(x, out, k); }

}  // namespace avx512
}  // namespace fak
