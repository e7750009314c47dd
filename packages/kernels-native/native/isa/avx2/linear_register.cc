// Overrides the linear entries that AVX2 does better than scalar code; with VNNI the quantized ones, after those of AVX2. The rest of
// that table stays: float kernels, quantization of activations, and the probe, as vpdpbusd does 32 products like vpmaddubsw.
#include "linear_avx2.h"

#define FAK_QUOTED(name) #name
#define FAK_NAMED(name, isa) name "__" FAK_QUOTED(isa)
#define FAK_JOINED(name, isa) name##isa
#define FAK_REGISTER(isa) FAK_JOINED(register_linear_, isa)

namespace fak {

void FAK_REGISTER(FAK_ISA)(KernelTable& table) {
  using namespace FAK_ISA;
  const auto set = [&table](DType type, const char* name, void (*linear)(const LinearArgs& args)) {
    LinearKernels& kernels = table.linear[static_cast<int>(type)];
    kernels.name = name;
    kernels.linear = linear;
  };
#if !defined(FAK_AVX_VNNI) && !defined(FAK_AVX_VNNI_EVEX)
  set(DType::F32, FAK_NAMED("linear_f32_f32", FAK_ISA), linear_f32);
  set(DType::F16, FAK_NAMED("linear_f16_f32", FAK_ISA), linear_f16);
  set(DType::BF16, FAK_NAMED("linear_bf16_f32", FAK_ISA), linear_bf16);
  table.quantize_row[static_cast<int>(ActivationFormat::Q8x32)] = quantize_row_q8x32;
  table.quantize_row[static_cast<int>(ActivationFormat::Q8x256)] = quantize_row_q8x256;
#endif
  set(DType::Q4_0, FAK_NAMED("linear_q4_0_q8x32", FAK_ISA), linear_q4_0);
  set(DType::Q4_1, FAK_NAMED("linear_q4_1_q8x32", FAK_ISA), linear_q4_1);
  set(DType::Q5_0, FAK_NAMED("linear_q5_0_q8x32", FAK_ISA), linear_q5_0);
  set(DType::Q5_1, FAK_NAMED("linear_q5_1_q8x32", FAK_ISA), linear_q5_1);
  set(DType::Q8_0, FAK_NAMED("linear_q8_0_q8x32", FAK_ISA), linear_q8_0);
  set(DType::IQ4_NL, FAK_NAMED("linear_iq4_nl_q8x32", FAK_ISA), linear_iq4_nl);
  set(DType::MXFP4, FAK_NAMED("linear_mxfp4_q8x32", FAK_ISA), linear_mxfp4);
  set(DType::Q2_K, FAK_NAMED("linear_q2_K_q8x256", FAK_ISA), linear_q2_K);
  set(DType::Q3_K, FAK_NAMED("linear_q3_K_q8x256", FAK_ISA), linear_q3_K);
  set(DType::Q4_K, FAK_NAMED("linear_q4_K_q8x256", FAK_ISA), linear_q4_K);
  set(DType::Q5_K, FAK_NAMED("linear_q5_K_q8x256", FAK_ISA), linear_q5_K);
  set(DType::Q6_K, FAK_NAMED("linear_q6_K_q8x256", FAK_ISA), linear_q6_K);
  set(DType::IQ4_XS, FAK_NAMED("linear_iq4_xs_q8x256", FAK_ISA), linear_iq4_xs);
}

}  // namespace fak
