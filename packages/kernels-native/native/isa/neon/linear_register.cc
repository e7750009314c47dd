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
  table.quantize_row[static_cast<int>(ActivationFormat::Q8x32)] = neon::quantize_row_q8x32;
  table.quantize_row[static_cast<int>(ActivationFormat::Q8x256)] = neon::quantize_row_q8x256;
}

}  // namespace fak
