// How an activation row lies in memory in each ActivationFormat, and the rule that quantizes it. Rows are structures of
// arrays: all quants, then all sums, then all scales, each part 64-byte aligned. The number of blocks is padded to a
// multiple of four with zeros, which add exactly nothing, so vector kernels take four blocks at a time without a tail.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernels.h"
#include "half.h"

namespace fak {

constexpr int kBlocksPadded = 4;

static inline int64_t padded_blocks(int64_t blocks) {
  return (blocks + kBlocksPadded - 1) / kBlocksPadded * kBlocksPadded;
}

static inline size_t round_up_64(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// A row of Q8x32: element i of block b is scales[b] * quants[32 b + i]; sums[b] is the sum of the block's quants.
struct RowQ8x32 {
  const int8_t* quants;
  const int32_t* sums;
  const float* scales;
};

static inline RowQ8x32 row_q8x32(const uint8_t* row, int64_t k) {
  const size_t blocks = static_cast<size_t>(padded_blocks(k / 32));
  const uint8_t* sums = row + blocks * 32;
  const uint8_t* scales = sums + round_up_64(blocks * 4);
  return {reinterpret_cast<const int8_t*>(row), reinterpret_cast<const int32_t*>(sums),
          reinterpret_cast<const float*>(scales)};
}

/// The scale of a Q8x32 block, rounded to the eleven significant bits of binary16, ties to even, at any exponent: what other engines that
/// store it as binary16 multiply by. A NaN stays the canonical one.
static inline float q8x32_scale(float scale) {
  const uint32_t bits = float_to_bits(scale);
  return bits_to_float((bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu);
}

/// A row of Q8x256: element i of block b is scales[b] * quants[256 b + i]; sums[16 b + g] is the sum of the quants
/// 16 g to 16 g + 15 of the block.
struct RowQ8x256 {
  const int8_t* quants;
  const int16_t* sums;
  const float* scales;
};

static inline RowQ8x256 row_q8x256(const uint8_t* row, int64_t k) {
  const size_t blocks = static_cast<size_t>(padded_blocks(k / 256));
  const uint8_t* sums = row + blocks * 256;
  const uint8_t* scales = sums + blocks * 32;
  return {reinterpret_cast<const int8_t*>(row), reinterpret_cast<const int16_t*>(sums),
          reinterpret_cast<const float*>(scales)};
}

/// Smallest largest magnitude that still gets a scale; a block below it is all zero. 127 / 2^-118 is finite and
/// 2^-118 / 127 is a normal number, so neither scale nor inverse meets a subnormal.
constexpr float kSmallestAmax = 0x1p-118f;

/// Adding and subtracting 1.5 * 2^23 rounds |v| < 2^22 to the nearest integer, ties to even, in every vector unit.
constexpr float kRoundingMagic = 12582912.0f;

}  // namespace fak
