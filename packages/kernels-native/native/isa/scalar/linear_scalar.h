// The scalar linear leaves, one file per family. They are the definition: every other instruction set must give their bits.
#pragma once

#include "../../kernels.h"

namespace fak {
namespace scalar {

void linear_f32(const LinearArgs& args);
void linear_f16(const LinearArgs& args);
void linear_bf16(const LinearArgs& args);

void linear_q4_0(const LinearArgs& args);
void linear_q4_1(const LinearArgs& args);
void linear_q5_0(const LinearArgs& args);
void linear_q5_1(const LinearArgs& args);
void linear_q8_0(const LinearArgs& args);
void linear_iq4_nl(const LinearArgs& args);
void linear_mxfp4(const LinearArgs& args);

void linear_q2_K(const LinearArgs& args);
void linear_q3_K(const LinearArgs& args);
void linear_q4_K(const LinearArgs& args);
void linear_q5_K(const LinearArgs& args);
void linear_q6_K(const LinearArgs& args);
void linear_iq4_xs(const LinearArgs& args);

void quantize_row_f32(const float* x, uint8_t* out, int64_t k);
void quantize_row_q8x32(const float* x, uint8_t* out, int64_t k);
void quantize_row_q8x256(const float* x, uint8_t* out, int64_t k);

}  // namespace scalar
}  // namespace fak
