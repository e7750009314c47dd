// Speed of the linear kernels, for every type and instruction set: weights read in GB/s, multiply-adds in GMAC/s, and how long M columns
// take beside one. Every repeat measures, one after the other, a read of the same bytes in four streams a thread, the machine's multiply rate
// and each M; ratios and shares are taken within a repeat. Rows are handed out as the driver does it.
//   linear_bench [rows] [k] [type or all] [isa or all] [threads] [columns,...] [MiB of weights, 0 for one matrix]
#include <algorithm>
#include <atomic>
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

/// Rows that a thread takes at once with few and with many columns.
constexpr int64_t kFewSlice = 128, kManySlice = 32, kManyColumns = 12;

/// MiB of weights that a measurement goes through, unless told otherwise; well beyond any last-level cache.
constexpr size_t kStreamMiB = 1024;

/// Passes over one matrix in a row when it is to stay in cache.
constexpr size_t kCachedPasses = 64;

/// With many columns a measurement stops after so many multiply-adds.
constexpr double kMostMacs = 2e10;

constexpr int kRepeats = 7, kStreams = 4;
constexpr size_t kPrefetchBytes = 2304;

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

/// Bytes per nanosecond of plain reads.
double stream(const std::vector<uint8_t>& bytes, size_t used, int threads) {
  const size_t share = used / static_cast<size_t>(threads) / kStreams / 64 * 64;
  const double seconds = timed(threads, [&](int thread) {
    const uint8_t* at[kStreams];
    for (int s = 0; s < kStreams; s++) at[s] = bytes.data() + share * static_cast<size_t>(thread * kStreams + s);
    uint64_t sum[8] = {};
    for (size_t i = 0; i < share; i += 64) {
      for (int s = 0; s < kStreams; s++) {
        __builtin_prefetch(at[s] + i + kPrefetchBytes);
        uint64_t line[8];
        std::memcpy(line, at[s] + i, 64);
        for (int j = 0; j < 8; j++) sum[j] ^= line[j];
      }
    }
    sink = sum[0] ^ sum[1] ^ sum[2] ^ sum[3] ^ sum[4] ^ sum[5] ^ sum[6] ^ sum[7];
  });
  return static_cast<double>(share) * kStreams * threads / seconds / 1e9;
}

/// Multiply-adds per nanosecond with operands in registers.
double multiply_rate(const ProbeKernels& probe, int threads) {
  std::vector<int64_t> done(static_cast<size_t>(threads) * 8);
  const double seconds = timed(threads, [&](int thread) {
    int32_t result = thread;
    const double start = now();
    while (now() - start < 0.02) done[static_cast<size_t>(thread) * 8] += probe.multiply(&result);
    sink = static_cast<uint64_t>(result);
  });
  int64_t all = 0;
  for (const int64_t d : done) all += d;
  return static_cast<double>(all) / seconds / 1e9;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}
double best(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }

/// Activation rows of one count of columns, and where their results go.
struct Columns {
  int64_t count;
  size_t stride;
  std::vector<uint8_t> memory;
  std::vector<float> y;
  std::vector<double> seconds;
  size_t passes;
  const uint8_t* x() const { return memory.data() + (64 - reinterpret_cast<size_t>(memory.data()) % 64) % 64; }
};

Columns make_columns(const KernelTable& table, const LinearKernels& kernels, int64_t count, int64_t rows, int64_t k) {
  Columns c{count, activation_row_bytes(kernels.activation, k), {}, {}, {}, 0};
  c.memory.resize(c.stride * static_cast<size_t>(count) + 64);
  c.y.resize(static_cast<size_t>(count * rows));
  std::vector<float> values(static_cast<size_t>(k));
  for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<float>(i * 37 % 101) - 50.0f;
  for (int64_t m = 0; m < count; m++) {
    uint8_t* const row = c.memory.data() + (c.x() - c.memory.data()) + static_cast<size_t>(m) * c.stride;
    table.quantize_row[static_cast<int>(kernels.activation)](values.data(), row, k);
  }
  return c;
}

/// Multiplies `c.passes` matrices, from copy `first` on; seconds for one.
double run(const LinearKernels& kernels, const std::vector<uint8_t>& weight, size_t row, size_t copies, size_t first, Columns& c,
           int64_t rows, int64_t k, int threads) {
  const int64_t slice = c.count >= kManyColumns ? kManySlice : kFewSlice;
  std::vector<std::atomic<int64_t>> next(c.passes);
  const double seconds = timed(threads, [&](int) {
    for (size_t pass = 0; pass < c.passes; pass++) {
      const uint8_t* const w = weight.data() + row * static_cast<size_t>(rows) * ((first + pass) % copies);
      for (int64_t n; (n = next[pass].fetch_add(slice)) < rows;) {
        kernels.linear({w + static_cast<size_t>(n) * row, row, c.x(), c.stride, c.y.data() + n, static_cast<size_t>(rows),
                        std::min(slice, rows - n), c.count, k});
      }
    }
  });
  return seconds / static_cast<double>(c.passes);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t rows = argc > 1 ? std::atoll(argv[1]) : 3584;
  const int64_t k = argc > 2 ? std::atoll(argv[2]) : 1024;
  const std::string only_type = argc > 3 ? argv[3] : "all", only_isa = argc > 4 ? argv[4] : "all";
  const int threads = argc > 5 ? std::atoi(argv[5]) : 1;
  std::vector<int64_t> counts;
  for (const char* p = argc > 6 ? argv[6] : "1,64"; *p != 0; p += *p == ',') {
    char* end;
    counts.push_back(std::strtoll(p, &end, 10));
    p = end;
  }
  const size_t mebibytes = argc > 7 ? static_cast<size_t>(std::atoll(argv[7])) : kStreamMiB;
  std::printf("rows %lld, k %lld, threads %d; best / median of %d; time beside the first M, median\n", static_cast<long long>(rows),
              static_cast<long long>(k), threads, kRepeats);
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
      const KernelTable& table = kernel_table(isa);
      const LinearKernels& kernels = table.linear[t];
      if (isa > 0 && kernels.linear == kernel_table(isa - 1).linear[t].linear) continue;
      std::vector<Columns> all;
      for (const int64_t m : counts) {
        all.push_back(make_columns(table, kernels, m, rows, k));
        const double macs = static_cast<double>(rows * k * m);
        const size_t wanted = isa == 0 ? 1 : mebibytes > 0 ? copies : kCachedPasses;
        all.back().passes = std::min(wanted, static_cast<size_t>(std::max(1.0, kMostMacs / macs)));
      }
      std::vector<double> streams, rates;
      for (int repeat = 0; repeat < kRepeats; repeat++) {
        streams.push_back(stream(weight, weight.size(), threads));
        rates.push_back(multiply_rate(table.probe, threads));
        for (Columns& c : all) {
          const size_t first = static_cast<size_t>(repeat) * c.passes % copies;
          c.seconds.push_back(run(kernels, weight, row, copies, first, c, rows, k, threads));
        }
      }
      std::printf("%-24s stream %.1f / %.1f GB/s, multiply %.0f / %.0f GMAC/s\n", kernels.name, best(streams), median(streams),
                  best(rates), median(rates));
      for (const Columns& c : all) {
        std::vector<double> read, macs, read_share, mac_share, ratio;
        for (size_t i = 0; i < c.seconds.size(); i++) {
          read.push_back(static_cast<double>(matrix) / c.seconds[i] / 1e9);
          macs.push_back(static_cast<double>(rows * k * c.count) / c.seconds[i] / 1e9);
          read_share.push_back(read.back() / streams[i]);
          mac_share.push_back(macs.back() / rates[i]);
          ratio.push_back(c.seconds[i] / all[0].seconds[i]);
        }
        std::printf("  M=%-4lld %6.1f / %5.1f GB/s (%3.0f %% of stream)  %6.1f / %5.1f GMAC/s (%3.0f %% of rate)  time x %.2f\n",
                    static_cast<long long>(c.count), best(read), median(read), 100 * median(read_share), best(macs), median(macs),
                    100 * median(mac_share), median(ratio));
      }
      std::fflush(stdout);
    }
  }
  return 0;
}
