// Quantization of activation rows: the plain definition.
//   amax = largest |x| of the block
//   amax < 2^-118             : scale 0, quants 0
//   amax infinite, or any NaN : scale NaN, quants 0; every output that reads the block becomes NaN
//   else                      : scale = amax / 127, q = round(x * (127 / amax)) to nearest, ties to even
// A block of 32 keeps the scale in eleven significant bits (q8x32_scale).
// |q| <= 127 holds because amax * (127 / amax) is at most 127 * (1 + 2^-23). Magnitudes are compared as integers, in which
// a NaN is larger than infinity. Written so that the compiler can use whatever vectors the baseline has.
#include "../../quant/activation.h"
#include "../../quant/half.h"
#include "linear_scalar.h"

namespace fak {
namespace scalar {
namespace {

constexpr int32_t kInfinityBits = 0x7f800000;

/// Quantizes n elements and returns the scale.
template <int n>
float quantize_block(const float* x, int8_t* q) {
  int32_t largest = 0;
  for (int i = 0; i < n; i++) {
    const int32_t magnitude = static_cast<int32_t>(float_to_bits(x[i]) & 0x7fffffffu);
    largest = magnitude > largest ? magnitude : largest;
  }
  const float amax = bits_to_float(static_cast<uint32_t>(largest));
  if (largest >= kInfinityBits || amax < kSmallestAmax) {
    memset(q, 0, n);
    return largest >= kInfinityBits ? bits_to_float(kCanonicalNaN) : 0.0f;
  }
  const float inverse = 127.0f / amax;
  for (int i = 0; i < n; i++) {
    q[i] = static_cast<int8_t>(static_cast<int32_t>((x[i] * inverse + kRoundingMagic) - kRoundingMagic));
  }
  return amax / 127.0f;
}

}  // namespace

void quantize_row_f32(const float* x, uint8_t* out, int64_t k) {
  const size_t bytes = static_cast<size_t>(k) * sizeof(float);
  memcpy(out, x, bytes);
  memset(out + bytes, 0, activation_row_bytes(ActivationFormat::F32, k) - bytes);
}

void quantize_row_q8x32(const float* x, uint8_t* out, int64_t k) {
  memset(out, 0, activation_row_bytes(ActivationFormat::Q8x32, k));
  const RowQ8x32 row = row_q8x32(out, k);
  int8_t* quants = const_cast<int8_t*>(row.quants);
  int32_t* sums = const_cast<int32_t*>(row.sums);
  float* scales = const_cast<float*>(row.scales);
  for (int64_t b = 0; b < k / 32; b++) {
    int8_t* q = quants + 32 * b;
    scales[b] = q8x32_scale(quantize_block<32>(x + 32 * b, q));
    int32_t sum = 0;
    for (int i = 0; i < 32; i++) sum += q[i];
    sums[b] = sum;
  }
}

void quantize_row_q8x256(const float* x, uint8_t* out, int64_t k) {
  memset(out, 0, activation_row_bytes(ActivationFormat::Q8x256, k));
  const RowQ8x256 row = row_q8x256(out, k);
  int8_t* quants = const_cast<int8_t*>(row.quants);
  int16_t* sums = const_cast<int16_t*>(row.sums);
  float* scales = const_cast<float*>(row.scales);
  for (int64_t b = 0; b < k / 256; b++) {
    int8_t* q = quants + 256 * b;
    scales[b] = quantize_block<256>(x + 256 * b, q);
    for (int g = 0; g < 16; g++) {
      int sum = 0;
      for (int i = 0; i < 16; i++) sum += q[16 * g + i];
      sums[16 * b + g] = static_cast<int16_t>(sum);
    }
  }
}

}  // namespace scalar
}  // namespace fak
