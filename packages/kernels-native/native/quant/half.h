// Exact widening of stored 16-bit floats, and unaligned little-endian loads. Owns no arithmetic: every function here is a
// change of representation. Everything is `static inline`, because instruction-set folders include this file too and an
// inline function with external linkage compiled for AVX-512 could be the copy that the linker keeps.
#pragma once

#include <cstdint>
#include <cstring>

namespace fak {

static inline uint16_t load_u16(const uint8_t* p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint32_t load_u32(const uint8_t* p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline float bits_to_float(uint32_t bits) {
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static inline uint32_t float_to_bits(float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

/// The one NaN that a kernel may store. Which operand's payload survives an operation differs between processors.
constexpr uint32_t kCanonicalNaN = 0x7fc00000u;

static inline float canonical(float v) { return v == v ? v : bits_to_float(kCanonicalNaN); }

/// IEEE binary16 to binary32, exact; a signalling NaN becomes quiet, as the conversion instructions do.
static inline float f16_to_f32(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 0x1fu;
  const uint32_t mantissa = h & 0x3ffu;
  if (exponent == 0) {
    // Zero or subnormal: mantissa * 2^-24, a product that binary32 holds exactly.
    return bits_to_float(float_to_bits(static_cast<float>(static_cast<int32_t>(mantissa)) * 0x1p-24f) | sign);
  }
  if (exponent == 31) {
    const uint32_t quiet = mantissa != 0 ? 0x400000u : 0u;
    return bits_to_float(sign | 0x7f800000u | quiet | (mantissa << 13));
  }
  return bits_to_float(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

/// The nearest IEEE binary16, ties to even; infinity from 65520 on, and a NaN stays one.
static inline uint16_t f32_to_f16(float value) {
  const uint32_t bits = float_to_bits(value);
  const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u | (magnitude > 0x7f800000u ? 0x200u : 0u));
  if (magnitude < 0x38800000u) {
    // Below the smallest normal number: adding 0.5 leaves a multiple of 2^-24 in the low bits, rounded by the addition itself.
    return static_cast<uint16_t>(sign | (float_to_bits(bits_to_float(magnitude) + 0.5f) - 0x3f000000u));
  }
  // A carry out of the mantissa moves the exponent on, up to infinity.
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13));
}

/// Half of the E8M0 scale 2^(e - 127): for e below 2 a subnormal number. The official tools read 255, a NaN in OCP's format, as a scale
/// like the others, and so does this.
static inline float e8m0_half_to_f32(uint8_t e) {
  return bits_to_float(e < 2 ? 0x00200000u << e : (e - 1u) << 23);
}

/// Half of an unsigned E4M3 scale. The pattern of a NaN is zero and the top bit is not looked at, as in the official tools.
static inline float e4m3_half_to_f32(uint8_t b) {
  const uint32_t exponent = (b >> 3) & 15u, mantissa = b & 7u;
  if (b == 0x7f) return 0.0f;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return bits_to_float(((exponent + 119u) << 23) | (mantissa << 20));
}

static inline float bf16_to_f32(uint16_t b) { return bits_to_float(static_cast<uint32_t>(b) << 16); }

}  // namespace fak
