// Fills the linear entries of every type that has kernels of its own with the scalar leaves.
#include "../../quant/dequantize.h"
#include "linear_scalar.h"

namespace fak {
namespace {

struct Entry {
  DType type;
  const char* name;
  ActivationFormat activation;
  void (*linear)(const LinearArgs& args);
};

constexpr ActivationFormat kF32 = ActivationFormat::F32;
constexpr ActivationFormat kQ8x32 = ActivationFormat::Q8x32;
constexpr ActivationFormat kQ8x256 = ActivationFormat::Q8x256;

constexpr Entry kEntries[] = {
    {DType::F32, "linear_f32_f32__scalar", kF32, scalar::linear_f32},
    {DType::F16, "linear_f16_f32__scalar", kF32, scalar::linear_f16},
    {DType::BF16, "linear_bf16_f32__scalar", kF32, scalar::linear_bf16},
    {DType::Q4_0, "linear_q4_0_q8x32__scalar", kQ8x32, scalar::linear_q4_0},
    {DType::Q4_1, "linear_q4_1_q8x32__scalar", kQ8x32, scalar::linear_q4_1},
    {DType::Q5_0, "linear_q5_0_q8x32__scalar", kQ8x32, scalar::linear_q5_0},
    {DType::Q5_1, "linear_q5_1_q8x32__scalar", kQ8x32, scalar::linear_q5_1},
    {DType::Q8_0, "linear_q8_0_q8x32__scalar", kQ8x32, scalar::linear_q8_0},
    {DType::IQ4_NL, "linear_iq4_nl_q8x32__scalar", kQ8x32, scalar::linear_iq4_nl},
    {DType::MXFP4, "linear_mxfp4_q8x32__scalar", kQ8x32, scalar::linear_mxfp4},
    {DType::Q2_K, "linear_q2_K_q8x256__scalar", kQ8x256, scalar::linear_q2_K},
    {DType::Q3_K, "linear_q3_K_q8x256__scalar", kQ8x256, scalar::linear_q3_K},
    {DType::Q4_K, "linear_q4_K_q8x256__scalar", kQ8x256, scalar::linear_q4_K},
    {DType::Q5_K, "linear_q5_K_q8x256__scalar", kQ8x256, scalar::linear_q5_K},
    {DType::Q6_K, "linear_q6_K_q8x256__scalar", kQ8x256, scalar::linear_q6_K},
    {DType::IQ4_XS, "linear_iq4_xs_q8x256__scalar", kQ8x256, scalar::linear_iq4_xs},
};

static_assert(sizeof(kEntries) / sizeof(kEntries[0]) == static_cast<int>(DType::F64), "all types but the dequantized ones");

}  // namespace

void register_linear_scalar(KernelTable& table) {
  for (const Entry& e : kEntries) {
    table.linear[static_cast<int>(e.type)] = {e.name, e.activation, e.linear, dequantize_row(e.type)};
  }
  table.quantize_row[static_cast<int>(kF32)] = scalar::quantize_row_f32;
  table.quantize_row[static_cast<int>(kQ8x32)] = scalar::quantize_row_q8x32;
  table.quantize_row[static_cast<int>(kQ8x256)] = scalar::quantize_row_q8x256;
}

}  // namespace fak
