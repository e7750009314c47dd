// linear for the types that no kernel works on directly: a piece of four rows is expanded to floats, then takes part in the float dot of
// the contract with every column of a tile, so that its price is shared. The lanes' sums wait in memory between pieces; a lane still
// takes its elements in order. Bound by the expansion, which is scalar code, up to a few dozen columns.
#pragma once

#include "quant/dequantize.h"
#include "quant/half.h"

namespace fak {
namespace FAK_ISA {

/// 4 KiB of weights and 8 KiB of sums stay in L1 together. A piece is a whole number of blocks of every type, and of sixteen lanes.
constexpr int kPieceRows = 4, kPieceElements = 256, kPieceColumns = 32;

static void linear_dequantized(const LinearArgs& a, DType type) {
  const DequantizeRow dequantize = dequantize_row(type);
  const DTypeInfo& block = kDTypes[static_cast<int>(type)];
  alignas(64) float w[kPieceRows][kPieceElements];
  F32x16 sums[kPieceColumns][kPieceRows];
  for (int64_t n = 0; n < a.rows; n += kPieceRows) {
    const int64_t rows = a.rows - n < kPieceRows ? a.rows - n : kPieceRows;
    memset(w, 0, sizeof w);  // rows that do not exist, and the end of the last sixteen elements
    for (int64_t m = 0; m < a.columns; m += kPieceColumns) {
      const int64_t columns = a.columns - m < kPieceColumns ? a.columns - m : kPieceColumns;
      for (int64_t c = 0; c < columns; c++) {
        for (int r = 0; r < kPieceRows; r++) sums[c][r] = zero();
      }
      for (int64_t begin = 0; begin < a.k; begin += kPieceElements) {
        const int64_t elements = a.k - begin < kPieceElements ? a.k - begin : kPieceElements;
        const int64_t whole = (elements + 15) / 16 * 16;
        for (int64_t r = 0; r < rows; r++) {
          const int64_t at = (n + r) * static_cast<int64_t>(a.weight_stride) + begin / block.block_elements * block.block_bytes;
          dequantize(a.weight + at, w[r], elements);
          if (elements < whole) memset(w[r] + elements, 0, static_cast<size_t>(whole - elements) * sizeof(float));
        }
        for (int64_t c = 0; c < columns; c++) {
          // Activation rows are padded with zeros to whole sixteens.
          const float* x = reinterpret_cast<const float*>(a.x + static_cast<size_t>(m + c) * a.x_stride) + begin;
          F32x16 s0 = sums[c][0], s1 = sums[c][1], s2 = sums[c][2], s3 = sums[c][3];
          for (int64_t i = 0; i < whole; i += 16) {
            const F32x16 v = load(x + i);
            s0 = fma(load(w[0] + i), v, s0);
            s1 = fma(load(w[1] + i), v, s1);
            s2 = fma(load(w[2] + i), v, s2);
            s3 = fma(load(w[3] + i), v, s3);
          }
          sums[c][0] = s0, sums[c][1] = s1, sums[c][2] = s2, sums[c][3] = s3;
        }
      }
      for (int64_t c = 0; c < columns; c++) {
        float out[kPieceRows];
        reduce_add4(sums[c][0], sums[c][1], sums[c][2], sums[c][3], out);
        float* y = a.y + static_cast<size_t>(m + c) * a.y_stride + n;
        for (int64_t r = 0; r < rows; r++) y[r] = canonical(out[r]);
      }
    }
  }
}

template <DType type>
static void linear_dequantized(const LinearArgs& args) {
  linear_dequantized(args, type);
}

#define FAK_QUOTED(text) #text
#define FAK_DEQUANTIZED_NAME(type, isa) "linear_" type "_f32_dequantized__" FAK_QUOTED(isa)

template <DType type>
static void set_dequantized(KernelTable& table, const char* name) {
  static_assert(type >= DType::F64, "a type with kernels of its own");
  table.linear[static_cast<int>(type)] = {name, ActivationFormat::F32, linear_dequantized<type>, dequantize_row(type)};
}

static void register_dequantized(KernelTable& table) {
  set_dequantized<DType::F64>(table, FAK_DEQUANTIZED_NAME("f64", FAK_ISA));
  set_dequantized<DType::IQ1_S>(table, FAK_DEQUANTIZED_NAME("iq1_s", FAK_ISA));
  set_dequantized<DType::IQ1_M>(table, FAK_DEQUANTIZED_NAME("iq1_m", FAK_ISA));
  set_dequantized<DType::IQ2_XXS>(table, FAK_DEQUANTIZED_NAME("iq2_xxs", FAK_ISA));
  set_dequantized<DType::IQ2_XS>(table, FAK_DEQUANTIZED_NAME("iq2_xs", FAK_ISA));
  set_dequantized<DType::IQ2_S>(table, FAK_DEQUANTIZED_NAME("iq2_s", FAK_ISA));
  set_dequantized<DType::IQ3_XXS>(table, FAK_DEQUANTIZED_NAME("iq3_xxs", FAK_ISA));
  set_dequantized<DType::IQ3_S>(table, FAK_DEQUANTIZED_NAME("iq3_s", FAK_ISA));
  set_dequantized<DType::TQ1_0>(table, FAK_DEQUANTIZED_NAME("tq1_0", FAK_ISA));
  set_dequantized<DType::TQ2_0>(table, FAK_DEQUANTIZED_NAME("tq2_0", FAK_ISA));
  set_dequantized<DType::NVFP4>(table, FAK_DEQUANTIZED_NAME("nvfp4", FAK_ISA));
  set_dequantized<DType::Q1_0>(table, FAK_DEQUANTIZED_NAME("q1_0", FAK_ISA));
  set_dequantized<DType::Q2_0>(table, FAK_DEQUANTIZED_NAME("q2_0", FAK_ISA));
}

#undef FAK_DEQUANTIZED_NAME
#undef FAK_QUOTED

}  // namespace FAK_ISA
}  // namespace fak
