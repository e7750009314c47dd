// How a row of keys or values becomes a row of a cache (docs/arithmetic.md, attention). The same code for every instruction set.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels.h"
#include "quant/half.h"

namespace fak {

/// Stores D floats as row `row` of one head's part of a page; false when one is not finite or beyond what the type can hold.
inline bool store_cache_row(CacheType type, const float* x, int64_t D, uint8_t* head, int64_t row) {
  const int64_t width = cache_width(D);
  if (type == CacheType::F32) {
    float* const to = reinterpret_cast<float*>(head) + row * width;
    std::memcpy(to, x, static_cast<size_t>(D) * sizeof(float));
    std::memset(to + D, 0, static_cast<size_t>(width - D) * sizeof(float));
    return true;
  }
  if (type == CacheType::F16) {
    uint16_t* const to = reinterpret_cast<uint16_t*>(head) + row * width;
    uint32_t largest = 0;
    for (int64_t i = 0; i < D; i++) {
      to[i] = f32_to_f16(x[i]);
      largest = std::max<uint32_t>(largest, to[i] & 0x7fffu);
    }
    std::memset(to + D, 0, static_cast<size_t>(width - D) * sizeof(uint16_t));
    return largest < 0x7c00u;
  }
  int8_t* const quants = reinterpret_cast<int8_t*>(head) + row * width;
  uint16_t* const scales = reinterpret_cast<uint16_t*>(head + kAttentionBlock * width) + row * (width / kCacheGroup);
  bool all = true;
  for (int64_t begin = 0; begin < width; begin += kCacheGroup) {
    const int64_t n = std::min(kCacheGroup, D - begin);
    uint32_t magnitude = 0;
    for (int64_t i = 0; i < n; i++) magnitude = std::max(magnitude, float_to_bits(x[begin + i]) & 0x7fffffffu);
    const uint16_t scale = f32_to_f16(bits_to_float(magnitude) / 127.0f);
    all &= scale < 0x7c00u;
    scales[begin / kCacheGroup] = scale;
    const float d = f16_to_f32(scale);
    for (int64_t i = 0; i < kCacheGroup; i++) {
      // The scale may have been rounded down, below the smallest normal number by a lot.
      const float q = i < n && d > 0 && all ? std::nearbyint(x[begin + i] / d) : 0.0f;
      quants[begin + i] = static_cast<int8_t>(std::min(127.0f, std::max(-127.0f, q)));
    }
  }
  return all;
}

/// Bytes of one head's row outside of a page: D numbers, or whole blocks of Q8_0 as GGUF has them, each with its scale before its quants.
constexpr size_t cache_row_bytes(CacheType type, int64_t D) {
  return type == CacheType::F32   ? static_cast<size_t>(D) * 4
         : type == CacheType::F16 ? static_cast<size_t>(D) * 2
                                  : static_cast<size_t>(cache_width(D) / kCacheGroup) * (2 + kCacheGroup);
}

/// Where a row's parts lie in one head's part of a page: its numbers, and the scales of Q8_0.
struct CacheRow {
  uint8_t* numbers;
  uint8_t* scales;
  CacheRow(CacheType type, uint8_t* head, int64_t row, int64_t D)
      : numbers(head + static_cast<size_t>(row * cache_width(D)) * (type == CacheType::F32 ? 4 : type == CacheType::F16 ? 2 : 1)),
        scales(head + static_cast<size_t>(kAttentionBlock * cache_width(D) + row * (cache_width(D) / kCacheGroup) * 2)) {}
};

/// Copies a row out of a page, cache_row_bytes() bytes.
inline void read_cache_row(CacheType type, uint8_t* head, int64_t row, int64_t D, uint8_t* to) {
  const CacheRow from(type, head, row, D);
  if (type != CacheType::Q8_0) {
    std::memcpy(to, from.numbers, cache_row_bytes(type, D));
    return;
  }
  for (int64_t block = 0; block < cache_width(D) / kCacheGroup; block++, to += 2 + kCacheGroup) {
    std::memcpy(to, from.scales + 2 * block, 2);
    std::memcpy(to + 2, from.numbers + kCacheGroup * block, kCacheGroup);
  }
}

/// Copies a row into a page, from what read_cache_row gave; what lies beyond D becomes zero.
inline void write_cache_row(CacheType type, uint8_t* head, int64_t row, int64_t D, const uint8_t* from) {
  const CacheRow to(type, head, row, D);
  const size_t bytes = cache_row_bytes(type, D);
  if (type != CacheType::Q8_0) {
    std::memcpy(to.numbers, from, bytes);
    std::memset(to.numbers + bytes, 0, static_cast<size_t>(cache_width(D) - D) * (type == CacheType::F32 ? 4 : 2));
    return;
  }
  for (int64_t block = 0; block < cache_width(D) / kCacheGroup; block++, from += 2 + kCacheGroup) {
    std::memcpy(to.scales + 2 * block, from, 2);
    std::memcpy(to.numbers + kCacheGroup * block, from + 2, kCacheGroup);
  }
  if (D < cache_width(D)) std::memset(to.numbers + D, 0, static_cast<size_t>(cache_width(D) - D));
}

}  // namespace fak
