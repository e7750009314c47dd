// Overrides the linear entries that matrix products of int8 do better than dot products.
#include "linear_i8mm.h"

namespace fak {

void register_linear_i8mm(KernelTable& table) {
  const auto set = [&table](DType type, const char* name, void (*linear)(const LinearArgs& args)) {
    LinearKernels& kernels = table.linear[static_cast<int>(type)];
    kernels.name = name;
    kernels.linear = linear;
  };
  set(DType::Q4_0, "linear_q4_0_q8x32__i8mm", i8mm::linear_q4_0);
  set(DType::Q4_1, "linear_q4_1_q8x32__i8mm", i8mm::linear_q4_1);
  set(DType::Q5_0, "linear_q5_0_q8x32__i8mm", i8mm::linear_q5_0);
  set(DType::Q5_1, "linear_q5_1_q8x32__i8mm", i8mm::linear_q5_1);
  set(DType::Q8_0, "linear_q8_0_q8x32__i8mm", i8mm::linear_q8_0);
  set(DType::IQ4_NL, "linear_iq4_nl_q8x32__i8mm", i8mm::linear_iq4_nl);
  set(DType::MXFP4, "linear_mxfp4_q8x32__i8mm", i8mm::linear_mxfp4);
  set(DType::Q2_K, "linear_q2_K_q8x256__i8mm", i8mm::linear_q2_K);
  set(DType::Q3_K, "linear_q3_K_q8x256__i8mm", i8mm::linear_q3_K);
  set(DType::Q4_K, "linear_q4_K_q8x256__i8mm", i8mm::linear_q4_K);
  set(DType::Q5_K, "linear_q5_K_q8x256__i8mm", i8mm::linear_q5_K);
  set(DType::Q6_K, "linear_q6_K_q8x256__i8mm", i8mm::linear_q6_K);
  set(DType::IQ4_XS, "linear_iq4_xs_q8x256__i8mm", i8mm::linear_iq4_xs);
}

}  // namespace fak
