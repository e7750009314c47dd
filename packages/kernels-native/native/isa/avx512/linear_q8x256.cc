// AVX-512 VNNI linear leaves for the types with super-blocks of 256: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS.
// Everything up to the float step is exact in int32, in any order: vpdpbusd makes partial dots, which are multiplied by
// their group's scale as they are (vpdpwssd on pairs (partial, its sign) x (scale, 0), where the partial fits int16).
//   one column, or too few for a panel: linear_streams_q8x256.h.
//   panels:       sixteen rows of one super-block are unpacked to L1 (linear_panel_q8x256.h) while the one before is multiplied by up to
//                 seven columns. Per super-block, column and sixteen rows: 64 vpdpbusd, one vpackssdw and one vpdpwssd a group, sums and
//                 float steps. With many columns bound by the multiplier: on Zen 4 (one zmm multiply a clock, shuffles and logic beside
//                 it) 80 multiplies for Q4_K, 88 for Q5_K, 82 for Q6_K; on Ice Lake (two ports for everything) 90, 106 and 102
//                 operations. With 3 to 8 columns unpacking weighs as much: about 24 operations a row for Q4_K, 30 for Q6_K.
#include "linear_avx512.h"
#include "linear_panel_q8x256.h"
#include "linear_streams_q8x256.h"

namespace fak {
namespace avx512 {
namespace {

/// More columns would spill: seven take 14 partial dots, 7 totals, 2 weights, an activation and a scale.
constexpr int kMostColumns = 7;

/// How many of the remaining columns to take with at most `most` at once: shares as equal as may be.
FAK_INLINE int64_t share(int64_t remaining, int64_t most) {
  const int64_t parts = (remaining + most - 1) / most;
  return (remaining + parts - 1) / parts;
}

/// What a tile needs of one super-block of its columns besides the quants.
template <int C>
struct alignas(64) Sides {
  int32_t start[C][4][16];  ///< at 16 bytes a group of 16 elements (32 a group of 32): -2^kOffsetShift times the sums of both partial dots
  int32_t sums[C][8];       ///< sums of the groups of the minimums, two words each
  float scale[C];
};

template <class T, int C>
FAK_INLINE void load_sides(const RowQ8x256& x, size_t x_stride, int64_t b, Sides<C>& sides) {
  for (int c = 0; c < C; c++) {
    const size_t row = static_cast<size_t>(c) * x_stride;
    memcpy(&sides.scale[c], reinterpret_cast<const uint8_t*>(x.scales + b) + row, sizeof(float));
    if (T::kMinimum) {
      const __m256i sums = _mm256_load_si256(reinterpret_cast<const __m256i*>(reinterpret_cast<const uint8_t*>(x.sums + 16 * b) + row));
      if (T::kMinGroup == 32) {
        const __m256i pairs = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
        _mm_store_si128(reinterpret_cast<__m128i*>(sides.sums[c]), _mm256_cvtepi32_epi16(pairs));
      } else {
        _mm256_store_si256(reinterpret_cast<__m256i*>(sides.sums[c]), sums);
      }
    }
    if (T::kStart) {
      const __m512i offset = _mm512_set1_epi8(static_cast<char>(1 << (T::kOffsetShift & 7)));
      for (int j = 0; j < 4; j++) {
        const __m512i v = _mm512_load_si512(reinterpret_cast<const uint8_t*>(x.quants) + row + 256 * b + 64 * j);
        __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), offset, v);
        sum = _mm512_add_epi32(sum, _mm512_shuffle_epi32(sum, _MM_PERM_BADC));
        if (T::kGroup == 32) sum = _mm512_add_epi32(sum, _mm512_shuffle_i64x2(sum, sum, 0xb1));
        _mm512_store_si512(sides.start[c][j], _mm512_sub_epi32(_mm512_setzero_si512(), sum));
      }
    }
  }
}

FAK_INLINE __m512i broadcast_qword(const void* p) {
  int64_t v;
  memcpy(&v, p, sizeof v);
  return _mm512_set1_epi64(v);
}

/// One group of a panel block times C columns, added to the totals.
template <class T, int C>
FAK_INLINE void multiply_group(const PanelBlock& panel, const uint8_t* xq, size_t x_stride, const Sides<C>& sides, int g,
                               __m512i total[C]) {
  constexpr int kSteps = T::kGroup / 8;
  __m512i dot[C][2];
  for (int c = 0; c < C; c++) {
    dot[c][0] = T::kStart ? broadcast_qword(reinterpret_cast<const uint8_t*>(sides.start[c]) + T::kGroup * g) : _mm512_setzero_si512();
    dot[c][1] = dot[c][0];
  }
#pragma GCC unroll 4
  for (int i = 0; i < kSteps; i++) {
    const __m512i w0 = _mm512_load_si512(panel.quants[kSteps * g + i][0]), w1 = _mm512_load_si512(panel.quants[kSteps * g + i][1]);
    for (int c = 0; c < C; c++) {
      const __m512i v = broadcast_qword(xq + c * x_stride + T::kGroup * g + 8 * i);
      dot[c][0] = _mm512_dpbusd_epi32(dot[c][0], w0, v);
      dot[c][1] = _mm512_dpbusd_epi32(dot[c][1], w1, v);
    }
  }
  const __m512i scale = _mm512_load_si512(panel.scale[g]);
  for (int c = 0; c < C; c++) {
    if (T::kFits) {
      total[c] = _mm512_dpwssd_epi32(total[c], _mm512_packs_epi32(dot[c][0], dot[c][1]), scale);
    } else {
      const __m512 a = _mm512_castsi512_ps(dot[c][0]), b = _mm512_castsi512_ps(dot[c][1]);
      const __m512i sum = _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88)),
                                           _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xdd)));
      total[c] = _mm512_add_epi32(total[c], _mm512_mullo_epi32(sum, scale));
    }
  }
}

/// Brings in a line that is about to be written. Results of neighbouring columns lie far apart; waiting for each line costs a sixth of a short row.
FAK_INLINE void prefetch_for_write(const void* p) { __asm__ volatile("prefetchw %0" : : "m"(*static_cast<const char*>(p))); }

/// Sums of a tile on their way from super-block to super-block, and where the last one writes them.
struct TileSums {
  float* sum;  ///< of column c: sum + kPanelRows * c
  float* y;
  size_t y_stride;
  __mmask16 rows;
  int64_t quarter;  ///< floats from the results of four rows to those of the next four
  bool first, last;
};

FAK_INLINE void store_results(const TileSums& to, int c, __m512 acc) {
  float* const y = to.y + static_cast<size_t>(c) * to.y_stride;
  if (to.quarter == 4) return _mm512_mask_storeu_ps(y, to.rows, acc);
  _mm_storeu_ps(y, _mm512_castps512_ps128(acc));
  _mm_storeu_ps(y + to.quarter, _mm512_extractf32x4_ps(acc, 1));
  _mm_storeu_ps(y + 2 * to.quarter, _mm512_extractf32x4_ps(acc, 2));
  _mm_storeu_ps(y + 3 * to.quarter, _mm512_extractf32x4_ps(acc, 3));
}

/// A panel block times C columns, added to the sums; `beside(i)` is other work to do along with the i-th eighth of it. Not inlined: among
/// more registers the compiler spills those of the inner loop.
template <class T, int C, class Beside>
__attribute__((noinline)) void tile_block(const PanelBlock& panel, const uint8_t* xq, size_t x_stride, const Sides<C>& sides,
                                          const TileSums& to, Beside& beside) {
  if (to.last) {
    for (int c = 0; c < C; c++) prefetch_for_write(to.y + static_cast<size_t>(c) * to.y_stride);
  }
  __m512i total[C];
  for (int c = 0; c < C; c++) total[c] = _mm512_setzero_si512();
  constexpr int kGroups = 32 / T::kGroup;
#pragma GCC unroll 1
  for (int i = 0; i < 8; i++) {
    beside(i);
    for (int g = 0; g < kGroups; g++) multiply_group<T, C>(panel, xq, x_stride, sides, kGroups * i + g, total);
  }
  for (int c = 0; c < C; c++) {
    const __m512 dx = _mm512_set1_ps(sides.scale[c]);
    __m512 acc = to.first ? _mm512_setzero_ps() : _mm512_load_ps(to.sum + kPanelRows * c);
    acc = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_load_ps(panel.d), dx), _mm512_cvtepi32_ps(total[c]), acc);
    if (T::kMinimum) {
      __m512i mins = _mm512_setzero_si512();
      for (int p = 0; p < 128 / T::kMinGroup; p++) {
        mins = _mm512_dpwssd_epi32(mins, _mm512_load_si512(panel.min_pair[p]), _mm512_set1_epi32(sides.sums[c][p]));
      }
      acc = _mm512_fnmadd_ps(_mm512_mul_ps(_mm512_load_ps(panel.dmin), dx), _mm512_cvtepi32_ps(mins), acc);
    }
    if (to.last) {
      store_results(to, c, canonical(acc));
    } else {
      _mm512_store_ps(to.sum + kPanelRows * c, acc);
    }
  }
}

template <class T, int C, class Beside>
FAK_INLINE void tile_columns(const PanelBlock& panel, const RowQ8x256& x, size_t x_stride, int64_t b, const TileSums& to, Beside& beside) {
  Sides<C> sides;
  load_sides<T, C>(x, x_stride, b, sides);
  tile_block<T, C>(panel, reinterpret_cast<const uint8_t*>(x.quants) + 256 * b, x_stride, sides, to, beside);
}

template <class T, class Beside>
FAK_INLINE void tile(int64_t count, const PanelBlock& panel, const RowQ8x256& x, size_t x_stride, int64_t b, const TileSums& to,
                     Beside& beside) {
  static_assert(kMostColumns == 7, "cases below");
  switch (count) {
    case 3: return tile_columns<T, 3>(panel, x, x_stride, b, to, beside);
    case 4: return tile_columns<T, 4>(panel, x, x_stride, b, to, beside);
    case 5: return tile_columns<T, 5>(panel, x, x_stride, b, to, beside);
    case 6: return tile_columns<T, 6>(panel, x, x_stride, b, to, beside);
    default: return tile_columns<T, 7>(panel, x, x_stride, b, to, beside);
  }
}

/// Sixteen rows, four from each quarter, from row n of the first on; rows beyond the slice repeat its last one, and their results are
/// masked out.
template <class Block>
FAK_INLINE void set_rows(const LinearArgs& a, int64_t n, int64_t quarter, const Block* w[kPanelRows]) {
  for (int r = 0; r < kPanelRows; r++) {
    const int64_t at = n + r / 4 * quarter + r % 4, row = at < a.rows ? at : a.rows - 1;
    w[r] = reinterpret_cast<const Block*>(a.weight + static_cast<size_t>(row) * a.weight_stride);
  }
}

template <class T>
FAK_INLINE void fill(PanelBlock& panel, const typename T::Block* const w[kPanelRows]) {
  T::scales(w, panel);
  for (int i = 0; i < 8; i++) T::piece(w, i, panel);
}

template <_mm_hint hint>
FAK_INLINE void prefetch(const void* p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) _mm_prefetch(static_cast<const char*>(p) + i, hint);
}

/// Unpacks the next panel block, and prefetches: later rows as four streams to the second-level cache, the super-block to unpack next to the
/// first.
template <class T>
struct FillBeside {
  const typename T::Block* w[kPanelRows];
  PanelBlock* panel;
  ptrdiff_t next;  ///< bytes from a super-block to the one of its row, or of the row in its place, that is unpacked after it
  const uint8_t* ahead[4];

  __attribute__((always_inline)) void operator()(int i) {
    constexpr size_t kBytes = sizeof(typename T::Block);
    prefetch<_MM_HINT_T1>(ahead[i & 3], 2 * kBytes);
    ahead[i & 3] += 2 * kBytes;
    prefetch<_MM_HINT_T0>(reinterpret_cast<const uint8_t*>(w[2 * i]) + next, kBytes);
    prefetch<_MM_HINT_T0>(reinterpret_cast<const uint8_t*>(w[2 * i + 1]) + next, kBytes);
    T::piece(w, i, *panel);
    if (i == 7) T::scales(w, *panel);
  }
};

/// Prefetches the next tile's part of the activations.
struct PrefetchBeside {
  const uint8_t* quants;
  const uint8_t* sums;
  size_t x_stride;
  __attribute__((always_inline)) void operator()(int) {
    prefetch<_MM_HINT_T0>(quants, 256);
    prefetch<_MM_HINT_T0>(sums, 32);
    quants += x_stride;
    sums += x_stride;
  }
};

/// Up to so many columns, for which slices are long (ops/linear_cost.h), the rows of a panel come from four places of the slice; measured
/// a fifth faster with rows of 4 super-blocks, a twentieth slower with 10 and more.
constexpr int64_t kMostFarColumns = 11, kMostFarBlocks = 4;

/// Columns whose sums are kept between super-blocks: 32 KiB. More are done in turns.
constexpr int64_t kTurnColumns = 512;

/// Sixteen rows at a time, one super-block after the other: the next one is unpacked while the first tile of columns is multiplied.
template <class T>
void multiply(const LinearArgs& a, int64_t first, int64_t columns) {
  using Block = typename T::Block;
  const int64_t blocks = a.k / 256;
  PanelBlock panel[2];
  alignas(64) float sum[kTurnColumns * kPanelRows];
  FillBeside<T> fill_beside;
  PrefetchBeside prefetch_beside;
  prefetch_beside.x_stride = a.x_stride;
  // With few columns and short rows memory decides: four rows from each quarter of the slice, so that a thread reads four long streams.
  const bool far = a.columns <= kMostFarColumns && blocks <= kMostFarBlocks && a.rows % kPanelRows == 0;
  const int64_t step = far ? 4 : kPanelRows, quarter = far ? a.rows / 4 : 4, end = far ? quarter : a.rows;
  const ptrdiff_t to_next_rows = step * static_cast<ptrdiff_t>(a.weight_stride) - (blocks - 1) * static_cast<ptrdiff_t>(sizeof(Block));
  set_rows(a, 0, quarter, fill_beside.w);
  // Nothing has asked for the first rows yet. Where memory decides, less is asked for at once, and rows one and a half panels on instead of
  // one: the first super-block of the next rows, the last of them too, is unpacked before this panel is done.
  const size_t lead = far ? 2 * a.weight_stride : 0;
  const int64_t at_once = far && blocks > 2 ? 2 : blocks;
  for (int64_t b = 0; b < at_once; b++)
    for (int r = 0; r < kPanelRows; r++) prefetch<_MM_HINT_T0>(fill_beside.w[r] + b, sizeof(Block));
  for (int i = 0; i < 4; i++) prefetch<_MM_HINT_T1>(a.weight + static_cast<size_t>(step + i * quarter) * a.weight_stride, lead);
  fill<T>(panel[0], fill_beside.w);
  int current = 0;
  for (int64_t n = 0; n < end; n += step) {
    for (int i = 0; i < 4; i++) fill_beside.ahead[i] = a.weight + static_cast<size_t>(n + step + i * quarter) * a.weight_stride + lead;
    TileSums to;
    to.y_stride = a.y_stride;
    to.quarter = quarter;
    to.rows = lanes_below(a.rows - n < kPanelRows ? a.rows - n : kPanelRows);
    for (int64_t b = 0; b < blocks; b++) {
      if (b + 1 < blocks) {
        for (int r = 0; r < kPanelRows; r++) fill_beside.w[r]++;
      } else {
        set_rows(a, n + step, quarter, fill_beside.w);
      }
      fill_beside.next = b + 2 == blocks || blocks == 1 ? to_next_rows : sizeof(Block);
      const PanelBlock& now = panel[current];
      fill_beside.panel = &panel[current ^= 1];
      to.first = b == 0;
      to.last = b + 1 == blocks;
      for (int64_t m = 0, count; m < columns; m += count) {
        count = share(columns - m, kMostColumns);
        const RowQ8x256 x = row_q8x256(a.x + static_cast<size_t>(first + m) * a.x_stride, a.k);
        to.sum = sum + m * kPanelRows;
        to.y = a.y + static_cast<size_t>(first + m) * a.y_stride + n;
        if (m == 0) {
          tile<T>(count, now, x, a.x_stride, b, to, fill_beside);
          continue;
        }
        const bool more = m + count < columns;
        const RowQ8x256 next = row_q8x256(a.x + static_cast<size_t>(more ? first + m + count : first) * a.x_stride, a.k);
        const int64_t next_b = more ? b : to.last ? 0 : b + 1;
        prefetch_beside.quants = reinterpret_cast<const uint8_t*>(next.quants + 256 * next_b);
        prefetch_beside.sums = reinterpret_cast<const uint8_t*>(next.sums + 16 * next_b);
        tile<T>(count, now, x, a.x_stride, b, to, prefetch_beside);
      }
    }
  }
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  using Row = RowQ8x256;
  static constexpr int kBlock = 256, kStep = 4;
  static constexpr bool kHalfStep = true;
  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x256(x, k); }
  FAK_INLINE void store(const LinearArgs& a, const RowGroup& g, int64_t column, __m128 acc) {
    store_group(a, g, column, acc);
  }
  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, __m128 acc[C]) {
    gemv_step<T, C, 4>(w, x, x_stride, b, acc);
  }
  template <int C>
  FAK_INLINE void half_step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, __m128 acc[C]) {
    gemv_step<T, C, 2>(w, x, x_stride, b, acc);
  }
};

template <class T>
void linear(const LinearArgs& a) {
  static_assert(T::kPanelColumns == 3 || T::kPanelColumns == 5, "cases below");
  if (a.columns < T::kPanelColumns) {
    if (a.columns == 1) return gemv<Leaf<T>, 1>(a, 0);
    if (a.columns == 2) return gemv<Leaf<T>, 2>(a, 0);
    if constexpr (T::kPanelColumns == 5) {
      if (a.columns == 3) return gemv<Leaf<T>, 3>(a, 0);
      if (a.columns == 4) return gemv<Leaf<T>, 4>(a, 0);
    }
    return;
  }
  for (int64_t m = 0, count; m < a.columns; m += count) {
    count = share(a.columns - m, kTurnColumns);
    multiply<T>(a, m, count);
  }
}

}  // namespace

void linear_q2_K(const LinearArgs& args) { linear<Q2_KPanel>(args); }
void linear_q3_K(const LinearArgs& args) { linear<Q3_KPanel>(args); }
void linear_q4_K(const LinearArgs& args) { linear<Q4_KPanel>(args); }
void linear_q5_K(const LinearArgs& args) { linear<Q5_KPanel>(args); }
void linear_q6_K(const LinearArgs& args) { linear<Q6_KPanel>(args); }
void linear_iq4_xs(const LinearArgs& args) { linear<IQ4_XSPanel>(args); }

}  // namespace avx512
}  // namespace fak
