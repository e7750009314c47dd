// The linear leaves of this instruction set; what each one does is in the file that defines it.
#pragma once

#include "../../kernels.h"

namespace fak {
namespace neon {

void linear_f32(const LinearArgs& args);
void linear_f16(const LinearArgs& args);
void linear_bf16(const LinearArgs& args);

void quantize_row_q8x32(const float* x, uint8_t* out, int64_t k);
void quantize_row_q8x256(const float* x, uint8_t* out, int64_t k);

}  // namespace neon
}  // namespace fak
