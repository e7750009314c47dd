// AVX2 linear leaves for F32, F16 and BF16 weights: the sixteen lanes of isa/scalar/linear_float.cc in two registers. A tile
// of 2 rows x 3 columns (4 rows for one column) keeps enough accumulators in flight to hide the latency of FMA.
// Few columns are bound by memory reads, many by the FMA units and the two load ports.
#include "linear_avx2.h"
#include "linear_common.h"

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

/// The first n (1 to 15) of sixteen elements, and zeros; memory beyond them is not touched.
template <class Read>
FAK_INLINE F32x16 first(const uint8_t* p, int64_t n) {
  uint8_t padded[16 * Read::kBytes] = {};
  memcpy(padded, p, static_cast<size_t>(n) * Read::kBytes);
  return Read::whole(padded);
}

template <class Read, int R, int C>
FAK_INLINE void tile(const LinearArgs& a, const uint8_t* const rows[R], int64_t column, float out[C][R]) {
  F32x16 acc[C][R];
  for (int c = 0; c < C; c++) {
    for (int r = 0; r < R; r++) acc[c][r] = zero();
  }
  const uint8_t* x = a.x + static_cast<size_t>(column) * a.x_stride;
  int64_t i = 0;
  for (; i + 16 <= a.k; i += 16) {
    F32x16 w[R];
    for (int r = 0; r < R; r++) {
      const uint8_t* at = rows[r] + static_cast<size_t>(i) * Read::kBytes;
      if (C == 1) prefetch_ahead<16 * Read::kBytes>(at);
      w[r] = Read::whole(at);
    }
    for (int c = 0; c < C; c++) {
      const uint8_t* at = x + static_cast<size_t>(c) * a.x_stride + static_cast<size_t>(i) * sizeof(float);
      const F32x16 v = load(reinterpret_cast<const float*>(at));
      for (int r = 0; r < R; r++) acc[c][r] = fma(w[r], v, acc[c][r]);
    }
  }
  if (i < a.k) {
    for (int c = 0; c < C; c++) {
      const uint8_t* at = x + static_cast<size_t>(c) * a.x_stride + static_cast<size_t>(i) * sizeof(float);
      const F32x16 v = load_first(reinterpret_cast<const float*>(at), a.k - i);
      for (int r = 0; r < R; r++) {
        acc[c][r] = fma(first<Read>(rows[r] + static_cast<size_t>(i) * Read::kBytes, a.k - i), v, acc[c][r]);
      }
    }
  }
  for (int c = 0; c < C; c++) {
    for (int r = 0; r < R; r++) out[c][r] = reduce_add(acc[c][r]);
  }
}

template <class Read>
FAK_INLINE void one_column(const LinearArgs& a, const RowGroup& g) {
  float out[1][4];
  tile<Read, 4, 1>(a, g.w, 0, out);
  store_group(a, g, 0, _mm_loadu_ps(out[0]));
}

template <class Read, int C>
FAK_INLINE void columns(const LinearArgs& a, const RowGroup& g, int64_t m) {
  float low[C][2], high[C][2];
  tile<Read, 2, C>(a, g.w, m, low);
  tile<Read, 2, C>(a, g.w + 2, m, high);
  for (int c = 0; c < C; c++) store_group(a, g, m + c, _mm_setr_ps(low[c][0], low[c][1], high[c][0], high[c][1]));
}

template <class Read>
void linear(const LinearArgs& a) {
  const int64_t groups = row_groups(a.rows);
  for (int64_t i = 0; i < groups; i++) {
    const RowGroup g = row_group(a, i);
    if (a.columns == 1) {
      one_column<Read>(a, g);
      continue;
    }
    for (int64_t m = 0; m < a.columns; m += 3) {
      switch (a.columns - m) {
        case 1: columns<Read, 1>(a, g, m); break;
        case 2: columns<Read, 2>(a, g, m); break;
        default: columns<Read, 3>(a, g, m); break;
      }
    }
  }
}

}  // namespace

void linear_f32(const LinearArgs& args) { linear<ReadF32>(args); }
void linear_f16(const LinearArgs& args) { linear<ReadF16>(args); }
void linear_bf16(const LinearArgs& args) { linear<ReadBF16>(args); }

}  // namespace FAK_ISA
}  // namespace fak
