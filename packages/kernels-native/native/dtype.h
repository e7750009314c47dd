// The stored weight types that native kernels know, with their block layouts. Same names and sizes as @fak/tensor's dtypes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fak {

enum class DType : uint8_t {
  F32, F16, BF16,
  Q4_0, Q4_1, Q5_0, Q5_1, Q8_0,
  Q2_K, Q3_K, Q4_K, Q5_K, Q6_K,
  IQ4_NL, IQ4_XS,
};

constexpr int kDTypeCount = 15;

struct DTypeInfo {
  const char* name;
  int block_elements;
  int block_bytes;
};

constexpr DTypeInfo kDTypes[kDTypeCount] = {
    {"F32", 1, 4},      {"F16", 1, 2},      {"BF16", 1, 2},     {"Q4_0", 32, 18},   {"Q4_1", 32, 20},
    {"Q5_0", 32, 22},   {"Q5_1", 32, 24},   {"Q8_0", 32, 34},   {"Q2_K", 256, 84},  {"Q3_K", 256, 110},
    {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210}, {"IQ4_NL", 32, 18}, {"IQ4_XS", 256, 136},
};

constexpr const DTypeInfo& info(DType type) { return kDTypes[static_cast<int>(type)]; }

/// Bytes of one row of k elements; k is a multiple of the block length.
constexpr size_t row_bytes(DType type, int64_t k) {
  return static_cast<size_t>(k / info(type).block_elements) * static_cast<size_t>(info(type).block_bytes);
}

}  // namespace fak
