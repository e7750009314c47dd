// Speed of the linear kernels: GB/s of weights read at M = 1 and GMAC/s at M = 64, for every type and instruction set,
// beside a plain read stream over the same number of bytes in the same run. One thread unless told otherwise.
//   linear_bench [rows] [k] [type or all] [isa or all] [threads] [columns,...] [MiB of weights, 0 for one matrix]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "isa/cpu.h"

using namespace fak;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Rows that a thread takes at once, as the driver hands them out.
constexpr int64_t kSlice = 128;

/// MiB of weights that the M = 1 runs go through, unless told otherwise; well beyond any last-level cache.
constexpr size_t kStreamMiB = 256;

/// Passes over one matrix in a row when it is to stay in cache.
constexpr size_t kCachedPasses = 64;

template <class Work>
double timed(int threads, const Work& work) {
  const double start = now();
  std::vector<std::thread> team;
  for (int i = 1; i < threads; i++) team.emplace_back([&work, i] { work(i); });
  work(0);
  for (std::thread& t : team) t.join();
  return now() - start;
}

volatile uint64_t sink;

double stream(const std::vector<uint8_t>& bytes, int threads) {
  const size_t share = bytes.size() / static_cast<size_t>(threads) / 64 * 64;
  const double seconds = timed(threads, [&](int i) {
    const uint64_t* p = reinterpret_cast<const uint64_t*>(bytes.data() + share * static_cast<size_t>(i));
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (size_t j = 0; j < share / 8; j += 4) a ^= p[j], b ^= p[j + 1], c ^= p[j + 2], d ^= p[j + 3];
    sink = a ^ b ^ c ^ d;
  });
  return static_cast<double>(share) * threads / seconds / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t rows = argc > 1 ? std::atoll(argv[1]) : 3584;
  const int64_t k = argc > 2 ? std::atoll(argv[2]) : 1024;
  const std::string only_type = argc > 3 ? argv[3] : "all", only_isa = argc > 4 ? argv[4] : "all";
  const int threads = argc > 5 ? std::atoi(argv[5]) : 1;
  std::vector<int64_t> columns;
  for (const char* p = argc > 6 ? argv[6] : "1,64"; *p != 0; p += *p == ',') {
    char* end;
    columns.push_back(std::strtoll(p, &end, 10));
    p = end;
  }
  const size_t mebibytes = argc > 7 ? static_cast<size_t>(std::atoll(argv[7])) : kStreamMiB;
  std::printf("rows %lld, k %lld, threads %d; best of 7 / median\n", static_cast<long long>(rows),
              static_cast<long long>(k), threads);
  for (int t = 0; t < kDTypeCount; t++) {
    const DType type = static_cast<DType>(t);
    if (only_type != "all" && only_type != info(type).name) continue;
    const size_t row = row_bytes(type, k), matrix = row * static_cast<size_t>(rows);
    const size_t copies = std::max<size_t>(1, (mebibytes << 20) / matrix);
    std::vector<uint8_t> weight(matrix * copies);
    // Bytes below 64 in every place keep all scales finite, whatever the layout.
    uint32_t state = 1;
    for (uint8_t& byte : weight) byte = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 26);
    for (int isa = kIsaCount - 1; isa >= 0; isa--) {
      if (!isa_present(isa) || (only_isa != "all" && only_isa != kIsaNames[isa])) continue;
      const LinearKernels& kernels = kernel_table(isa).linear[t];
      if (isa > 0 && kernels.linear == kernel_table(isa - 1).linear[t].linear) continue;
      std::printf("%-32s", kernels.name);
      for (const int64_t m : columns) {
        const size_t stride = activation_row_bytes(kernels.activation, k);
        std::vector<uint8_t> memory(stride * static_cast<size_t>(m) + 64);
        uint8_t* x = memory.data() + (64 - reinterpret_cast<size_t>(memory.data()) % 64) % 64;
        std::vector<float> values(static_cast<size_t>(k)), y(static_cast<size_t>(m * rows));
        for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<float>(i * 37 % 101) - 50.0f;
        for (int64_t c = 0; c < m; c++) {
          kernel_table(isa).quantize_row[static_cast<int>(kernels.activation)](
              values.data(), x + static_cast<size_t>(c) * stride, k);
        }
        const size_t passes = m > 1 || isa == 0 ? 1 : mebibytes > 0 ? copies : kCachedPasses;
        std::vector<double> rates, streams;
        for (int repeat = 0; repeat < 7; repeat++) {
          const double seconds = timed(threads, [&](int thread) {
            for (size_t pass = 0; pass < passes; pass++) {
              const uint8_t* w = weight.data() + matrix * ((pass + static_cast<size_t>(repeat)) % copies);
              for (int64_t n = thread * kSlice; n < rows; n += threads * kSlice) {
                kernels.linear({w + static_cast<size_t>(n) * row, row, x, stride, y.data() + n,
                                static_cast<size_t>(rows), std::min(kSlice, rows - n), m, k});
              }
            }
          });
          rates.push_back((m == 1 ? static_cast<double>(matrix) : static_cast<double>(rows * k * m)) *
                          static_cast<double>(passes) / seconds / 1e9);
          if (m == 1) streams.push_back(stream(weight, threads));
        }
        std::sort(rates.begin(), rates.end());
        std::sort(streams.begin(), streams.end());
        std::printf("  M=%-3lld %6.1f /%6.1f %s", static_cast<long long>(m), rates.back(), rates[3],
                    m == 1 ? "GB/s" : "GMAC/s");
        if (m == 1) std::printf(" (stream %5.1f /%5.1f)", streams.back(), streams[3]);
        std::fflush(stdout);
      }
      std::printf("\n");
    }
  }
  return 0;
}
