// F32x16 as an array: the definition that the other instruction sets must equal. See vec.h for the operations.
#pragma once

#define FAK_ISA scalar

#include "quant/half.h"

namespace fak {
namespace scalar {

struct F32x16 {
  float lane[16];
};

#define FAK_EACH_LANE(expression)                          \
  F32x16 r;                                                \
  for (int l = 0; l < 16; l++) r.lane[l] = (expression);   \
  return r

FAK_INLINE F32x16 set1(float x) { FAK_EACH_LANE(x); }
FAK_INLINE F32x16 zero() { return set1(0.0f); }
FAK_INLINE F32x16 load(const float* p) {
  F32x16 r;
  memcpy(r.lane, p, sizeof r.lane);
  return r;
}
FAK_INLINE F32x16 load_f16(const uint16_t* p) { FAK_EACH_LANE(f16_to_f32(p[l])); }
FAK_INLINE F32x16 load_i8(const int8_t* p) { FAK_EACH_LANE(static_cast<float>(p[l])); }
/// Float vectors that the registers hold.
constexpr int kVectorRegisters = 8;

/// The first n floats (0 to 16); the other lanes are zero and their memory is not touched.
FAK_INLINE F32x16 load_first(const float* p, int64_t n) {
  F32x16 r = zero();
  memcpy(r.lane, p, sizeof(float) * static_cast<size_t>(n));
  return r;
}
FAK_INLINE void load_columns4(const float* p, F32x16 y[4]) {
  for (int j = 0; j < 4; j++)
    for (int l = 0; l < 16; l++) y[j].lane[l] = p[4 * l + j];
}
FAK_INLINE void store(float* p, F32x16 a) { memcpy(p, a.lane, sizeof a.lane); }
FAK_INLINE void store_first(float* p, F32x16 a, int64_t n) { memcpy(p, a.lane, sizeof(float) * static_cast<size_t>(n)); }

FAK_INLINE F32x16 add(F32x16 a, F32x16 b) { FAK_EACH_LANE(a.lane[l] + b.lane[l]); }
FAK_INLINE F32x16 sub(F32x16 a, F32x16 b) { FAK_EACH_LANE(a.lane[l] - b.lane[l]); }
FAK_INLINE F32x16 mul(F32x16 a, F32x16 b) { FAK_EACH_LANE(a.lane[l] * b.lane[l]); }
FAK_INLINE F32x16 div(F32x16 a, F32x16 b) { FAK_EACH_LANE(a.lane[l] / b.lane[l]); }
FAK_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { FAK_EACH_LANE(__builtin_fmaf(a.lane[l], b.lane[l], c.lane[l])); }
FAK_INLINE F32x16 max(F32x16 a, F32x16 b) { FAK_EACH_LANE(a.lane[l] > b.lane[l] ? a.lane[l] : b.lane[l]); }
FAK_INLINE F32x16 min(F32x16 a, F32x16 b) { FAK_EACH_LANE(a.lane[l] < b.lane[l] ? a.lane[l] : b.lane[l]); }
FAK_INLINE F32x16 where_greater(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  FAK_EACH_LANE(a.lane[l] > b.lane[l] ? x.lane[l] : y.lane[l]);
}
FAK_INLINE F32x16 where_nan(F32x16 a, F32x16 x, F32x16 y) {
  FAK_EACH_LANE(a.lane[l] != a.lane[l] ? x.lane[l] : y.lane[l]);
}
FAK_INLINE F32x16 round_even(F32x16 a) { FAK_EACH_LANE(__builtin_nearbyintf(a.lane[l])); }
FAK_INLINE F32x16 pow2(F32x16 n) {
  F32x16 r;
  for (int l = 0; l < 16; l++) {
    const int32_t bits = (static_cast<int32_t>(n.lane[l]) + 127) << 23;
    memcpy(&r.lane[l], &bits, sizeof bits);
  }
  return r;
}
FAK_INLINE F32x16 split(F32x16 a, F32x16* exponent) {
  F32x16 r;
  for (int l = 0; l < 16; l++) {
    int32_t bits;
    memcpy(&bits, &a.lane[l], sizeof bits);
    exponent->lane[l] = static_cast<float>((bits >> 23) - 127);
    bits = (bits & 0x007fffff) | 0x3f800000;
    memcpy(&r.lane[l], &bits, sizeof bits);
  }
  return r;
}
/// Lane 0.
FAK_INLINE float first(F32x16 a) { return a.lane[0]; }
FAK_INLINE float reduce_add(F32x16 a) {
  for (int width = 8; width > 0; width /= 2)
    for (int l = 0; l < width; l++) a.lane[l] = a.lane[l] + a.lane[l + width];
  return a.lane[0];
}
FAK_INLINE void reduce_add4(F32x16 a, F32x16 b, F32x16 c, F32x16 d, float* out) {
  out[0] = reduce_add(a);
  out[1] = reduce_add(b);
  out[2] = reduce_add(c);
  out[3] = reduce_add(d);
}
FAK_INLINE float reduce_max(F32x16 a) {
  for (int width = 8; width > 0; width /= 2)
    for (int l = 0; l < width; l++) a.lane[l] = a.lane[l] > a.lane[l + width] ? a.lane[l] : a.lane[l + width];
  return a.lane[0];
}

#undef FAK_EACH_LANE

}  // namespace scalar
}  // namespace fak
