// IQ1, IQ2 and IQ3 as floats: super-blocks of 256 in runs of eight elements, which are one point of a lattice (IQ3: two points).
// packages/tensor/src/dequantize/lattice.ts has the same layouts in words.
#include "expand.h"
#include "half.h"
#include "lattices.h"

namespace fak {

namespace {

/// Nibble i of the bytes at p, low ones first.
int nibble(const uint8_t* p, int i) { return (p[i / 2] >> (4 * (i % 2))) & 15; }

/// Seven sign bits and their parity as the eighth, so that a run always has an even number of minus signs.
uint32_t even_signs(uint32_t seven) {
  uint32_t parity = seven ^ seven >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return seven | (parity & 1) << 7;
}

/// `size` elements: scale times the values of a point, negative where the bit of `signs` is set.
template <int size>
void expand_point(uint32_t point, const int8_t* values, uint32_t signs, float scale, float* out) {
  constexpr int bits = size == 8 ? 2 : 3;
  for (int j = 0; j < size; j++) {
    const float value = static_cast<float>(values[(point >> (bits * j)) & ((1 << bits) - 1)]);
    out[j] = canonical(scale * ((signs >> j) & 1 ? -value : value));
  }
}

/// Eight elements of IQ1: scale times the sum of a value and a delta for all of them.
void expand_shifted(uint32_t point, float delta, float scale, float* out) {
  for (int j = 0; j < 8; j++) {
    out[j] = canonical(scale * (static_cast<float>(kValuesIQ1_S[(point >> (2 * j)) & 3]) + delta));
  }
}

constexpr float kDelta = 0.125f;

}  // namespace

void expand_iq1_s(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 50, out += 256) {
    const float d = f16_to_f32(load_u16(row));
    for (int run = 0; run < 32; run++) {
      const uint32_t word = load_u16(row + 34 + 2 * (run / 4));
      const uint32_t point = row[2 + run] | ((word >> (3 * (run % 4))) & 7) << 8;
      const float scale = d * static_cast<float>(2 * ((word >> 12) & 7) + 1);
      expand_shifted(kPointsIQ1_S[point], word & 0x8000 ? -kDelta : kDelta, scale, out + 8 * run);
    }
  }
}

void expand_iq1_m(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 56, out += 256) {
    uint32_t half = 0;
    for (int i = 0; i < 4; i++) half |= static_cast<uint32_t>(load_u16(row + 48 + 2 * i) >> 12) << (4 * i);
    const float d = f16_to_f32(static_cast<uint16_t>(half));
    for (int run = 0; run < 32; run++) {
      const int group = run / 2, high = nibble(row + 32, run);
      const int s = (load_u16(row + 48 + 2 * (group / 4)) >> (3 * (group % 4))) & 7;
      const float scale = d * static_cast<float>(2 * s + 1);
      expand_shifted(kPointsIQ1_S[row[run] | (high & 7) << 8], high & 8 ? -kDelta : kDelta, scale, out + 8 * run);
    }
  }
}

void expand_iq2_xxs(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 66, out += 256) {
    const float d = f16_to_f32(load_u16(row));
    for (int run = 0; run < 32; run++) {
      const uint8_t* group = row + 2 + 8 * (run / 4);
      const uint32_t word = load_u32(group + 4);
      const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.25f;
      const uint32_t signs = even_signs((word >> (7 * (run % 4))) & 127);
      expand_point<8>(kPointsIQ2_XXS[group[run % 4]], kValuesIQ2_XXS, signs, scale, out + 8 * run);
    }
  }
}

void expand_iq2_xs(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 74, out += 256) {
    const float d = f16_to_f32(load_u16(row));
    for (int run = 0; run < 32; run++) {
      const uint32_t word = load_u16(row + 2 + 2 * run);
      const float scale = d * (0.5f + static_cast<float>(nibble(row + 66, run / 2))) * 0.25f;
      expand_point<8>(kPointsIQ2_XS[word & 511], kValuesIQ2_XS, even_signs(word >> 9), scale, out + 8 * run);
    }
  }
}

void expand_iq2_s(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 82, out += 256) {
    const float d = f16_to_f32(load_u16(row));
    for (int run = 0; run < 32; run++) {
      const int point = row[2 + run] | ((row[66 + run / 4] >> (2 * (run % 4))) & 3) << 8;
      const float scale = d * (0.5f + static_cast<float>(nibble(row + 74, run / 2))) * 0.25f;
      expand_point<8>(kPointsIQ2_S[point], kValuesIQ2_S, row[34 + run], scale, out + 8 * run);
    }
  }
}

void expand_iq3_xxs(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 98, out += 256) {
    const float d = f16_to_f32(load_u16(row));
    for (int run = 0; run < 32; run++) {
      const uint32_t word = load_u32(row + 66 + 4 * (run / 4));
      const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.5f;
      const uint32_t signs = even_signs((word >> (7 * (run % 4))) & 127);
      expand_point<4>(kPointsIQ3_XXS[row[2 + 2 * run]], kValuesIQ3_XXS, signs, scale, out + 8 * run);
      expand_point<4>(kPointsIQ3_XXS[row[3 + 2 * run]], kValuesIQ3_XXS, signs >> 4, scale, out + 8 * run + 4);
    }
  }
}

void expand_iq3_s(const uint8_t* row, float* out, int64_t k) {
  for (; k > 0; k -= 256, row += 110, out += 256) {
    const float d = f16_to_f32(load_u16(row));
    for (int i = 0; i < 64; i++) {
      const int run = i / 2, point = row[2 + i] | ((row[66 + i / 8] >> (i % 8)) & 1) << 8;
      const float scale = d * static_cast<float>(1 + 2 * nibble(row + 106, run / 4));
      const uint32_t signs = row[74 + run] >> (4 * (i % 2));
      expand_point<4>(kPointsIQ3_S[point], kValuesIQ3_S, signs, scale, out + 4 * i);
    }
  }
}

}  // namespace fak
