// TQ1_0, TQ2_0, NVFP4, Q1_0 and Q2_0 as floats. packages/tensor/src/dequantize has the same layouts in words.
#include "blocks.h"
#include "expand.h"
#include "half.h"

namespace fak {

namespace {

/// `count` base-3 digits of each of `width` bytes, digit by digit. A byte is a fraction of 3^5: digit n is what overflows when the byte,
/// multiplied by 3^n modulo 256, is multiplied by 3.
void expand_digits(const uint8_t* bytes, int count, int width, float d, float* out) {
  for (int n = 0, power = 1; n < count; n++, power *= 3) {
    for (int j = 0; j < width; j++) {
      const int digit = ((bytes[j] * power & 255) * 3) >> 8;
      out[n * width + j] = canonical(d * static_cast<float>(digit - 1));
    }
  }
}

}  // namespace

void expand_tq1_0(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 54, out += 256) {
    const float d = f16_to_f32(load_u16(row + 52));
    expand_digits(row, 5, 32, d, out);
    expand_digits(row + 32, 5, 16, d, out + 160);
    expand_digits(row + 48, 4, 4, d, out + 240);
  }
}

void expand_tq2_0(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 66, out += 256) {
    const float d = f16_to_f32(load_u16(row + 64));
    for (int i = 0; i < 256; i++) {
      const int q = (row[32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4))) & 3;
      out[i] = canonical(d * static_cast<float>(q - 1));
    }
  }
}

void expand_nvfp4(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 64, row += 36, out += 64) {
    for (int group = 0; group < 4; group++) {
      const float d = e4m3_half_to_f32(row[group]);
      const uint8_t* qs = row + 4 + 8 * group;
      for (int j = 0; j < 8; j++) {
        out[16 * group + j] = d * static_cast<float>(kE2M1Values[qs[j] & 15]);
        out[16 * group + 8 + j] = d * static_cast<float>(kE2M1Values[qs[j] >> 4]);
      }
    }
  }
}

void expand_q1_0(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 128, row += 18, out += 128) {
    const float d = canonical(f16_to_f32(load_u16(row)));
    for (int i = 0; i < 128; i++) out[i] = canonical((row[2 + i / 8] >> (i % 8)) & 1 ? d : -d);
  }
}

void expand_q2_0(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 64, row += 18, out += 64) {
    const float d = f16_to_f32(load_u16(row));
    for (int i = 0; i < 64; i++) {
      const int q = (row[2 + i / 4] >> (2 * (i % 4))) & 3;
      out[i] = canonical(d * static_cast<float>(q - 1));
    }
  }
}

}  // namespace fak
