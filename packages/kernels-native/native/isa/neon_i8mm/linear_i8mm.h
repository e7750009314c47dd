// The linear leaves of this instruction set; what each one does is in the file that defines it.
#pragma once

#include "../../kernels.h"

namespace fak {
namespace i8mm {

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

}  // namespace i8mm
}  // namespace fak
