// AVX2 linear leaves for F32, F16 and BF16 weights: the sixteen lanes in two registers, in the tiles of linear_float_tiles.h.
#include "linear_avx2.h"
#include "linear_common.h"

#include "../linear_float_tiles.h"

namespace fak {
namespace FAK_ISA {
namespace {

FAK_INLINE __m256 widen_f16(const uint8_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

FAK_INLINE __m256 widen_bf16(const uint8_t* p) {
  const __m256i v = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(v, 16));
}

// Sixteen elements as floats.
struct ReadF32 {
  static constexpr size_t kBytes = 4;
  FAK_INLINE F32x16 whole(const uint8_t* p) { return load(reinterpret_cast<const float*>(p)); }
};

struct ReadF16 {
  static constexpr size_t kBytes = 2;
  FAK_INLINE F32x16 whole(const uint8_t* p) { return {widen_f16(p), widen_f16(p + 16)}; }
};

struct ReadBF16 {
  static constexpr size_t kBytes = 2;
  FAK_INLINE F32x16 whole(const uint8_t* p) { return {widen_bf16(p), widen_bf16(p + 16)}; }
};

}  // namespace

void linear_f32(const LinearArgs& args) { linear_floats<ReadF32>(args); }
void linear_f16(const LinearArgs& args) { linear_floats<ReadF16>(args); }
void linear_bf16(const LinearArgs& args) { linear_floats<ReadBF16>(args); }

}  // namespace FAK_ISA
}  // namespace fak
