// AVX-512 linear leaves for F32, F16 and BF16 weights: sixteen lanes, one register per output element, in the order of
// isa/scalar/linear_float.cc. A tile of 4 rows x 6 columns keeps enough accumulators in flight to hide the latency of FMA.
// Few columns are bound by memory reads, many by the FMA units (one load or conversion for 2.4 FMAs). Where x is larger than L2, a block
// of rows stays there while all columns go over it; with the rows outside, all of x would come from beyond for every four rows.
#include "linear_avx512.h"
#include "linear_common.h"

namespace fak {
namespace avx512 {
namespace {

// The first n elements (1 to 16) as floats, the others zero; `whole` when n is 16.
struct ReadF32 {
  static constexpr size_t kBytes = 4;
  FAK_INLINE __m512 whole(const uint8_t* p) { return _mm512_loadu_ps(p); }
  FAK_INLINE __m512 first(const uint8_t* p, int64_t n) { return _mm512_maskz_loadu_ps(lanes_below(n), p); }
};

struct ReadF16 {
  static constexpr size_t kBytes = 2;
  FAK_INLINE __m512 whole(const uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  FAK_INLINE __m512 first(const uint8_t* p, int64_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes_below(n), p));
  }
};

struct ReadBF16 {
  static constexpr size_t kBytes = 2;
  FAK_INLINE __m512 widen(__m256i v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16)); }
  FAK_INLINE __m512 whole(const uint8_t* p) { return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  FAK_INLINE __m512 first(const uint8_t* p, int64_t n) { return widen(_mm256_maskz_loadu_epi16(lanes_below(n), p)); }
};

template <class Read, int C>
FAK_INLINE void tile(const LinearArgs& a, const RowGroup& g, int64_t column) {
  __m512 acc[C][4];
  for (int c = 0; c < C; c++) {
    for (int r = 0; r < 4; r++) acc[c][r] = _mm512_setzero_ps();
  }
  const uint8_t* x = a.x + static_cast<size_t>(column) * a.x_stride;
  int64_t i = 0;
  for (; i + 16 <= a.k; i += 16) {
    __m512 w[4];
    for (int r = 0; r < 4; r++) w[r] = Read::whole(g.w[r] + static_cast<size_t>(i) * Read::kBytes);
    if (C == 1 && (i & static_cast<int64_t>(64 / Read::kBytes - 1)) == 0) {
      for (int r = 0; r < 4; r++) prefetch_ahead<64>(g.w[r] + static_cast<size_t>(i) * Read::kBytes);
    }
    for (int c = 0; c < C; c++) {
      const __m512 v = _mm512_loadu_ps(x + static_cast<size_t>(c) * a.x_stride + static_cast<size_t>(i) * 4);
      for (int r = 0; r < 4; r++) acc[c][r] = _mm512_fmadd_ps(w[r], v, acc[c][r]);
    }
  }
  if (i < a.k) {
    __m512 w[4];
    for (int r = 0; r < 4; r++) w[r] = Read::first(g.w[r] + static_cast<size_t>(i) * Read::kBytes, a.k - i);
    for (int c = 0; c < C; c++) {
      const __m512 v = _mm512_maskz_loadu_ps(lanes_below(a.k - i),
                                             x + static_cast<size_t>(c) * a.x_stride + static_cast<size_t>(i) * 4);
      for (int r = 0; r < 4; r++) acc[c][r] = _mm512_fmadd_ps(w[r], v, acc[c][r]);
    }
  }
  for (int c = 0; c < C; c++) {
    alignas(16) float sums[4];
    reduce_add4({acc[c][0]}, {acc[c][1]}, {acc[c][2]}, {acc[c][3]}, sums);
    store_group(a, g, column + c, _mm_load_ps(sums));
  }
}

/// Bytes of weights or activations that stay in L2 beside what streams past them.
constexpr size_t kBlockBytes = 256 << 10;

template <class Read>
FAK_INLINE void columns(const LinearArgs& a, const RowGroup& g, int64_t m) {
  switch (a.columns - m) {
    case 1: tile<Read, 1>(a, g, m); break;
    case 2: tile<Read, 2>(a, g, m); break;
    case 3: tile<Read, 3>(a, g, m); break;
    case 4: tile<Read, 4>(a, g, m); break;
    case 5: tile<Read, 5>(a, g, m); break;
    default: tile<Read, 6>(a, g, m); break;
  }
}

template <class Read>
void linear(const LinearArgs& a) {
  if (static_cast<size_t>(a.columns) * a.x_stride <= kBlockBytes) {
    const int64_t groups = row_groups(a.rows);
    for (int64_t i = 0; i < groups; i++) {
      const RowGroup g = row_group(a, i);
      for (int64_t m = 0; m < a.columns; m += 6) columns<Read>(a, g, m);
    }
    return;
  }
  const int64_t fit = static_cast<int64_t>(kBlockBytes / a.weight_stride) / 4 * 4, most = fit < 4 ? 4 : fit;
  for (int64_t n = 0; n < a.rows; n += most) {
    LinearArgs block = a;
    block.weight += static_cast<size_t>(n) * a.weight_stride;
    block.y += n;
    block.rows = a.rows - n < most ? a.rows - n : most;
    const int64_t groups = row_groups(block.rows);
    for (int64_t m = 0; m < a.columns; m += 6) {
      for (int64_t i = 0; i < groups; i++) columns<Read>(block, row_group(block, i), m);
    }
  }
}

}  // namespace

void linear_f32(const LinearArgs& args) { linear<ReadF32>(args); }
void linear_f16(const LinearArgs& args) { linear<ReadF16>(args); }
void linear_bf16(const LinearArgs& args) { linear<ReadBF16>(args); }

}  // namespace avx512
}  // namespace fak
