// Overrides the linear entries that AVX2 does better than scalar code.
#include "linear_avx2.h"

namespace fak {

void register_linear_avx2(KernelTable& table) {
  const auto set = [&table](DType type, const char* name, void (*linear)(const LinearArgs& args)) {
    LinearKernels& kernels = table.linear[static_cast<int>(type)];
    kernels.name = name;
    kernels.linear = linear;
  };
  set(DType::Q4_0, "linear_q4_0_q8x32__avx2", avx2::linear_q4_0);
  set(DType::Q4_1, "linear_q4_1_q8x32__avx2", avx2::linear_q4_1);
  set(DType::Q5_0, "linear_q5_0_q8x32__avx2", avx2::linear_q5_0);
  set(DType::Q5_1, "linear_q5_1_q8x32__avx2", avx2::linear_q5_1);
  set(DType::Q8_0, "linear_q8_0_q8x32__avx2", avx2::linear_q8_0);
  set(DType::IQ4_NL, "linear_iq4_nl_q8x32__avx2", avx2::linear_iq4_nl);
}

}  // namespace fak
