// The multiply rate of AVX2: vpmaddubsw, vpmaddwd and an addition for 32 multiply-adds, operands and sums in registers.
#include <immintrin.h>

#include "../../kernels.h"

namespace fak {
namespace {

/// Sums in flight: enough to hide the latency of the addition on two ports.
constexpr int kSums = 6;
constexpr int64_t kRounds = 3000;

int64_t multiply(int32_t* sink) {
  __m256i x = _mm256_set1_epi8(static_cast<char>(*sink | 1)), w[kSums], sum[kSums];
  for (int i = 0; i < kSums; i++) {
    w[i] = _mm256_set1_epi8(static_cast<char>(i + 1));
    sum[i] = _mm256_setzero_si256();
  }
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t round = 0; round < kRounds; round++) {
    // To the compiler x is new each time, so no product can be kept from the round before.
    __asm__ volatile("" : "+x"(x));
    for (int i = 0; i < kSums; i++)
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(_mm256_maddubs_epi16(w[i], x), ones));
  }
  for (int i = 0; i < kSums; i++) *sink ^= _mm256_cvtsi256_si32(sum[i]);
  return kRounds * kSums * 32;
}

}  // namespace

void register_probe_avx2(KernelTable& table) { table.probe.multiply = multiply; }

}  // namespace fak
