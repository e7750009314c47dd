// Dequantization of every stored type. Products and differences are rounded one by one in f32 in the order that the GGUF
// format's own definition uses, (d * scale) * q - dmin * min, so rows equal those of the official tools bit for bit.
// No instruction set overrides this: one row per token is read, and one copy of the code keeps the bits trivially equal.
#include "dequantize.h"

#include "expand.h"
#include "unpack.h"

namespace fak {
namespace {

void dequantize_f32(const uint8_t* row, float* out, int64_t k) {
  memcpy(out, row, static_cast<size_t>(k) * sizeof(float));
}

void dequantize_f16(const uint8_t* row, float* out, int64_t k) {
  for (int64_t i = 0; i < k; i++) out[i] = f16_to_f32(load_u16(row + 2 * i));
}

void dequantize_bf16(const uint8_t* row, float* out, int64_t k) {
  for (int64_t i = 0; i < k; i++) out[i] = bf16_to_f32(load_u16(row + 2 * i));
}

void dequantize_f64(const uint8_t* row, float* out, int64_t k) {
  for (int64_t i = 0; i < k; i++) {
    double value;
    memcpy(&value, row + 8 * i, sizeof value);
    out[i] = canonical(static_cast<float>(value));
  }
}

template <class Block, bool kMinimum>
void dequantize_32(const uint8_t* row, float* out, int64_t k) {
  const Block* blocks = reinterpret_cast<const Block*>(row);
  Unpacked32 u;
  for (int64_t b = 0; b < k / 32; b++) {
    unpack(blocks[b], u);
    for (int i = 0; i < 32; i++) {
      const float scaled = u.d * static_cast<float>(u.q[i]);
      out[32 * b + i] = canonical(kMinimum ? scaled + u.m : scaled);
    }
  }
}

template <class Block, bool kMinimum>
void dequantize_256(const uint8_t* row, float* out, int64_t k) {
  const Block* blocks = reinterpret_cast<const Block*>(row);
  Unpacked256 u;
  for (int64_t b = 0; b < k / 256; b++) {
    unpack(blocks[b], u);
    for (int i = 0; i < 256; i++) {
      const float scale = u.d * static_cast<float>(u.scale[i / 16]);
      const float scaled = scale * static_cast<float>(u.q[i]);
      const float min = u.dmin * static_cast<float>(u.min[i / 16]);
      out[256 * b + i] = canonical(kMinimum ? scaled - min : scaled);
    }
  }
}

}  // namespace

DequantizeRow dequantize_row(DType type) {
  switch (type) {
    case DType::F32: return dequantize_f32;
    case DType::F16: return dequantize_f16;
    case DType::BF16: return dequantize_bf16;
    case DType::Q4_0: return dequantize_32<BlockQ4_0, false>;
    case DType::Q4_1: return dequantize_32<BlockQ4_1, true>;
    case DType::Q5_0: return dequantize_32<BlockQ5_0, false>;
    case DType::Q5_1: return dequantize_32<BlockQ5_1, true>;
    case DType::Q8_0: return dequantize_32<BlockQ8_0, false>;
    case DType::Q2_K: return dequantize_256<BlockQ2_K, true>;
    case DType::Q3_K: return dequantize_256<BlockQ3_K, false>;
    case DType::Q4_K: return dequantize_256<BlockQ4_K, true>;
    case DType::Q5_K: return dequantize_256<BlockQ5_K, true>;
    case DType::Q6_K: return dequantize_256<BlockQ6_K, false>;
    case DType::IQ4_NL: return dequantize_32<BlockIQ4_NL, false>;
    case DType::IQ4_XS: return dequantize_256<BlockIQ4_XS, false>;
    case DType::MXFP4: return dequantize_32<BlockMXFP4, false>;
    case DType::F64: return dequantize_f64;
    case DType::IQ1_S: return expand_iq1_s;
    case DType::IQ1_M: return expand_iq1_m;
    case DType::IQ2_XXS: return expand_iq2_xxs;
    case DType::IQ2_XS: return expand_iq2_xs;
    case DType::IQ2_S: return expand_iq2_s;
    case DType::IQ3_XXS: return expand_iq3_xxs;
    case DType::IQ3_S: return expand_iq3_s;
    case DType::TQ1_0: return expand_tq1_0;
    case DType::TQ2_0: return expand_tq2_0;
    case DType::NVFP4: return expand_nvfp4;
    case DType::Q1_0: return expand_q1_0;
    case DType::Q2_0: return expand_q2_0;
  }
  return nullptr;
}

}  // namespace fak
