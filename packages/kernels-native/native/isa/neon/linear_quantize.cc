// NEON quantization of activation rows: the rule of isa/scalar/linear_quantize.cc, sixteen elements at a time. Bound by memory.
#define FAK_VEC FAK_VEC_NEON
#include "../vec.h"

#include "../linear_quantize_rows.h"
#include "linear_neon.h"

namespace fak {
namespace neon {
namespace {

struct Quantizer {
  template <int n>
  FAK_INLINE float block(const float* x, int8_t* q, int32_t* sums) {
    uint32x4_t largest = vdupq_n_u32(0);
    for (int i = 0; i < n; i += 4) {
      largest = vmaxq_u32(largest, vandq_u32(vreinterpretq_u32_f32(vld1q_f32(x + i)), vdupq_n_u32(0x7fffffff)));
    }
    const int32_t magnitude = static_cast<int32_t>(vmaxvq_u32(largest));
    const float amax = bits_to_float(static_cast<uint32_t>(magnitude));
    if (magnitude >= kInfinityBits || amax < kSmallestAmax) {
      memset(q, 0, n);
      memset(sums, 0, sizeof(int32_t) * (n / 16));
      return magnitude >= kInfinityBits ? bits_to_float(kCanonicalNaN) : 0.0f;
    }
    const float inverse = 127.0f / amax;
    for (int i = 0; i < n; i += 16) {
      // Rounds to nearest, ties to even, as adding and subtracting the magic number does.
      int32x4_t v[4];
      for (int j = 0; j < 4; j++) v[j] = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4 * j), inverse));
      const int16x8_t low = vuzp1q_s16(vreinterpretq_s16_s32(v[0]), vreinterpretq_s16_s32(v[1]));
      const int16x8_t high = vuzp1q_s16(vreinterpretq_s16_s32(v[2]), vreinterpretq_s16_s32(v[3]));
      vst1q_s8(q + i, vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high)));
      sums[i / 16] = vaddvq_s16(vaddq_s16(low, high));
    }
    return amax / 127.0f;
  }
};

}  // namespace

void quantize_row_q8x32(const float* x, uint8_t* out, int64_t k) { quantize_blocks_32<Quantizer>(x, out, k); }
void quantize_row_q8x256(const float* x, uint8_t* out, int64_t k) { quantize_blocks_256<Quantizer>(x, out, k); }

}  // namespace neon
}  // namespace fak
