// AVX-512 VNNI linear leaves for the types with super-blocks of 256: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS.
// Everything up to the float step is exact in int32, in any order: vpdpbusd makes partial dots, which are multiplied by
// their group's scale as they are (vpdpwssd on pairs (partial, its sign) x (scale, 0), where the partial fits int16).
//   one column, or too few for a panel: four far rows times four super-blocks make one register of sixteen totals. Bound by memory reads;
//                 from cache by the vector ports, about 30 operations per row, super-block and column.
//   panels:       sixteen rows of one super-block are unpacked to L1 (linear_panel_q8x256.h) while the one before is multiplied by up to
//                 seven columns. Per super-block, column and sixteen rows: 64 vpdpbusd, one vpackssdw and one vpdpwssd a group, sums and
//                 float steps. With many columns bound by the multiplier: on Zen 4 (one zmm multiply a clock, shuffles and logic beside
//                 it) 80 multiplies for Q4_K, 88 for Q5_K, 82 for Q6_K; on Ice Lake (two ports for everything) 90, 106 and 102
//                 operations. With 3 to 8 columns unpacking weighs as much: about 24 operations a row for Q4_K, 30 for Q6_K.
#include "linear_avx512.h"
#include "linear_panel_q8x256.h"

namespace fak {
namespace avx512 {
namespace {

// ---- Few columns ----

/// Scales for the dwords of elements 64 j to 64 j + 63: four groups, four dwords each, (scale, 0) where partials fit
/// int16, else int32.
template <class T>
FAK_INLINE __m512i scale_dwords(__m256i scale, int j) {
  const __m512i base = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  const __m512i index = _mm512_add_epi32(base, _mm512_set1_epi32(4 * j));
  return T::kDotFits >= 4 ? _mm512_maskz_permutexvar_epi16(0x55555555u, index, _mm512_castsi256_si512(scale))
                          : _mm512_permutexvar_epi32(index, _mm512_cvtepi16_epi32(scale));
}

/// total + dot * scale for sixteen dwords; with `fits`, dots fit int16 and scales are (scale, 0).
template <bool fits>
FAK_INLINE __m512i add_scaled(__m512i total, __m512i dot, __m512i scale) {
  return fits ? _mm512_dpwssd_epi32(total, dot, scale) : _mm512_add_epi32(total, _mm512_mullo_epi32(dot, scale));
}

FAK_INLINE __m512 halves_to_floats(const uint64_t half[4]) {
  return _mm512_cvtph_ps(_mm256_set_epi64x(static_cast<int64_t>(half[3]), static_cast<int64_t>(half[2]),
                                           static_cast<int64_t>(half[1]), static_cast<int64_t>(half[0])));
}

/// Four rows times B (4, or the first 2 of) super-blocks times C columns. What lies beyond B is zero in the activations.
template <class T, int C, int B>
FAK_INLINE void gemv_step(const typename T::Block* const w[4], const RowQ8x256& x, size_t x_stride, int64_t b,
                          __m128 acc[C]) {
  static_assert(B == 4 || B == 2, "pairs of super-blocks");
  __m512i lanes[C][4];
  for (int c = 0; c < C; c++)
    for (int i = B; i < 4; i++) lanes[c][i] = _mm512_setzero_si512();
  alignas(64) int16_t mins[4][4][16];
  for (int i = 0; i < B; i++) {
    __m512i total[C][4];
    for (int r = 0; r < 4; r++) {
      __m512i q[4];
      __m256i scale, min;
      prefetch_ahead<sizeof(typename T::Block)>(&w[r][i]);
      T::quants(w[r][i], q);
      avx2::group_scales(w[r][i], scale, min);
      if (T::kMinimum) _mm256_store_si256(reinterpret_cast<__m256i*>(mins[r][i]), min);
      for (int c = 0; c < C; c++) {
        const uint8_t* xq = reinterpret_cast<const uint8_t*>(x.quants) + c * x_stride + 256 * (b + i);
        __m512i sum = _mm512_setzero_si512();
        if (T::kOffsetShift != kNoOffset) {
          const uint8_t* sums = reinterpret_cast<const uint8_t*>(x.sums + 16 * (b + i)) + c * x_stride;
          const __m256i over = _mm256_dpwssd_epi32(_mm256_setzero_si256(), scale,
                                                   _mm256_load_si256(reinterpret_cast<const __m256i*>(sums)));
          sum = _mm512_sub_epi32(sum, _mm512_slli_epi32(_mm512_zextsi256_si512(over), T::kOffsetShift & 31));
        }
        for (int j = 0; j < 4; j++) {
          const __m512i partial =
              _mm512_dpbusd_epi32(_mm512_setzero_si512(), q[j], _mm512_load_si512(xq + 64 * j));
          sum = add_scaled<(T::kDotFits >= 4)>(sum, partial, scale_dwords<T>(scale, j));
        }
        total[c][r] = sum;
      }
    }
    for (int c = 0; c < C; c++) lanes[c][i] = sum_lanes(total[c][0], total[c][1], total[c][2], total[c][3]);
  }
  uint64_t half[4] = {};
  for (int i = 0; i < B; i++) half[i] = four_halves(w[0][i].d, w[1][i].d, w[2][i].d, w[3][i].d);
  const __m512 d = halves_to_floats(half);
  __m512 dmin = d;
  if constexpr (T::kMinimum) {
    for (int i = 0; i < B; i++) {
      half[i] = four_halves(min_field(w[0][i]), min_field(w[1][i]), min_field(w[2][i]), min_field(w[3][i]));
    }
    dmin = halves_to_floats(half);
  }
  for (int c = 0; c < C; c++) {
    const uint8_t* scales = reinterpret_cast<const uint8_t*>(x.scales + b) + c * x_stride;
    const __m512 dx = spread4(reinterpret_cast<const float*>(scales));
    const __m512 scale = _mm512_mul_ps(d, dx);
    const __m512 value = _mm512_cvtepi32_ps(sum_all_lanes(lanes[c][0], lanes[c][1], lanes[c][2], lanes[c][3]));
    if (T::kMinimum) {
      const uint8_t* sums = reinterpret_cast<const uint8_t*>(x.sums + 16 * b) + c * x_stride;
      __m512i pair[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
      for (int p = 0; p < B / 2; p++) {
        const __m512i xs = _mm512_load_si512(sums + 64 * p);
        __m512i dot[4];
        for (int r = 0; r < 4; r++) {
          dot[r] = _mm512_madd_epi16(_mm512_load_si512(mins[r][2 * p]), xs);
        }
        pair[p] = sum_lanes(dot[0], dot[1], dot[2], dot[3]);
      }
      const __m512 min_scale = _mm512_mul_ps(dmin, dx);
      const __m512 min_value = _mm512_cvtepi32_ps(sum_lane_pairs(pair[0], pair[1]));
      acc[c] = fma_pairs_in_block_order(scale, value, min_scale, min_value, acc[c]);
    } else {
      acc[c] = fma_in_block_order(scale, value, acc[c]);
    }
  }
}

// ---- Panels ----

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
  bool first, last;
};

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
      _mm512_mask_storeu_ps(to.y + static_cast<size_t>(c) * to.y_stride, to.rows, canonical(acc));
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

/// Sixteen rows from n on; rows beyond the slice repeat its last one, and their results are masked out.
template <class Block>
FAK_INLINE void set_rows(const LinearArgs& a, int64_t n, const Block* w[kPanelRows]) {
  for (int r = 0; r < kPanelRows; r++) {
    const int64_t row = n + r < a.rows ? n + r : a.rows - 1;
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

/// Unpacks the next panel block, and prefetches: the rows after the next ones as one long stream to the second-level cache, the next
/// super-block of these rows to the first.
template <class T>
struct FillBeside {
  const typename T::Block* w[kPanelRows];
  PanelBlock* panel;
  const uint8_t* ahead;

  __attribute__((always_inline)) void operator()(int i) {
    constexpr size_t kBytes = sizeof(typename T::Block);
    prefetch<_MM_HINT_T1>(ahead, 2 * kBytes);
    ahead += 2 * kBytes;
    prefetch<_MM_HINT_T0>(w[2 * i] + 1, kBytes);
    prefetch<_MM_HINT_T0>(w[2 * i + 1] + 1, kBytes);
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

/// Columns whose sums are kept between super-blocks: 32 KiB. More are done in turns.
constexpr int64_t kTurnColumns = 512;

/// Sixteen rows at a time, one super-block after the other: the next one is unpacked while the first tile of columns is multiplied.
template <class T>
void multiply(const LinearArgs& a, int64_t first, int64_t columns) {
  const int64_t blocks = a.k / 256;
  PanelBlock panel[2];
  alignas(64) float sum[kTurnColumns * kPanelRows];
  FillBeside<T> fill_beside;
  PrefetchBeside prefetch_beside;
  prefetch_beside.x_stride = a.x_stride;
  // Nothing has asked for the first rows yet.
  prefetch<_MM_HINT_T0>(a.weight, static_cast<size_t>(a.rows < kPanelRows ? a.rows : kPanelRows) * a.weight_stride);
  set_rows(a, 0, fill_beside.w);
  fill<T>(panel[0], fill_beside.w);
  int current = 0;
  for (int64_t n = 0; n < a.rows; n += kPanelRows) {
    fill_beside.ahead = a.weight + static_cast<size_t>(n + kPanelRows) * a.weight_stride;
    TileSums to;
    to.y_stride = a.y_stride;
    to.rows = lanes_below(a.rows - n < kPanelRows ? a.rows - n : kPanelRows);
    for (int64_t b = 0; b < blocks; b++) {
      if (b + 1 < blocks) {
        for (int r = 0; r < kPanelRows; r++) fill_beside.w[r]++;
      } else {
        set_rows(a, n + kPanelRows, fill_beside.w);
      }
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
