// The multiply rate of AVX2: one vpmaddubsw for 32 multiply-adds. What must be added and widened after it depends on the type, and can go to
// other ports, so it is left out: this is the rate of the multipliers. And reading, two loads a cache line.
#include <immintrin.h>

#include "../../kernels.h"

namespace fak {
namespace {

constexpr int kProducts = 8;
constexpr int64_t kRounds = 4000;

int64_t multiply(int32_t* sink) {
  const __m256i x = _mm256_set1_epi8(static_cast<char>(*sink | 1));
  __m256i w = _mm256_set1_epi8(static_cast<char>(*sink + 3)), product = x;
  for (int64_t round = 0; round < kRounds; round++) {
    for (int i = 0; i < kProducts; i++) {
      // To the compiler w is new each time and every product is used, so none can be left out.
      __asm__ volatile("" : "+x"(w));
      product = _mm256_maddubs_epi16(w, x);
      __asm__ volatile("" : "+x"(product));
    }
  }
  *sink ^= _mm256_cvtsi256_si32(product);
  return kRounds * kProducts * 32;
}

void read(const uint8_t* const* streams, int count, size_t bytes, int32_t* sink) {
  __m256i low = _mm256_setzero_si256(), high = low;
  for (size_t i = 0; i < bytes; i += 64) {
    for (int s = 0; s < count; s++) {
      const __m256i* const line = reinterpret_cast<const __m256i*>(streams[s] + i);
      low = _mm256_xor_si256(low, _mm256_loadu_si256(line));
      high = _mm256_xor_si256(high, _mm256_loadu_si256(line + 1));
    }
  }
  low = _mm256_xor_si256(low, high);
  *sink ^= _mm256_cvtsi256_si32(_mm256_xor_si256(low, _mm256_srli_si256(low, 4)));
}

}  // namespace

void register_probe_avx2(KernelTable& table) { table.probe = {multiply, read}; }

}  // namespace fak
