// The scalar linear kernels against plain double arithmetic on dequantized weights, and dequantization against rows that
// the official gguf package expanded (fixtures/dequant).
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>

#include "isa/cpu.h"
#include "linear_samples.h"
#include "quant/activation.h"
#include "quant/dequantize.h"

using namespace fak;
using namespace fak::test;

namespace {

/// The row that the kernel really sees: the activation after quantization.
std::vector<double> seen(ActivationFormat format, const uint8_t* row, int64_t k) {
  std::vector<double> x(static_cast<size_t>(k));
  for (int64_t i = 0; i < k; i++) {
    double& value = x[static_cast<size_t>(i)];
    if (format == ActivationFormat::F32) {
      float v;
      std::memcpy(&v, row + 4 * i, 4);
      value = static_cast<double>(v);
    } else if (format == ActivationFormat::Q8x32) {
      const RowQ8x32 r = row_q8x32(row, k);
      value = static_cast<double>(r.scales[i / 32]) * r.quants[i];
    } else {
      const RowQ8x256 r = row_q8x256(row, k);
      value = static_cast<double>(r.scales[i / 256]) * r.quants[i];
    }
  }
  return x;
}

std::vector<uint8_t> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

FAK_TEST(linear_scalar_matches_double_arithmetic) {
  for (int t = 0; t < kDTypeCount; t++) {
    const DType type = static_cast<DType>(t);
    const LinearKernels& kernels = kernel_table(0).linear[t];
    for (const Sample sample : {Sample::Plain, Sample::Largest}) {
      const int64_t k = 2048, rows = 9, columns = 5;
      Random random(static_cast<uint64_t>(t));
      const std::vector<uint8_t> weight = weight_sample(type, rows, k, sample, random);
      const size_t stride = activation_row_bytes(kernels.activation, k);
      Aligned activations(stride * columns);
      std::vector<std::vector<float>> x;
      for (int64_t m = 0; m < columns; m++) {
        x.push_back(activation_sample(k, sample, random));
        kernel_table(0).quantize_row[static_cast<int>(kernels.activation)](
            x.back().data(), activations.data() + static_cast<size_t>(m) * stride, k);
      }
      std::vector<float> y(static_cast<size_t>(rows * columns));
      kernels.linear({weight.data(), row_bytes(type, k), activations.data(), stride, y.data(),
                      static_cast<size_t>(rows), rows, columns, k});
      std::vector<float> w(static_cast<size_t>(k));
      for (int64_t n = 0; n < rows; n++) {
        kernels.dequantize_row(weight.data() + static_cast<size_t>(n) * row_bytes(type, k), w.data(), k);
        for (int64_t m = 0; m < columns; m++) {
          const std::vector<double> xs = seen(kernels.activation, activations.data() + static_cast<size_t>(m) * stride, k);
          double dot = 0, size = 0;
          for (size_t i = 0; i < static_cast<size_t>(k); i++) {
            dot += static_cast<double>(w[i]) * xs[i];
            size += std::fabs(static_cast<double>(w[i]) * xs[i]);
          }
          const double got = static_cast<double>(y[static_cast<size_t>(m * rows + n)]);
          // A few roundings per block on top of those of the dequantized weights, each at most 2^-24 of the magnitudes; in a float
          // dot one per sixteen elements.
          const double allowed = kernels.activation == ActivationFormat::F32 ? 0x1p-18 : 0x1p-20;
          CHECK(std::fabs(got - dot) <= size * allowed, "%s sample %d: [%lld, %lld] is %.9g, double says %.9g (of %.3g)",
                kernels.name, static_cast<int>(sample), static_cast<long long>(m), static_cast<long long>(n), got, dot,
                size);
        }
      }
    }
  }
}

FAK_TEST(linear_scalar_scale_of_32_is_a_binary16_number) {
  Random random(8);
  const int64_t k = 64 * 32;
  std::vector<float> x = activation_sample(k, Sample::Plain, random);
  // Powers of two in, powers of two out: the same quants at any exponent, binary16's range or not.
  for (int64_t i = 0; i < 32; i++) x[static_cast<size_t>(32 + i)] = std::ldexp(x[static_cast<size_t>(i)], 60);
  Aligned row(activation_row_bytes(ActivationFormat::Q8x32, k));
  kernel_table(0).quantize_row[static_cast<int>(ActivationFormat::Q8x32)](x.data(), row.data(), k);
  const RowQ8x32 got = row_q8x32(row.data(), k);
  CHECK(got.scales[1] == std::ldexp(got.scales[0], 60), "scale %g beside %g", static_cast<double>(got.scales[1]),
        static_cast<double>(got.scales[0]));
  for (int64_t b = 2; b < k / 32; b++) {
    float amax = 0;
    for (int64_t i = 32 * b; i < 32 * b + 32; i++) amax = std::fmax(amax, std::fabs(x[static_cast<size_t>(i)]));
    const float exact = amax / 127.0f;
    if (exact < 0x1p-14f || exact > 65504.0f) continue;
    // The nearest number of eleven bits is the one whose distance is at most half of its last place.
    const float last = std::ldexp(1.0f, std::ilogb(exact) - 10);
    CHECK(std::fabs(got.scales[b] - exact) <= last / 2 && std::fmod(got.scales[b], last) == 0, "block %lld: %.9g for %.9g",
          static_cast<long long>(b), static_cast<double>(got.scales[b]), static_cast<double>(exact));
  }
}

FAK_TEST(linear_scalar_activation_error_is_within_half_a_step) {
  Random random(3);
  for (const ActivationFormat format : {ActivationFormat::Q8x32, ActivationFormat::Q8x256}) {
    const int64_t block = format == ActivationFormat::Q8x32 ? 32 : 256, k = 12 * block;
    const std::vector<float> x = activation_sample(k, Sample::Plain, random);
    Aligned row(activation_row_bytes(format, k));
    kernel_table(0).quantize_row[static_cast<int>(format)](x.data(), row.data(), k);
    const std::vector<double> xs = seen(format, row.data(), k);
    for (int64_t i = 0; i < k; i++) {
      // In float: GCC 12 for aarch64 fails on this loop in double (internal error in vect_transform_reduction).
      float largest = 0;
      for (int64_t j = i / block * block; j < (i / block + 1) * block; j++) {
        largest = std::fmax(largest, std::fabs(x[static_cast<size_t>(j)]));
      }
      const double amax = static_cast<double>(largest);
      const double error = std::fabs(xs[static_cast<size_t>(i)] - static_cast<double>(x[static_cast<size_t>(i)]));
      // Half a step of the quants, and for blocks of 32 what 127 steps of a scale of eleven bits may be off.
      const double steps = format == ActivationFormat::Q8x32 ? 0.50001 + 127 * 0x1p-11 : 0.50001;
      CHECK(error <= amax / 127 * steps, "element %lld is off by %g", static_cast<long long>(i), error);
    }
  }
}

FAK_TEST(linear_scalar_non_finite_activation_gives_nan) {
  for (int t = 0; t < kDTypeCount; t++) {
    const DType type = static_cast<DType>(t);
    const LinearKernels& kernels = kernel_table(0).linear[t];
    const int64_t k = 512, rows = 4;
    Random random(9);
    const std::vector<uint8_t> weight = weight_sample(type, rows, k, Sample::Plain, random);
    for (const uint32_t bits : {0x7f800000u, 0xff800000u, 0xffa00001u}) {
      std::vector<float> x = activation_sample(k, Sample::Plain, random);
      x[300] = bits_to_float(bits);
      Aligned row(activation_row_bytes(kernels.activation, k));
      kernel_table(0).quantize_row[static_cast<int>(kernels.activation)](x.data(), row.data(), k);
      float y[4];
      kernels.linear({weight.data(), row_bytes(type, k), row.data(), 0, y, 4, rows, 1, k});
      for (const float value : y) {
        CHECK(!std::isfinite(value), "%s: x has %08x, y is %g", kernels.name, bits, static_cast<double>(value));
        CHECK(!std::isnan(value) || float_to_bits(value) == kCanonicalNaN, "%s: NaN %08x", kernels.name,
              float_to_bits(value));
      }
    }
  }
}

// FAK_FIXTURES is the repository's fixtures folder, passed by the build.
FAK_TEST(linear_scalar_dequantize_row_equals_official_rows) {
  const int64_t k = 512;
  for (int t = 1; t < kDTypeCount; t++) {
    const DType type = static_cast<DType>(t);
    if (type == DType::F64) continue;
    const std::vector<uint8_t> file = read_file(std::string(FAK_FIXTURES) + "/dequant/" + info(type).name + ".bin");
    const size_t stored = row_bytes(type, k), expanded = static_cast<size_t>(k) * sizeof(float);
    const size_t rows = file.size() / (stored + expanded);
    CHECK(rows >= 4 && file.size() == rows * (stored + expanded), "%s.bin has %zu bytes", info(type).name, file.size());
    for (size_t r = 0; r < rows && file.size() == rows * (stored + expanded); r++) {
      std::vector<float> got(static_cast<size_t>(k)), expected(static_cast<size_t>(k));
      kernel_table(0).linear[t].dequantize_row(file.data() + r * stored, got.data(), k);
      std::memcpy(expected.data(), file.data() + rows * stored + r * expanded, expanded);
      for (size_t i = 0; i < static_cast<size_t>(k); i++) {
        CHECK(float_to_bits(got[i]) == float_to_bits(expected[i]), "%s row %zu element %zu is %08x, official %08x",
              info(type).name, r, i, float_to_bits(got[i]), float_to_bits(expected[i]));
      }
    }
  }
}
