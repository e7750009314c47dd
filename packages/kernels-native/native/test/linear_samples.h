// Rows of stored weights and activations for the linear tests: random, and as nasty as the formats allow.
#pragma once

#include <vector>

#include "check.h"
#include "kernels.h"
#include "quant/half.h"

namespace fak::test {

enum class Sample {
  Plain,     ///< random quants, scales of ordinary size and either sign
  Largest,   ///< every quant and integer scale at the end of its range
  Odd,       ///< zero, minus zero, subnormal, huge, infinite and NaN scales among ordinary ones
};

/// Byte offsets of the binary16 fields of a block; -1 ends the list.
inline const int* half_fields(DType type) {
  static const int none[] = {-1}, first[] = {0, -1}, first_two[] = {0, 2, -1}, q2[] = {80, 82, -1}, q3[] = {108, -1},
                   q6[] = {208, -1}, tq1[] = {52, -1}, tq2[] = {64, -1};
  switch (type) {
    case DType::Q4_0: case DType::Q5_0: case DType::Q8_0: case DType::IQ4_NL: case DType::IQ4_XS: case DType::IQ1_S:
    case DType::IQ2_XXS: case DType::IQ2_XS: case DType::IQ2_S: case DType::IQ3_XXS: case DType::IQ3_S: case DType::Q1_0:
    case DType::Q2_0: return first;
    case DType::Q4_1: case DType::Q5_1: case DType::Q4_K: case DType::Q5_K: return first_two;
    case DType::Q2_K: return q2;
    case DType::Q3_K: return q3;
    case DType::Q6_K: return q6;
    case DType::TQ1_0: return tq1;
    case DType::TQ2_0: return tq2;
    default: return none;
  }
}

inline uint16_t ordinary_half(Random& random) {
  // 2^-9 to 2^-6 with a random mantissa and sign.
  const uint64_t r = random.next();
  return static_cast<uint16_t>(((r & 1) << 15) | ((6 + (r >> 1) % 4) << 10) | ((r >> 8) & 0x3ff));
}

inline uint16_t odd_half(Random& random) {
  static const uint16_t odd[] = {0x0000, 0x8000, 0x0001, 0x83ff, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e01, 0xfd55};
  return random.next() % 4 == 0 ? odd[random.next() % 10] : ordinary_half(random);
}

/// 2^-9 to 2^-6, or also the ends of the range.
inline uint8_t e8m0_sample(Sample sample, Random& random) {
  static const uint8_t odd[] = {0, 1, 2, 3, 250, 253, 254, 255};
  if (sample == Sample::Odd && random.next() % 4 == 0) return odd[random.next() % 8];
  return static_cast<uint8_t>(118 + random.next() % 4);
}

/// `rows` stored rows of k elements.
inline std::vector<uint8_t> weight_sample(DType type, int64_t rows, int64_t k, Sample sample, Random& random) {
  const DTypeInfo& t = info(type);
  std::vector<uint8_t> bytes(static_cast<size_t>(rows) * row_bytes(type, k));
  const auto put_half = [&](size_t at, uint16_t h) { std::memcpy(&bytes[at], &h, 2); };
  if (t.block_elements == 1) {
    for (size_t at = 0; at < bytes.size(); at += static_cast<size_t>(t.block_bytes)) {
      const bool odd = sample == Sample::Odd && random.next() % 512 == 0;
      const float plain = sample == Sample::Largest ? 1.0f : random.uniform(-1.0f, 1.0f);
      uint32_t bits = float_to_bits(plain);
      if (type == DType::F32) {
        static const uint32_t odd32[] = {0, 0x80000000, 1, 0x807fffff, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fa00001};
        if (odd) bits = odd32[random.next() % 8];
        std::memcpy(&bytes[at], &bits, 4);
      } else if (type == DType::F64) {
        static const double odd64[] = {0, -0.0, 5e-324, 1e-46, 1e300, -HUGE_VAL, HUGE_VAL, NAN};
        const double value = odd ? odd64[random.next() % 8] : static_cast<double>(plain) / 3;
        std::memcpy(&bytes[at], &value, 8);
      } else if (type == DType::BF16) {
        static const uint16_t odd16[] = {0, 0x8000, 1, 0x807f, 0x7f7f, 0x7f80, 0xff80, 0x7fa1};
        put_half(at, odd ? odd16[random.next() % 8] : static_cast<uint16_t>(bits >> 16));
      } else {
        put_half(at, odd ? odd_half(random) : static_cast<uint16_t>(ordinary_half(random) + (4 << 10)));
      }
    }
    return bytes;
  }
  for (size_t block = 0; block < bytes.size(); block += static_cast<size_t>(t.block_bytes)) {
    const uint64_t fill = random.next() % 4;
    for (int i = 0; i < t.block_bytes; i++) {
      uint8_t value = static_cast<uint8_t>(random.next());
      if (sample == Sample::Largest) {
        static const uint8_t ends[] = {0xff, 0x00, 0x7f, 0x80};
        value = ends[fill];
      }
      bytes[block + static_cast<size_t>(i)] = value;
    }
    for (const int* field = half_fields(type); *field >= 0; field++) {
      put_half(block + static_cast<size_t>(*field), sample == Sample::Odd ? odd_half(random) : ordinary_half(random));
    }
    if (type == DType::MXFP4) bytes[block] = e8m0_sample(sample, random);
    if (type == DType::IQ1_M) {
      // The scale is spread over the top nibbles of four words.
      const uint16_t half = sample == Sample::Odd ? odd_half(random) : ordinary_half(random);
      for (size_t i = 0; i < 4; i++) {
        uint8_t& top = bytes[block + 49 + 2 * i];
        top = static_cast<uint8_t>((top & 15) | ((half >> (4 * i)) & 15) << 4);
      }
    }
  }
  return bytes;
}

/// One activation row of k floats.
inline std::vector<float> activation_sample(int64_t k, Sample sample, Random& random) {
  std::vector<float> x(static_cast<size_t>(k));
  const uint64_t sign = random.next() % 3;
  for (int64_t i = 0; i < k; i++) {
    float value = random.uniform(-3.0f, 3.0f) * (random.next() % 64 == 0 ? 20.0f : 1.0f);
    if (sample == Sample::Largest) value = sign == 0 || (sign == 1 && i % 2 == 0) ? 5.0f : -5.0f;
    x[static_cast<size_t>(i)] = value;
  }
  if (sample == Sample::Odd) {
    static const uint32_t odd[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffa00001, 0x7f7fffff, 1, 0x80000000};
    for (int64_t i = 0; i + 32 <= k; i += 32) {
      const uint64_t kind = random.next() % 8;
      if (kind == 0) std::memset(&x[static_cast<size_t>(i)], 0, 128);
      if (kind == 1) x[static_cast<size_t>(i) + random.next() % 32] = bits_to_float(odd[random.next() % 7]);
      if (kind == 2) {
        for (int j = 0; j < 32; j++) x[static_cast<size_t>(i + j)] *= 1e-38f;
      }
    }
  }
  return x;
}

/// Memory that starts on a 64-byte boundary.
class Aligned {
 public:
  explicit Aligned(size_t bytes) : store_(bytes + 64) {
    const size_t address = reinterpret_cast<size_t>(store_.data());
    data_ = store_.data() + (64 - address % 64) % 64;
  }
  uint8_t* data() { return data_; }

 private:
  std::vector<uint8_t> store_;
  uint8_t* data_;
};

}  // namespace fak::test
