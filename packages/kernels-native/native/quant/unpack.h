// The plain definition of every quantized block: integers, integer scales, and the float scales, taken out of the stored
// bits one element at a time. Scalar kernels and dequantization stand on it; vector kernels unpack in their own way and
// are tested against it.
#pragma once

#include <cstdint>

#include "blocks.h"
#include "half.h"

namespace fak {

/// A block of 32: element = d * q + m. m is 0 for the types without a minimum.
struct Unpacked32 {
  int8_t q[32];
  float d;
  float m;
};

/// A super-block of 256 in sixteen groups of 16: element = d * scale * q - dmin * min. Types whose sub-blocks are 32 long
/// repeat each scale twice; types without minimums have dmin = 0 and min = 0.
struct Unpacked256 {
  int8_t q[256];
  int16_t scale[16];
  int16_t min[16];
  float d;
  float dmin;
};

static inline void unpack(const BlockQ4_0& b, Unpacked32& u) {
  for (int j = 0; j < 16; j++) {
    u.q[j] = static_cast<int8_t>((b.qs[j] & 15) - 8);
    u.q[j + 16] = static_cast<int8_t>((b.qs[j] >> 4) - 8);
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.m = 0.0f;
}

static inline void unpack(const BlockQ4_1& b, Unpacked32& u) {
  for (int j = 0; j < 16; j++) {
    u.q[j] = static_cast<int8_t>(b.qs[j] & 15);
    u.q[j + 16] = static_cast<int8_t>(b.qs[j] >> 4);
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.m = f16_to_f32(load_u16(b.m));
}

static inline void unpack(const BlockQ5_0& b, Unpacked32& u) {
  const uint32_t high = load_u32(b.qh);
  for (int j = 0; j < 16; j++) {
    u.q[j] = static_cast<int8_t>(((b.qs[j] & 15) | (((high >> j) & 1) << 4)) - 16);
    u.q[j + 16] = static_cast<int8_t>(((b.qs[j] >> 4) | (((high >> (j + 16)) & 1) << 4)) - 16);
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.m = 0.0f;
}

static inline void unpack(const BlockQ5_1& b, Unpacked32& u) {
  const uint32_t high = load_u32(b.qh);
  for (int j = 0; j < 16; j++) {
    u.q[j] = static_cast<int8_t>((b.qs[j] & 15) | (((high >> j) & 1) << 4));
    u.q[j + 16] = static_cast<int8_t>((b.qs[j] >> 4) | (((high >> (j + 16)) & 1) << 4));
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.m = f16_to_f32(load_u16(b.m));
}

static inline void unpack(const BlockQ8_0& b, Unpacked32& u) {
  for (int j = 0; j < 32; j++) u.q[j] = b.qs[j];
  u.d = f16_to_f32(load_u16(b.d));
  u.m = 0.0f;
}

static inline void unpack(const BlockIQ4_NL& b, Unpacked32& u) {
  for (int j = 0; j < 16; j++) {
    u.q[j] = kIQ4Values[b.qs[j] & 15];
    u.q[j + 16] = kIQ4Values[b.qs[j] >> 4];
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.m = 0.0f;
}

static inline void unpack(const BlockMXFP4& b, Unpacked32& u) {
  for (int j = 0; j < 16; j++) {
    u.q[j] = kE2M1Values[b.qs[j] & 15];
    u.q[j + 16] = kE2M1Values[b.qs[j] >> 4];
  }
  u.d = e8m0_half_to_f32(b.e);
  u.m = 0.0f;
}

static inline void unpack(const BlockQ2_K& b, Unpacked256& u) {
  for (int i = 0; i < 256; i++) {
    const int half = i / 128, plane = i / 32 % 4, l = i % 32;
    u.q[i] = static_cast<int8_t>((b.qs[32 * half + l] >> (2 * plane)) & 3);
  }
  for (int g = 0; g < 16; g++) {
    u.scale[g] = b.scales[g] & 15;
    u.min[g] = b.scales[g] >> 4;
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.dmin = f16_to_f32(load_u16(b.dmin));
}

static inline void unpack(const BlockQ3_K& b, Unpacked256& u) {
  for (int i = 0; i < 256; i++) {
    const int half = i / 128, plane = i / 32 % 4, l = i % 32;
    const int low = (b.qs[32 * half + l] >> (2 * plane)) & 3;
    const int high = (b.hmask[l] >> (4 * half + plane)) & 1;
    u.q[i] = static_cast<int8_t>(low - (high != 0 ? 0 : 4));
  }
  for (int g = 0; g < 16; g++) {
    const int low = g < 8 ? b.scales[g] & 15 : b.scales[g - 8] >> 4;
    const int high = (b.scales[8 + g % 4] >> (2 * (g / 4))) & 3;
    u.scale[g] = static_cast<int16_t>((low | (high << 4)) - 32);
    u.min[g] = 0;
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.dmin = 0.0f;
}

/// Scale and minimum of sub-block i (0 to 7) from the twelve packed bytes of Q4_K and Q5_K.
static inline void unpack_scale_min(const uint8_t* packed, int i, int16_t& scale, int16_t& min) {
  if (i < 4) {
    scale = packed[i] & 63;
    min = packed[i + 4] & 63;
  } else {
    scale = static_cast<int16_t>((packed[i + 4] & 15) | ((packed[i - 4] >> 6) << 4));
    min = static_cast<int16_t>((packed[i + 4] >> 4) | ((packed[i] >> 6) << 4));
  }
}

static inline void unpack(const BlockQ4_K& b, Unpacked256& u) {
  for (int i = 0; i < 256; i++) {
    const uint8_t byte = b.qs[32 * (i / 64) + i % 32];
    u.q[i] = static_cast<int8_t>(i / 32 % 2 == 0 ? byte & 15 : byte >> 4);
  }
  for (int g = 0; g < 16; g++) unpack_scale_min(b.scales, g / 2, u.scale[g], u.min[g]);
  u.d = f16_to_f32(load_u16(b.d));
  u.dmin = f16_to_f32(load_u16(b.dmin));
}

static inline void unpack(const BlockQ5_K& b, Unpacked256& u) {
  for (int i = 0; i < 256; i++) {
    const uint8_t byte = b.qs[32 * (i / 64) + i % 32];
    const int low = i / 32 % 2 == 0 ? byte & 15 : byte >> 4;
    const int high = (b.qh[i % 32] >> (i / 32)) & 1;
    u.q[i] = static_cast<int8_t>(low | (high << 4));
  }
  for (int g = 0; g < 16; g++) unpack_scale_min(b.scales, g / 2, u.scale[g], u.min[g]);
  u.d = f16_to_f32(load_u16(b.d));
  u.dmin = f16_to_f32(load_u16(b.dmin));
}

static inline void unpack(const BlockQ6_K& b, Unpacked256& u) {
  for (int i = 0; i < 256; i++) {
    const int half = i / 128, plane = i / 32 % 4, l = i % 32;
    const uint8_t byte = b.ql[64 * half + 32 * (plane % 2) + l];
    const int low = plane < 2 ? byte & 15 : byte >> 4;
    const int high = (b.qh[32 * half + l] >> (2 * plane)) & 3;
    u.q[i] = static_cast<int8_t>((low | (high << 4)) - 32);
  }
  for (int g = 0; g < 16; g++) {
    u.scale[g] = b.scales[g];
    u.min[g] = 0;
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.dmin = 0.0f;
}

static inline void unpack(const BlockIQ4_XS& b, Unpacked256& u) {
  for (int i = 0; i < 256; i++) {
    const uint8_t byte = b.qs[16 * (i / 32) + i % 16];
    u.q[i] = kIQ4Values[i / 16 % 2 == 0 ? byte & 15 : byte >> 4];
  }
  const uint16_t high = load_u16(b.scales_h);
  for (int g = 0; g < 16; g++) {
    const int i = g / 2;
    const int low = (b.scales_l[i / 2] >> (4 * (i % 2))) & 15;
    u.scale[g] = static_cast<int16_t>((low | (((high >> (2 * i)) & 3) << 4)) - 32);
    u.min[g] = 0;
  }
  u.d = f16_to_f32(load_u16(b.d));
  u.dmin = 0.0f;
}

}  // namespace fak
