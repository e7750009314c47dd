// The multiply rate of matrix products of int8: SMMLA, 32 multiply-adds each, operands and sums in registers.
#include <arm_neon.h>

#include "../../kernels.h"

namespace fak {
namespace {

/// Sums in flight: four pipes times a latency of up to four cycles.
constexpr int kSums = 16;
constexpr int64_t kRounds = 2000;

int64_t multiply(int32_t* sink) {
  int8x16_t x = vdupq_n_s8(static_cast<int8_t>(*sink | 1));
  const int8x16_t w = vdupq_n_s8(static_cast<int8_t>(*sink | 3));
  int32x4_t sum[kSums];
  for (int i = 0; i < kSums; i++) sum[i] = vdupq_n_s32(i);
  for (int64_t round = 0; round < kRounds; round++) {
    // To the compiler x is new each time, so no product can be kept from the round before.
    __asm__ volatile("" : "+w"(x));
    for (int i = 0; i < kSums; i++) sum[i] = vmmlaq_s32(sum[i], w, x);
  }
  for (int i = 0; i < kSums; i++) *sink ^= vgetq_lane_s32(sum[i], 0);
  return kRounds * kSums * 32;
}

}  // namespace

void register_probe_i8mm(KernelTable& table) { table.probe.multiply = multiply; }

}  // namespace fak
