// The stored weight types that native kernels know, with their block layouts. Same names and sizes as @fak/tensor's dtypes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fak {

enum class DType : uint8_t {
  F32, F16, BF16,
  Q4_0, Q4_1, Q5_0, Q5_1, Q8_0,
  Q2_K, Q3_K, Q4_K, Q5_K, Q6_K,
  IQ4_NL, IQ4_XS, MXFP4,
  // From here on is_dequantized.
  F64, IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, TQ1_0, TQ2_0, NVFP4, Q1_0, Q2_0,
};

constexpr int kDTypeCount = 29;

/// Whether `linear` expands a type to floats block by block instead of working on the stored bits: slow.
constexpr bool is_dequantized(DType type) { return type >= DType::F64; }

struct DTypeInfo {
  const char* name;
  int block_elements;
  int block_bytes;
};

constexpr DTypeInfo kDTypes[kDTypeCount] = {
    {"F32", 1, 4},      {"F16", 1, 2},      {"BF16", 1, 2},     {"Q4_0", 32, 18},   {"Q4_1", 32, 20},
    {"Q5_0", 32, 22},   {"Q5_1", 32, 24},   {"Q8_0", 32, 34},   {"Q2_K", 256, 84},  {"Q3_K", 256, 110},
    {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210}, {"IQ4_NL", 32, 18}, {"IQ4_XS", 256, 136},
    {"MXFP4", 32, 17},  {"F64", 1, 8},      {"IQ1_S", 256, 50}, {"IQ1_M", 256, 56}, {"IQ2_XXS", 256, 66},
    {"IQ2_XS", 256, 74}, {"IQ2_S", 256, 82}, {"IQ3_XXS", 256, 98}, {"IQ3_S", 256, 110}, {"TQ1_0", 256, 54},
    {"TQ2_0", 256, 66}, {"NVFP4", 64, 36},  {"Q1_0", 128, 18},  {"Q2_0", 64, 18},
};

constexpr const DTypeInfo& info(DType type) { return kDTypes[static_cast<int>(type)]; }

/// Bytes of one row of k elements; k is a multiple of the block length.
constexpr size_t row_bytes(DType type, int64_t k) {
  return static_cast<size_t>(k / info(type).block_elements) * static_cast<size_t>(info(type).block_bytes);
}

}  // namespace fak
