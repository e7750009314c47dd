// Overrides the linear entries that NEON does better than scalar code.
#include "linear_neon.h"

namespace fak {

void register_linear_neon(KernelTable& table) {
  const auto set = [&table](DType type, const char* name, void (*linear)(const LinearArgs& args)) {
    LinearKernels& kernels = table.linear[static_cast<int>(type)];
    kernels.name = name;
    kernels.linear = linear;
  };
  set(DType::F32, "linear_f32_f32__neon", neon::linear_f32);
  set(DType::F16, "linear_f16_f32__neon", neon::linear_f16);
  set(DType::BF16, "linear_bf16_f32__neon", neon::linear_bf16);
  set(DType::Q4_0, "linear_q4_0_q8x32__neon", neon::linear_q4_0);
  set(DType::Q4_1, "linear_q4_1_q8x32__neon", neon::linear_q4_1);
  set(DType::Q5_0, "linear_q5_0_q8x32__neon", neon::linear_q5_0);
  set(DType::Q5_1, "linear_q5_1_q8x32__neon", neon::linear_q5_1);
  set(DType::Q8_0, "linear_q8_0_q8x32__neon", neon::linear_q8_0);
  set(DType::IQ4_NL, "linear_iq4_nl_q8x32__neon", neon::linear_iq4_nl);
  set(DType::MXFP4, "linear_mxfp4_q8x32__neon", neon::linear_mxfp4);
  set(DType::Q2_K, "linear_q2_K_q8x256__neon", neon::linear_q2_K);
  set(DType::Q3_K, "linear_q3_K_q8x256__neon", neon::linear_q3_K);
  set(DType::Q4_K, "linear_q4_K_q8x256__neon", neon::linear_q4_K);
  set(DType::Q5_K, "linear_q5_K_q8x256__neon", neon::linear_q5_K);
  set(DType::Q6_K, "linear_q6_K_q8x256__neon", neon::linear_q6_K);
  set(DType::IQ4_XS, "linear_iq4_xs_q8x256__neon", neon::linear_iq4_xs);
  table.quantize_row[static_cast<int>(ActivationFormat::Q8x32)] = neon::quantize_row_q8x32;
  table.quantize_row[static_cast<int>(ActivationFormat::Q8x256)] = neon::quantize_row_q8x256;
}

}  // namespace fak
