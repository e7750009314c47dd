// Layouts of the stored quantized blocks, byte for byte as GGUF files hold them (source: the block structs that the GGUF
// format publishes; sizes repeated in dtype.h). All members are bytes, so a block may lie at any address.
// Little-endian; `d` and `dmin` are binary16.
#pragma once

#include <cstdint>

#include "../dtype.h"

namespace fak {

struct BlockQ4_0 {  // value = d * (nibble - 8); byte j holds elements j (low) and j + 16 (high)
  uint8_t d[2];
  uint8_t qs[16];
};

struct BlockQ4_1 {  // value = d * nibble + m
  uint8_t d[2];
  uint8_t m[2];
  uint8_t qs[16];
};

struct BlockQ5_0 {  // value = d * (q - 16); bit j of qh is the fifth bit of element j
  uint8_t d[2];
  uint8_t qh[4];
  uint8_t qs[16];
};

struct BlockQ5_1 {  // value = d * q + m
  uint8_t d[2];
  uint8_t m[2];
  uint8_t qh[4];
  uint8_t qs[16];
};

struct BlockQ8_0 {  // value = d * q, q signed
  uint8_t d[2];
  int8_t qs[32];
};

struct BlockIQ4_NL {  // value = d * table[nibble]; nibbles as in Q4_0
  uint8_t d[2];
  uint8_t qs[16];
};

struct BlockMXFP4 {  // value = half the E8M0 scale e, times table[nibble]; nibbles as in Q4_0
  uint8_t e;
  uint8_t qs[16];
};

struct BlockQ2_K {  // sixteen sub-blocks of 16: low nibble of scales[i] scales, high nibble is the minimum
  uint8_t scales[16];
  uint8_t qs[64];
  uint8_t d[2];
  uint8_t dmin[2];
};

struct BlockQ3_K {  // q = low two bits, minus 4 where the hmask bit is clear; scales are 6 bits, minus 32
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  uint8_t d[2];
};

struct BlockQ4_K {  // eight sub-blocks of 32; scales holds eight 6-bit scales and eight 6-bit minimums
  uint8_t d[2];
  uint8_t dmin[2];
  uint8_t scales[12];
  uint8_t qs[128];
};

struct BlockQ5_K {  // Q4_K with a fifth bit: bit i of qh[l] belongs to element l of sub-block i
  uint8_t d[2];
  uint8_t dmin[2];
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};

struct BlockQ6_K {  // sixteen sub-blocks of 16, signed 8-bit scales, q - 32
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint8_t d[2];
};

struct BlockIQ4_XS {  // eight sub-blocks of 32; 6-bit scales minus 32, low four bits in scales_l, high two in scales_h
  uint8_t d[2];
  uint8_t scales_h[2];
  uint8_t scales_l[4];
  uint8_t qs[128];
};

/// The sixteen values of IQ4_NL and IQ4_XS (source: the table `kvalues_iq4nl` of the GGUF format).
constexpr int8_t kIQ4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// Twice the value of every E2M1 pattern, as MXFP4 and NVFP4 store them (source: the table `kvalues_mxfp4` of the GGUF format).
constexpr int8_t kE2M1Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

static_assert(sizeof(BlockQ4_0) == info(DType::Q4_0).block_bytes, "Q4_0");
static_assert(sizeof(BlockQ4_1) == info(DType::Q4_1).block_bytes, "Q4_1");
static_assert(sizeof(BlockQ5_0) == info(DType::Q5_0).block_bytes, "Q5_0");
static_assert(sizeof(BlockQ5_1) == info(DType::Q5_1).block_bytes, "Q5_1");
static_assert(sizeof(BlockQ8_0) == info(DType::Q8_0).block_bytes, "Q8_0");
static_assert(sizeof(BlockMXFP4) == info(DType::MXFP4).block_bytes, "MXFP4");
static_assert(sizeof(BlockQ2_K) == info(DType::Q2_K).block_bytes, "Q2_K");
static_assert(sizeof(BlockQ3_K) == info(DType::Q3_K).block_bytes, "Q3_K");
static_assert(sizeof(BlockQ4_K) == info(DType::Q4_K).block_bytes, "Q4_K");
static_assert(sizeof(BlockQ5_K) == info(DType::Q5_K).block_bytes, "Q5_K");
static_assert(sizeof(BlockQ6_K) == info(DType::Q6_K).block_bytes, "Q6_K");
static_assert(sizeof(BlockIQ4_NL) == info(DType::IQ4_NL).block_bytes, "IQ4_NL");
static_assert(sizeof(BlockIQ4_XS) == info(DType::IQ4_XS).block_bytes, "IQ4_XS");

}  // namespace fak
