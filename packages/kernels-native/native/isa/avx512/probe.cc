// The multiply rate of AVX-512: one vpdpbusd for 64 multiply-adds, operands and sums in registers; and reading, one load a cache line.
#include <immintrin.h>

#include "../../kernels.h"

namespace fak {
namespace {

/// Sums in flight: a latency of 5 cycles on two ports needs 10.
constexpr int kSums = 12;
constexpr int64_t kRounds = 5000;

int64_t multiply(int32_t* sink) {
  const __m512i w = _mm512_set1_epi8(static_cast<char>(*sink | 1)), x = _mm512_set1_epi8(static_cast<char>(*sink + 3));
  __m512i sum[kSums];
  for (int i = 0; i < kSums; i++) sum[i] = _mm512_set1_epi32(i);
  for (int64_t round = 0; round < kRounds; round++)
    for (int i = 0; i < kSums; i++) sum[i] = _mm512_dpbusd_epi32(sum[i], w, x);
  for (int i = 0; i < kSums; i++) *sink ^= _mm_cvtsi128_si32(_mm512_castsi512_si128(sum[i]));
  return kRounds * kSums * 64;
}

void read(const uint8_t* const* streams, int count, size_t bytes, int32_t* sink) {
  __m512i all = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64)
    for (int s = 0; s < count; s++) all = _mm512_xor_si512(all, _mm512_loadu_si512(streams[s] + i));
  *sink ^= _mm512_reduce_add_epi32(all);
}

}  // namespace

void register_probe_avx512(KernelTable& table) { table.probe = {multiply, read}; }

}  // namespace fak
