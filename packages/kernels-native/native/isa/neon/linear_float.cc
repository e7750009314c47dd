// NEON linear leaves for F32, F16 and BF16 weights: the sixteen lanes in four registers, in the tiles of linear_float_tiles.h.
#define FAK_VEC FAK_VEC_NEON
#include "../vec.h"

#include "../linear_float_tiles.h"
#include "linear_neon.h"

namespace fak {
namespace neon {
namespace {

struct ReadF32 {
  static constexpr size_t kBytes = 4;
  FAK_INLINE F32x16 whole(const uint8_t* p) {
    // Stored rows lie at any address; loads of bytes ask for no alignment.
    F32x16 r;
    for (int i = 0; i < 4; i++) r.q[i] = vreinterpretq_f32_u8(vld1q_u8(p + 16 * i));
    return r;
  }
};

struct ReadF16 {
  static constexpr size_t kBytes = 2;
  FAK_INLINE F32x16 whole(const uint8_t* p) {
    const float16x8_t low = vreinterpretq_f16_u8(vld1q_u8(p)), high = vreinterpretq_f16_u8(vld1q_u8(p + 16));
    return {{vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)), vcvt_high_f32_f16(high)}};
  }
};

struct ReadBF16 {
  static constexpr size_t kBytes = 2;
  FAK_INLINE float32x4_t widen(uint16x4_t v) { return vreinterpretq_f32_u32(vshll_n_u16(v, 16)); }
  FAK_INLINE F32x16 whole(const uint8_t* p) {
    const uint16x8_t low = vreinterpretq_u16_u8(vld1q_u8(p)), high = vreinterpretq_u16_u8(vld1q_u8(p + 16));
    return {{widen(vget_low_u16(low)), widen(vget_high_u16(low)), widen(vget_low_u16(high)), widen(vget_high_u16(high))}};
  }
};

}  // namespace

void linear_f32(const LinearArgs& args) { linear_floats<ReadF32>(args); }
void linear_f16(const LinearArgs& args) { linear_floats<ReadF16>(args); }
void linear_bf16(const LinearArgs& args) { linear_floats<ReadBF16>(args); }

}  // namespace neon
}  // namespace fak
