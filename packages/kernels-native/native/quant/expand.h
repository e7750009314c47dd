// Dequantization of the types that no kernel works on directly: one function a type, each of the DequantizeRow of dequantize.h.
#pragma once

#include <cstdint>

namespace fak {

// expand_lattice.cc
void expand_iq1_s(const uint8_t* row, float* out, int64_t k);
void expand_iq1_m(const uint8_t* row, float* out, int64_t k);
void expand_iq2_xxs(const uint8_t* row, float* out, int64_t k);
void expand_iq2_xs(const uint8_t* row, float* out, int64_t k);
void expand_iq2_s(const uint8_t* row, float* out, int64_t k);
void expand_iq3_xxs(const uint8_t* row, float* out, int64_t k);
void expand_iq3_s(const uint8_t* row, float* out, int64_t k);

// expand_few_bits.cc
void expand_tq1_0(const uint8_t* row, float* out, int64_t k);
void expand_tq2_0(const uint8_t* row, float* out, int64_t k);
void expand_nvfp4(const uint8_t* row, float* out, int64_t k);
void expand_q1_0(const uint8_t* row, float* out, int64_t k);
void expand_q2_0(const uint8_t* row, float* out, int64_t k);

}  // namespace fak
