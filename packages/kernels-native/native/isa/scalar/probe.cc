// The multiply rate without vector intrinsics: the loop of the scalar linear kernels over quants in L1, as wide as the compiler makes it;
// and reading, likewise.
#include <cstring>

#include "../../kernels.h"

namespace fak {
namespace {

constexpr int kQuants = 2048, kPasses = 16;

int64_t multiply(int32_t* sink) {
  int8_t w[kQuants], x[kQuants];
  for (int i = 0; i < kQuants; i++) w[i] = static_cast<int8_t>(*sink + 3 * i), x[i] = static_cast<int8_t>(*sink - 5 * i);
  for (int pass = 0; pass < kPasses; pass++) {
    int32_t sum = 0;
    for (int i = 0; i < kQuants; i++) sum += w[i] * x[i];
    *sink += sum & 0xff;
    x[pass] = static_cast<int8_t>(sum);
  }
  return int64_t{kQuants} * kPasses;
}

void read(const uint8_t* const* streams, int count, size_t bytes, int32_t* sink) {
  constexpr int kWords = 8;
  uint64_t all[kWords] = {};
  for (size_t i = 0; i < bytes; i += 64) {
    for (int s = 0; s < count; s++) {
      uint64_t line[kWords];
      std::memcpy(line, streams[s] + i, sizeof line);
      for (int word = 0; word < kWords; word++) all[word] ^= line[word];
    }
  }
  for (const uint64_t word : all) *sink ^= static_cast<int32_t>(word ^ word >> 32);
}

}  // namespace

void register_probe_scalar(KernelTable& table) { table.probe = {multiply, read}; }

}  // namespace fak
