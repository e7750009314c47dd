// Row loops around an instruction set's block quantizer, and the zeros that pad a row. The rule itself is in
// isa/scalar/linear_quantize.cc. Q is a type of the instruction set, so no code is shared between them:
//   Q::block<n>(x, q, sums)   quantizes n elements (a multiple of 16), writes the sums of each 16 quants, returns the scale
#pragma once

#include "../quant/activation.h"
#include "../quant/half.h"

namespace fak {

constexpr int32_t kInfinityBits = 0x7f800000;

template <class Q>
static void quantize_blocks_32(const float* x, uint8_t* out, int64_t k) {
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
    scales[b] = q8x32_scale(Q::template block<32>(x + 32 * b, quants + 32 * b, halves));
    sums[b] = halves[0] + halves[1];
  }
}

template <class Q>
static void quantize_blocks_256(const float* x, uint8_t* out, int64_t k) {
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
    scales[b] = Q::template block<256>(x + 256 * b, quants + 256 * b, groups);
    for (int g = 0; g < 16; g++) sums[16 * b + g] = static_cast<int16_t>(groups[g]);
  }
}

}  // namespace fak
