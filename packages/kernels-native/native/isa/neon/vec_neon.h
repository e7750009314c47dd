// F32x16 as four NEON registers: lanes 0-3, 4-7, 8-11 and 12-15. See vec.h for the operations.
#pragma once

#include <arm_neon.h>

// The leaves of neon_i8mm use the same vectors, compiled again in a namespace of their own.
#if FAK_VEC == FAK_VEC_I8MM
#define FAK_ISA i8mm
#else
#define FAK_ISA neon
#endif

namespace fak {
namespace FAK_ISA {

struct F32x16 {
  float32x4_t q[4];
};

#define FAK_EACH_QUAD(expression)                     \
  F32x16 r;                                           \
  for (int i = 0; i < 4; i++) r.q[i] = (expression);  \
  return r

FAK_INLINE F32x16 set1(float x) { FAK_EACH_QUAD(vdupq_n_f32(x)); }
FAK_INLINE F32x16 zero() { return set1(0.0f); }
FAK_INLINE F32x16 load(const float* p) { FAK_EACH_QUAD(vld1q_f32(p + 4 * i)); }
FAK_INLINE F32x16 load_f16(const uint16_t* p) {
  const auto* const halves = reinterpret_cast<const __fp16*>(p);
  FAK_EACH_QUAD(vcvt_f32_f16(vld1_f16(halves + 4 * i)));
}
FAK_INLINE F32x16 load_i8(const int8_t* p) {
  const int8x16_t bytes = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
           vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)))}};
}
/// Float vectors that the registers hold.
constexpr int kVectorRegisters = 8;

/// The first n floats (any n: below 0 counts as 0, above 4 as 4); the other lanes are zero and their memory is not touched.
FAK_INLINE float32x4_t load_quad(const float* p, int64_t n) {
  if (n >= 4) return vld1q_f32(p);
  float32x4_t r = vdupq_n_f32(0.0f);
  if (n > 0) r = vld1q_lane_f32(p, r, 0);
  if (n > 1) r = vld1q_lane_f32(p + 1, r, 1);
  if (n > 2) r = vld1q_lane_f32(p + 2, r, 2);
  return r;
}
FAK_INLINE void store_quad(float* p, float32x4_t a, int64_t n) {
  if (n >= 4) return vst1q_f32(p, a);
  if (n > 0) vst1q_lane_f32(p, a, 0);
  if (n > 1) vst1q_lane_f32(p + 1, a, 1);
  if (n > 2) vst1q_lane_f32(p + 2, a, 2);
}
/// The first n floats (0 to 16); the other lanes are zero and their memory is not touched.
FAK_INLINE F32x16 load_first(const float* p, int64_t n) { FAK_EACH_QUAD(load_quad(p + 4 * i, n - 4 * i)); }
FAK_INLINE void load_columns4(const float* p, F32x16 y[4]) {
  for (int i = 0; i < 4; i++) {
    const float32x4x4_t columns = vld4q_f32(p + 16 * i);
    for (int j = 0; j < 4; j++) y[j].q[i] = columns.val[j];
  }
}
FAK_INLINE void store(float* p, F32x16 a) {
  for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, a.q[i]);
}
FAK_INLINE void store_first(float* p, F32x16 a, int64_t n) {
  for (int i = 0; i < 4; i++) store_quad(p + 4 * i, a.q[i], n - 4 * i);
}

FAK_INLINE F32x16 add(F32x16 a, F32x16 b) { FAK_EACH_QUAD(vaddq_f32(a.q[i], b.q[i])); }
FAK_INLINE F32x16 sub(F32x16 a, F32x16 b) { FAK_EACH_QUAD(vsubq_f32(a.q[i], b.q[i])); }
FAK_INLINE F32x16 mul(F32x16 a, F32x16 b) { FAK_EACH_QUAD(vmulq_f32(a.q[i], b.q[i])); }
FAK_INLINE F32x16 div(F32x16 a, F32x16 b) { FAK_EACH_QUAD(vdivq_f32(a.q[i], b.q[i])); }
FAK_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { FAK_EACH_QUAD(vfmaq_f32(c.q[i], a.q[i], b.q[i])); }
FAK_INLINE F32x16 max(F32x16 a, F32x16 b) { FAK_EACH_QUAD(vbslq_f32(vcgtq_f32(a.q[i], b.q[i]), a.q[i], b.q[i])); }
FAK_INLINE F32x16 min(F32x16 a, F32x16 b) { FAK_EACH_QUAD(vbslq_f32(vcltq_f32(a.q[i], b.q[i]), a.q[i], b.q[i])); }
FAK_INLINE F32x16 where_greater(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  FAK_EACH_QUAD(vbslq_f32(vcgtq_f32(a.q[i], b.q[i]), x.q[i], y.q[i]));
}
FAK_INLINE F32x16 where_nan(F32x16 a, F32x16 x, F32x16 y) {
  FAK_EACH_QUAD(vbslq_f32(vceqq_f32(a.q[i], a.q[i]), y.q[i], x.q[i]));
}
FAK_INLINE F32x16 round_even(F32x16 a) { FAK_EACH_QUAD(vrndnq_f32(a.q[i])); }
FAK_INLINE F32x16 pow2(F32x16 n) {
  FAK_EACH_QUAD(vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n.q[i]), vdupq_n_s32(127)), 23)));
}
FAK_INLINE F32x16 split(F32x16 a, F32x16* exponent) {
  F32x16 mantissa;
  for (int i = 0; i < 4; i++) {
    const int32x4_t bits = vreinterpretq_s32_f32(a.q[i]);
    exponent->q[i] = vcvtq_f32_s32(vsubq_s32(vshrq_n_s32(bits, 23), vdupq_n_s32(127)));
    const int32x4_t fraction = vandq_s32(bits, vdupq_n_s32(0x007fffff));
    mantissa.q[i] = vreinterpretq_f32_s32(vorrq_s32(fraction, vdupq_n_s32(0x3f800000)));
  }
  return mantissa;
}
/// Lane 0.
FAK_INLINE float first(F32x16 a) { return vgetq_lane_f32(a.q[0], 0); }
/// The steps 8 and 4 of the tree.
FAK_INLINE float32x4_t reduce_to_four(F32x16 a) { return vaddq_f32(vaddq_f32(a.q[0], a.q[2]), vaddq_f32(a.q[1], a.q[3])); }
FAK_INLINE float reduce_add(F32x16 a) {
  const float32x4_t four = reduce_to_four(a);
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(vpadd_f32(two, two), 0);
}
/// The sums of four vectors as one register.
FAK_INLINE float32x4_t reduce_add4(F32x16 a, F32x16 b, F32x16 c, F32x16 d) {
  const float32x4_t fa = reduce_to_four(a), fb = reduce_to_four(b), fc = reduce_to_four(c), fd = reduce_to_four(d);
  const float32x4_t ab = vaddq_f32(vcombine_f32(vget_low_f32(fa), vget_low_f32(fb)),
                                   vcombine_f32(vget_high_f32(fa), vget_high_f32(fb)));
  const float32x4_t cd = vaddq_f32(vcombine_f32(vget_low_f32(fc), vget_low_f32(fd)),
                                   vcombine_f32(vget_high_f32(fc), vget_high_f32(fd)));
  return vpaddq_f32(ab, cd);
}
FAK_INLINE void reduce_add4(F32x16 a, F32x16 b, F32x16 c, F32x16 d, float* out) { vst1q_f32(out, reduce_add4(a, b, c, d)); }
FAK_INLINE float reduce_max(F32x16 a) {
  // Comparisons as in max(), so that a NaN is passed over as it is there.
  const F32x16 eight = max(a, {{a.q[2], a.q[3], a.q[2], a.q[3]}});
  const F32x16 four = max(eight, {{eight.q[1], eight.q[1], eight.q[1], eight.q[1]}});
  const float32x4_t f = four.q[0];
  const float l0 = vgetq_lane_f32(f, 0), l1 = vgetq_lane_f32(f, 1), l2 = vgetq_lane_f32(f, 2), l3 = vgetq_lane_f32(f, 3);
  const float two0 = l0 > l2 ? l0 : l2, two1 = l1 > l3 ? l1 : l3;
  return two0 > two1 ? two0 : two1;
}

#undef FAK_EACH_QUAD

}  // namespace FAK_ISA
}  // namespace fak
