// Every linear kernel of every instruction set this machine has, against scalar, by memcmp.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "isa/cpu.h"
#include "linear_samples.h"
#include "quant/dequantize.h"

using namespace fak;
using namespace fak::test;

#if defined(FAK_X86)
namespace fak {
void register_linear_avxvnni_evex(KernelTable& table);
}
#endif

namespace {

/// Beside the instruction sets of the executor, the leaves of AVX-VNNI in the encoding of AVX-512: the same source, for machines that
/// have only that encoding.
constexpr int kAvxVnniEvex = kIsaCount, kTables = kIsaCount + 1;

bool present(int isa) {
#if defined(FAK_X86)
  if (isa == kAvxVnniEvex) return isa_present(kAvx2) && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#endif
  return isa < kIsaCount && isa_present(isa);
}

const KernelTable& table_of(int isa) {
#if defined(FAK_X86)
  if (isa == kAvxVnniEvex) {
    static const KernelTable evex = [] {
      KernelTable table = kernel_table(kAvx2);
      register_linear_avxvnni_evex(table);
      table.isa = "avxvnni_evex";
      return table;
    }();
    return evex;
  }
#endif
  return kernel_table(isa);
}

/// Quantizes M rows with one table and multiplies with it; the result is [M, rows] with padding of 3 floats a row.
std::vector<float> multiply(const KernelTable& table, DType type, const std::vector<uint8_t>& weight, size_t shift,
                            const std::vector<std::vector<float>>& x, int64_t rows, int64_t k) {
  const LinearKernels& kernels = table.linear[static_cast<int>(type)];
  const size_t stride = activation_row_bytes(kernels.activation, k);
  Aligned activations(stride * x.size());
  for (size_t m = 0; m < x.size(); m++) {
    table.quantize_row[static_cast<int>(kernels.activation)](x[m].data(), activations.data() + m * stride, k);
  }
  // Ends where the memory ends, so that a sanitizer sees a kernel read past the last row.
  std::vector<uint8_t> stored(shift + weight.size());
  std::memcpy(stored.data() + shift, weight.data(), weight.size());
  const size_t y_stride = static_cast<size_t>(rows) + 3;
  std::vector<float> y(y_stride * x.size(), 123.0f);
  LinearArgs args{};
  args.weight = stored.data() + shift;
  args.weight_stride = row_bytes(type, k);
  args.x = activations.data();
  args.x_stride = stride;
  args.y = y.data();
  args.y_stride = y_stride;
  args.rows = rows;
  args.columns = static_cast<int64_t>(x.size());
  args.k = k;
  kernels.linear(args);
  return y;
}

void compare(int isa, DType type, Sample sample, int64_t rows, int64_t columns, int64_t k, size_t shift, uint64_t seed) {
  Random random(seed);
  const std::vector<uint8_t> weight = weight_sample(type, rows, k, sample, random);
  std::vector<std::vector<float>> x;
  for (int64_t m = 0; m < columns; m++) x.push_back(activation_sample(k, sample, random));
  const std::vector<float> expected = multiply(table_of(0), type, weight, 0, x, rows, k);
  const std::vector<float> got = multiply(table_of(isa), type, weight, shift, x, rows, k);
  const bool same = std::memcmp(expected.data(), got.data(), got.size() * sizeof(float)) == 0;
  size_t at = 0;
  while (!same && std::memcmp(&expected[at], &got[at], sizeof(float)) == 0) at++;
  CHECK(same, "%s sample %d rows %lld columns %lld k %lld shift %zu: element %zu is %g (%08x), scalar says %g (%08x)",
        table_of(isa).linear[static_cast<int>(type)].name, static_cast<int>(sample), static_cast<long long>(rows),
        static_cast<long long>(columns), static_cast<long long>(k), shift, at, static_cast<double>(got[at]),
        float_to_bits(got[at]), static_cast<double>(expected[at]), float_to_bits(expected[at]));
}

/// Whether an instruction set has its own kernel for a type; a pointer that a lower one has too was compared there.
bool has_own(int isa, DType type) {
  const int t = static_cast<int>(type);
  for (int lower = 0; lower < isa; lower++) {
    if (present(lower) && table_of(isa).linear[t].linear == table_of(lower).linear[t].linear) return false;
  }
  return true;
}

/// Of a test's combinations, counted up from 0, those that are run: all, or about one of `part`.
bool wanted(int64_t combination, int64_t part) { return !brief() || combination % part == 0; }

constexpr Sample kSamples[] = {Sample::Plain, Sample::Largest, Sample::Odd};

}  // namespace

// The loops below skip instruction sets that are not present; this one notices when all of them would.
FAK_TEST(linear_isa_of_this_machine_has_its_own_kernels) {
#if defined(FAK_X86)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw");
  CHECK(isa_present(kAvx2) == avx2 && isa_present(kAvx512) == avx512, "avx2 %d, avx512 %d", isa_present(kAvx2), isa_present(kAvx512));
#if defined(__linux__)
  std::ifstream cpuinfo("/proc/cpuinfo");
  const std::string flags((std::istreambuf_iterator<char>(cpuinfo)), std::istreambuf_iterator<char>());
  const bool avxvnni = avx2 && flags.find(" avx_vnni") != std::string::npos;
  CHECK(!avxvnni || isa_present(kAvxVnni), "the processor has AVX-VNNI, and its kernels are missing");
  CHECK(avxvnni || !isa_present(kAvxVnni), "the processor has no AVX-VNNI");
#endif
#elif defined(FAK_ARM64) && defined(__linux__)
  // The identification registers, which Linux lets programs read: fields DP and I8MM.
  uint64_t isar0 = 0, isar1 = 0;
  __asm__("mrs %0, S3_0_C0_C6_0\n\tmrs %1, S3_0_C0_C6_1" : "=r"(isar0), "=r"(isar1));
  const bool dot_products = isar0 >> 44 & 15, matrix_products = dot_products && (isar1 >> 52 & 15);
  CHECK(isa_present(kNeon) == dot_products && isa_present(kI8mm) == matrix_products, "neon %d, i8mm %d", isa_present(kNeon),
        isa_present(kI8mm));
#endif
  int below = kScalar;
  for (int isa = 1; isa < kTables; isa++) {
    if (!present(isa)) continue;
    for (int t = 0; t < kDTypeCount; t++) {
      const LinearKernels& own = table_of(isa).linear[t];
      // Dot products of int8 have nothing for floats.
      const bool int8_only = isa == kI8mm || isa == kAvxVnni || isa == kAvxVnniEvex;
      if (int8_only && own.activation == ActivationFormat::F32) continue;
      CHECK(own.linear != table_of(below).linear[t].linear, "%s is used for %s", own.name, table_of(isa).isa);
    }
    below = isa;
  }
}

FAK_TEST(linear_isa_every_row_and_column_count) {
  for (int isa = 1; isa < kTables; isa++) {
    if (!present(isa)) continue;
    for (int t = 0; t < kDTypeCount; t++) {
      const DType type = static_cast<DType>(t);
      if (!has_own(isa, type)) continue;
      // k is a count of blocks, or for float rows a length with a tail.
      const int64_t k = info(type).block_elements == 1 ? 37 : 3 * info(type).block_elements;
      for (int64_t n = 1; n <= 33; n++) {
        const size_t shift = static_cast<size_t>(n % 7);
        const Sample sample = kSamples[n % 3];
        if (wanted(n + t, 2)) compare(isa, type, sample, n, 1, k, shift, static_cast<uint64_t>(n));
        if (wanted(n + t, 5)) compare(isa, type, sample, n, 34 - n, k, shift, static_cast<uint64_t>(100 + n));
        if (wanted(n + t, 3)) compare(isa, type, sample, 5, n, k, shift, static_cast<uint64_t>(200 + n));
        if (wanted(n + t, 4)) compare(isa, type, sample, 33, n, k, shift, static_cast<uint64_t>(300 + n));
      }
    }
  }
}

FAK_TEST(linear_isa_every_block_count) {
  for (int isa = 1; isa < kTables; isa++) {
    if (!present(isa)) continue;
    for (int t = 0; t < kDTypeCount; t++) {
      const DType type = static_cast<DType>(t);
      if (!has_own(isa, type)) continue;
      const int64_t step = info(type).block_elements == 1 ? 7 : info(type).block_elements;
      for (int64_t blocks = 1; blocks <= 21; blocks++) {
        for (const Sample sample : kSamples) {
          for (const int64_t columns : {1, 3, 13, 26}) {
            if (!wanted(blocks + t + static_cast<int>(sample) + columns, 14)) continue;
            compare(isa, type, sample, 35, columns, blocks * step, static_cast<size_t>(blocks % 3),
                    static_cast<uint64_t>(blocks));
          }
        }
      }
    }
  }
}

FAK_TEST(linear_isa_long_rows) {
  for (int isa = 1; isa < kTables; isa++) {
    if (!present(isa)) continue;
    for (int t = 0; t < kDTypeCount; t++) {
      const DType type = static_cast<DType>(t);
      if (!has_own(isa, type)) continue;
      for (const Sample sample : kSamples) {
        if (!wanted(static_cast<int>(sample), 3)) continue;
        compare(isa, type, sample, brief() ? 10 : 70, 1, 5120, 1, 7);
        compare(isa, type, sample, brief() ? 17 : 49, brief() ? 9 : 29, 2560, 2, 8);
        // More columns than a kernel takes in one turn.
        if (!brief()) compare(isa, type, sample, 17, 513, 512, 0, 9);
      }
    }
  }
}

// A type that is dequantized must give the bits of its expanded rows as F32 weights, whatever the tiles.
FAK_TEST(linear_isa_dequantized_types_equal_f32) {
  for (int isa = 0; isa < kTables; isa++) {
    if (!present(isa)) continue;
    for (int t = 0; t < kDTypeCount; t++) {
      const DType type = static_cast<DType>(t);
      const LinearKernels& kernels = table_of(isa).linear[t];
      if (!is_dequantized(type)) continue;
      const int64_t k = info(type).block_elements == 1 ? 517 : 3 * info(type).block_elements;
      for (const Sample sample : kSamples) {
        for (const int64_t columns : {1, 3, 31, 33, 70}) {
          if (!wanted(t + static_cast<int>(sample) + columns, 3)) continue;
          const int64_t rows = 7;
          Random random(static_cast<uint64_t>(columns));
          const std::vector<uint8_t> weight = weight_sample(type, rows, k, sample, random);
          std::vector<uint8_t> expanded(static_cast<size_t>(rows * k) * sizeof(float));
          std::vector<float> row(static_cast<size_t>(k));
          for (size_t n = 0; n < static_cast<size_t>(rows); n++) {
            kernels.dequantize_row(weight.data() + n * row_bytes(type, k), row.data(), k);
            std::memcpy(expanded.data() + n * row.size() * sizeof(float), row.data(), row.size() * sizeof(float));
          }
          std::vector<std::vector<float>> x;
          for (int64_t m = 0; m < columns; m++) x.push_back(activation_sample(k, sample, random));
          const std::vector<float> expected = multiply(table_of(0), DType::F32, expanded, 0, x, rows, k);
          const std::vector<float> got = multiply(table_of(isa), type, weight, 1, x, rows, k);
          CHECK(std::memcmp(expected.data(), got.data(), got.size() * sizeof(float)) == 0, "%s sample %d columns %lld",
                kernels.name, static_cast<int>(sample), static_cast<long long>(columns));
        }
      }
    }
  }
}

FAK_TEST(linear_isa_quantize_row) {
  const ActivationFormat formats[] = {ActivationFormat::F32, ActivationFormat::Q8x32, ActivationFormat::Q8x256};
  for (int isa = 1; isa < kTables; isa++) {
    if (!present(isa)) continue;
    for (const ActivationFormat format : formats) {
      const int64_t step = format == ActivationFormat::F32 ? 5 : format == ActivationFormat::Q8x32 ? 32 : 256;
      for (int64_t blocks = 1; blocks <= 33; blocks++) {
        for (const Sample sample : kSamples) {
          Random random(static_cast<uint64_t>(blocks));
          const int64_t k = blocks * step;
          const std::vector<float> x = activation_sample(k, sample, random);
          const size_t bytes = activation_row_bytes(format, k);
          Aligned expected(bytes), got(bytes);
          std::memset(expected.data(), 0x55, bytes);
          std::memset(got.data(), 0xaa, bytes);
          table_of(0).quantize_row[static_cast<int>(format)](x.data(), expected.data(), k);
          table_of(isa).quantize_row[static_cast<int>(format)](x.data(), got.data(), k);
          CHECK(std::memcmp(expected.data(), got.data(), bytes) == 0, "%s format %d sample %d k %lld",
                table_of(isa).isa, static_cast<int>(format), static_cast<int>(sample), static_cast<long long>(k));
        }
      }
    }
  }
}
