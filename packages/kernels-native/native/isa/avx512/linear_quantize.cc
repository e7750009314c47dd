// AVX-512 quantization of activation rows; the rule is in isa/scalar/linear_quantize.cc. Bound by memory and, per block,
// by one division.
#include "linear_avx512.h"
#include "linear_common.h"

namespace fak {
namespace avx512 {
namespace {

constexpr int32_t kInfinityBits = 0x7f800000;

/// Quantizes n elements, a multiple of 32, and returns the scale. Sums of groups of 16 quants go to sums.
template <int n>
FAK_INLINE float quantize_block(const float* x, int8_t* q, int32_t sums[n / 16]) {
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

}  // namespace

void quantize_row_q8x32(const float* x, uint8_t* out, int64_t k) {
  const int64_t blocks = k / 32, padded = padded_blocks(blocks);
  const RowQ8x32 row = row_q8x32(out, k);
  int8_t* quants = const_cast<int8_t*>(row.quants);
  int32_t* sums = const_cast<int32_t*>(row.sums);
  float* scales = const_cast<float*>(row.scales);
  memset(quants + 32 * blocks, 0, static_cast<size_t>(32 * (padded - blocks)));
  const size_t part = round_up_64(static_cast<size_t>(padded) * 4), used = static_cast<size_t>(blocks) * 4;
  memset(reinterpret_cast<uint8_t*>(sums) + used, 0, part - used);
  memset(reinterpret_cast<uint8_t*>(scales) + used, 0, part - used);
  for (int64_t b = 0; b < blocks; b++) {
    int32_t halves[2];
    scales[b] = quantize_block<32>(x + 32 * b, quants + 32 * b, halves);
    sums[b] = halves[0] + halves[1];
  }
}

void quantize_row_q8x256(const float* x, uint8_t* out, int64_t k) {
  const int64_t blocks = k / 256, padded = padded_blocks(blocks);
  const RowQ8x256 row = row_q8x256(out, k);
  int8_t* quants = const_cast<int8_t*>(row.quants);
  int16_t* sums = const_cast<int16_t*>(row.sums);
  float* scales = const_cast<float*>(row.scales);
  memset(quants + 256 * blocks, 0, static_cast<size_t>(256 * (padded - blocks)));
  memset(sums + 16 * blocks, 0, static_cast<size_t>(32 * (padded - blocks)));
  const size_t part = round_up_64(static_cast<size_t>(padded) * 4), used = static_cast<size_t>(blocks) * 4;
  memset(reinterpret_cast<uint8_t*>(scales) + used, 0, part - used);
  for (int64_t b = 0; b < blocks; b++) {
    int32_t groups[16];
    scales[b] = quantize_block<256>(x + 256 * b, quants + 256 * b, groups);
    for (int g = 0; g < 16; g++) sums[16 * b + g] = static_cast<int16_t>(groups[g]);
  }
}

}  // namespace avx512
}  // namespace fak
