// The 6-bit scales of Q3_K, Q4_K, Q5_K and IQ4_XS, taken apart in general registers for the vector kernels, whose vector
// ports have better things to do. unpack.h has the plain definition.
#pragma once

#include <cstdint>

#include "half.h"

namespace fak {

/// Q4_K, Q5_K: byte i of scales and mins belongs to sub-block i.
static inline void scale_bytes_q4_K(const uint8_t* packed, uint64_t& scales, uint64_t& mins) {
  const uint32_t a = load_u32(packed), b = load_u32(packed + 4), c = load_u32(packed + 8);
  const uint32_t scale_high = (c & 0x0f0f0f0fu) | ((a >> 2) & 0x30303030u);
  const uint32_t min_high = ((c >> 4) & 0x0f0f0f0fu) | ((b >> 2) & 0x30303030u);
  scales = (a & 0x3f3f3f3fu) | static_cast<uint64_t>(scale_high) << 32;
  mins = (b & 0x3f3f3f3fu) | static_cast<uint64_t>(min_high) << 32;
}

/// Q3_K: byte g of the two words is 32 more than the scale of group g.
static inline void scale_bytes_q3_K(const uint8_t* packed, uint64_t& low, uint64_t& high) {
  const uint32_t a = load_u32(packed), b = load_u32(packed + 4), c = load_u32(packed + 8);
  const uint32_t s0 = (a & 0x0f0f0f0fu) | ((c << 4) & 0x30303030u);
  const uint32_t s1 = (b & 0x0f0f0f0fu) | ((c << 2) & 0x30303030u);
  const uint32_t s2 = ((a >> 4) & 0x0f0f0f0fu) | (c & 0x30303030u);
  const uint32_t s3 = ((b >> 4) & 0x0f0f0f0fu) | ((c >> 2) & 0x30303030u);
  low = s0 | static_cast<uint64_t>(s1) << 32;
  high = s2 | static_cast<uint64_t>(s3) << 32;
}

/// IQ4_XS: byte i is 32 more than the scale of sub-block i.
static inline uint64_t scale_bytes_iq4_xs(const uint8_t* scales_l, const uint8_t* scales_h) {
  // Spread eight nibbles, then eight pairs of bits, to one byte each.
  uint64_t l = load_u32(scales_l);
  l = (l | l << 16) & 0x0000ffff0000ffffu;
  l = (l | l << 8) & 0x00ff00ff00ff00ffu;
  l = (l | l << 4) & 0x0f0f0f0f0f0f0f0fu;
  uint64_t h = load_u16(scales_h);
  h = (h | h << 24) & 0x000000ff000000ffu;
  h = (h | h << 12) & 0x000f000f000f000fu;
  h = (h | h << 6) & 0x0303030303030303u;
  return l | h << 4;
}

}  // namespace fak
