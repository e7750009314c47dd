// AVX-512 VNNI linear leaves for the types with blocks of 32: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4.
// Weights enter vpdpbusd as unsigned bytes u = q + offset; the offset leaves again as offset * sum(xq), both exact.
//   one column:   four far rows times four blocks make one register of sixteen dots (also two columns of Q8_0). Bound by memory reads.
//   up to 11:     sixteen rows times one block make one register of sixteen dots, so that the float step is one FMA. Bound by
//                 memory reads up to 3 or 4 columns of Q8_0, then by the vector ports: 22 operations per column (8 vpdpbusd, 9 to
//                 turn 16 x 4 partial sums into 16 dots, 5 of the offset and the float step), 32 to unpack.
//   many columns: 32 rows are unpacked to a dword-transposed panel in L1, then multiplied 32 x 6. Bound by the two
//                 multiply ports: 8 vpdpbusd + 3 float operations per 16 rows, block and column.
#include "linear_avx512.h"
#include "linear_unpack_q8x32.h"

namespace fak {
namespace avx512 {
namespace {

/// Partial dots of four rows with one block of x, four dwords in each row's lane.
FAK_INLINE __m512i dot_halves(const Halves& q, const int8_t* x) {
  const __m512i low = _mm512_dpbusd_epi32(_mm512_setzero_si512(), q.low, _mm512_broadcast_i32x4(load16(x)));
  return _mm512_dpbusd_epi32(low, q.high, _mm512_broadcast_i32x4(load16(x + 16)));
}

template <class T>
FAK_INLINE __m512i without_offset(__m512i dot, __m512i sum) {
  if (T::kOffsetShift == kNoOffset) return dot;
  return _mm512_sub_epi32(dot, _mm512_slli_epi32(sum, static_cast<unsigned>(T::kOffsetShift & 31)));
}

// ---- One or two columns: four long streams ----

/// Four rows times four blocks times C columns; x is the first activation row, the others follow at x_stride bytes.
template <class T, int C>
FAK_INLINE void gemv_step(const typename T::Block* const w[4], const RowQ8x32& x, size_t x_stride, int64_t b,
                          __m128 acc[C]) {
  using Block = typename T::Block;
  const __m512i blocks_first = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  __m512i part[C][4];
  for (int i = 0; i < 4; i++) {
    const Block* const block[4] = {w[0] + i, w[1] + i, w[2] + i, w[3] + i};
    for (int r = 0; r < 4; r++) prefetch_ahead<sizeof(Block)>(block[r]);
    const Halves q = T::quants(block);
    for (int c = 0; c < C; c++) part[c][i] = dot_halves(q, x.quants + c * x_stride + 32 * (b + i));
  }
  const __m512 d = step_scales(w);
  __m512 m = d;
  if constexpr (T::kMinimum) m = _mm512_cvtph_ps(step_words<Block, kMinimumField>(w));
  for (int c = 0; c < C; c++) {
    const uint8_t* sums = reinterpret_cast<const uint8_t*>(x.sums + b) + c * x_stride;
    const uint8_t* scales = reinterpret_cast<const uint8_t*>(x.scales + b) + c * x_stride;
    const __m512i sum = _mm512_broadcast_i32x4(load16(sums));
    const __m512i dot = without_offset<T>(sum_lanes(part[c][0], part[c][1], part[c][2], part[c][3]), sum);
    const __m512 dx = spread4(reinterpret_cast<const float*>(scales));
    const __m512 scale = _mm512_mul_ps(d, dx);
    const __m512 value = _mm512_permutexvar_ps(blocks_first, _mm512_cvtepi32_ps(dot));
    if (T::kMinimum) {
      // The shared step subtracts; negating an operand changes no rounding.
      const __m512i negative = _mm512_sub_epi32(_mm512_setzero_si512(), spread4(reinterpret_cast<const int32_t*>(sums)));
      const __m512 min_scale = _mm512_mul_ps(m, dx), min_value = _mm512_cvtepi32_ps(negative);
      acc[c] = fma_pairs_in_block_order(scale, value, min_scale, min_value, acc[c]);
    } else {
      acc[c] = fma_in_block_order(scale, value, acc[c]);
    }
  }
}

// ---- A few columns ----

constexpr int kFewColumns = 8;

/// Sixteen adjacent rows times C columns. The next sixteen are prefetched to L2 meanwhile, as four streams: in the order in
/// which blocks are used here (one from each row) the memory would give half of its rate.
template <class T, int C>
FAK_INLINE void sixteen_rows(const LinearArgs& a, int64_t n, int64_t column, bool more) {
  using Block = typename T::Block;
  const RowQ8x32 x = row_q8x32(a.x + static_cast<size_t>(column) * a.x_stride, a.k);
  const size_t stride = a.weight_stride, x_stride = a.x_stride;
  const uint8_t* w[4];
  const char* ahead[4];
  for (int i = 0; i < 4; i++) {
    w[i] = a.weight + static_cast<size_t>(n + i) * stride;
    ahead[i] = reinterpret_cast<const char*>(a.weight + static_cast<size_t>(n + 4 * i + (more ? 16 : 0)) * stride);
  }
  __m512 acc[C];
  for (int c = 0; c < C; c++) acc[c] = _mm512_setzero_ps();
  for (int64_t b = 0; b < a.k / 32; b++) {
    const auto row = [&](int r) { return reinterpret_cast<const Block*>(w[r % 4] + static_cast<size_t>(r / 4) * 4 * stride); };
    Halves q[4];
    for (int i = 0; i < 4; i++) {
      for (size_t line = 0; line < 4 * sizeof(Block); line += 64) _mm_prefetch(ahead[i] + line, _MM_HINT_T1);
      ahead[i] += 4 * sizeof(Block);
      const Block* const block[4] = {row(i), row(4 + i), row(8 + i), row(12 + i)};
      q[i] = T::quants(block);
    }
    const __m512 d = row_scales<Block>(row);
    __m512 m = d;
    if constexpr (T::kMinimum) m = row_halves(row, kMinimumField);
    for (int c = 0; c < C; c++) {
      const int8_t* xq = x.quants + c * x_stride + 32 * b;
      const __m512i sum = broadcast_dword(reinterpret_cast<const uint8_t*>(x.sums + b) + c * x_stride);
      const __m512i dot = without_offset<T>(
          sum_lanes(dot_halves(q[0], xq), dot_halves(q[1], xq), dot_halves(q[2], xq), dot_halves(q[3], xq)), sum);
      const __m512 dx = _mm512_castsi512_ps(broadcast_dword(reinterpret_cast<const uint8_t*>(x.scales + b) + c * x_stride));
      acc[c] = _mm512_fmadd_ps(_mm512_mul_ps(d, dx), _mm512_cvtepi32_ps(dot), acc[c]);
      if (T::kMinimum) acc[c] = _mm512_fmadd_ps(_mm512_mul_ps(m, dx), _mm512_cvtepi32_ps(sum), acc[c]);
    }
    for (int i = 0; i < 4; i++) w[i] += sizeof(Block);
  }
  for (int c = 0; c < C; c++) _mm512_storeu_ps(a.y + static_cast<size_t>(column + c) * a.y_stride + n, canonical(acc[c]));
}

template <class T, int C>
void few_columns(const LinearArgs& a, int64_t column) {
  for (int64_t n = 0; n + 16 <= a.rows; n += 16) sixteen_rows<T, C>(a, n, column, n + 32 <= a.rows);
  // What remains goes together with rows that are done already; they get the same values again.
  if (a.rows % 16 != 0) sixteen_rows<T, C>(a, a.rows - 16, column, false);
}

// ---- Many columns ----

constexpr int kPanelBlocks = 16;

/// 32 weight rows times up to kPanelBlocks blocks: quants[block][dword of 4 elements][row], 18 to 20 KiB.
struct Panel {
  alignas(64) uint8_t quants[kPanelBlocks][8][kTileRows][4];
  alignas(64) float d[kPanelBlocks][kTileRows];
  alignas(64) float m[kPanelBlocks][kTileRows];
};

/// Unpacks `blocks` blocks from each of 16 rows (rows beyond the slice repeat the last one) into half `half` of a panel.
template <class T>
FAK_INLINE void fill_panel(Panel& panel, int half, const uint8_t* const rows[16], int64_t blocks) {
  using Block = typename T::Block;
  for (int64_t b = 0; b < blocks; b++) {
    const auto row = [&](int r) { return reinterpret_cast<const Block*>(rows[r]) + b; };
    __m512i low[4], high[4];
    for (int i = 0; i < 4; i++) {
      const Block* const block[4] = {row(i), row(4 + i), row(8 + i), row(12 + i)};
      const Halves q = T::quants(block);
      low[i] = q.low;
      high[i] = q.high;
    }
    transpose_lanes(low);
    transpose_lanes(high);
    for (int i = 0; i < 4; i++) {
      _mm512_store_si512(&panel.quants[b][i][16 * half], low[i]);
      _mm512_store_si512(&panel.quants[b][4 + i][16 * half], high[i]);
    }
    _mm512_store_ps(&panel.d[b][16 * half], row_scales<Block>(row));
    if constexpr (T::kMinimum) _mm512_store_ps(&panel.m[b][16 * half], row_halves(row, kMinimumField));
  }
}

/// What the next columns need, a little with every block of the present ones: all columns together exceed L1.
FAK_INLINE void prefetch_tile(const RowQ8x32& x, size_t x_stride, int64_t b0, int64_t b, const float* y, size_t y_stride) {
  const auto fetch = [](const void* p, size_t offset) {
    _mm_prefetch(static_cast<const char*>(p) + offset, _MM_HINT_T0);
  };
  if (b % 2 == 0) {
    for (size_t c = 0; c < kTileColumns; c++) fetch(x.quants + 32 * (b0 + b), (kTileColumns + c) * x_stride);
  } else if (b / 2 < kTileColumns) {
    const size_t c = static_cast<size_t>(kTileColumns + b / 2);
    fetch(x.sums + b0, c * x_stride);
    fetch(x.scales + b0, c * x_stride);
    fetch(y + c * y_stride, 0);
    fetch(y + c * y_stride, 64);
  }
}

/// A panel times C columns; y is the accumulator between panels. H halves of 16 rows are in use.
template <class T, int H, int C>
FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                     const TileMask& mask) {
  const RowQ8x32 x = row_q8x32(a.x + static_cast<size_t>(m) * a.x_stride, a.k);
  const size_t x_stride = a.x_stride, y_stride = a.y_stride;
  float* y = a.y + static_cast<size_t>(m) * y_stride + n;
  const bool first = b0 == 0, last = 32 * (b0 + blocks) == a.k;
  __m512 acc[C][H];
  for (int c = 0; c < C; c++) {
    for (int h = 0; h < H; h++) {
      acc[c][h] = first ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask.half[h], y + c * y_stride + 16 * h);
    }
  }
  for (int64_t b = 0; b < blocks; b++) {
    __m512i dot[C][H];
    const uint8_t* sums = reinterpret_cast<const uint8_t*>(x.sums + b0 + b);
    for (int c = 0; c < C; c++) {
      int32_t sum;
      memcpy(&sum, sums + c * x_stride, sizeof sum);
      const __m512i start =
          T::kOffsetShift == kNoOffset ? _mm512_setzero_si512() : _mm512_set1_epi32(-sum * (1 << (T::kOffsetShift & 31)));
      for (int h = 0; h < H; h++) dot[c][h] = start;
    }
    const int8_t* xq = x.quants + 32 * (b0 + b);
    if (C == kTileColumns) prefetch_tile(x, x_stride, b0, b, y, y_stride);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
      __m512i w[H];
      for (int h = 0; h < H; h++) w[h] = _mm512_load_si512(&panel.quants[b][i][16 * h]);
      for (int c = 0; c < C; c++) {
        const __m512i v = broadcast_dword(xq + c * x_stride + 4 * i);
        for (int h = 0; h < H; h++) dot[c][h] = _mm512_dpbusd_epi32(dot[c][h], w[h], v);
      }
    }
    const uint8_t* scales = reinterpret_cast<const uint8_t*>(x.scales + b0 + b);
    for (int c = 0; c < C; c++) {
      const __m512 dx = _mm512_castsi512_ps(broadcast_dword(scales + c * x_stride));
      for (int h = 0; h < H; h++) {
        acc[c][h] = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_load_ps(&panel.d[b][16 * h]), dx),
                                    _mm512_cvtepi32_ps(dot[c][h]), acc[c][h]);
      }
      if (T::kMinimum) {
        const __m512 sum = _mm512_cvtepi32_ps(broadcast_dword(sums + c * x_stride));
        for (int h = 0; h < H; h++) {
          acc[c][h] = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_load_ps(&panel.m[b][16 * h]), dx), sum, acc[c][h]);
        }
      }
    }
  }
  for (int c = 0; c < C; c++) {
    for (int h = 0; h < H; h++) {
      _mm512_mask_storeu_ps(y + c * y_stride + 16 * h, mask.half[h], last ? canonical(acc[c][h]) : acc[c][h]);
    }
  }
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  using Row = RowQ8x32;
  using Panel = avx512::Panel;
  using Mask = TileMask;
  static constexpr int kBlock = 32, kStep = 4;
  static constexpr bool kHalfStep = false;
  static constexpr int kHalfRows = avx512::kHalfRows, kTileColumns = avx512::kTileColumns;
  static constexpr int kPanelBlocks = avx512::kPanelBlocks, kPanelColumns = 12;

  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x32(x, k); }
  FAK_INLINE Mask mask(int64_t rows) { return tile_mask(rows); }
  FAK_INLINE void store(const LinearArgs& a, const RowGroup& g, int64_t column, __m128 acc) {
    store_group(a, g, column, acc);
  }
  FAK_INLINE void fill(Panel& panel, int half, const uint8_t* const rows[kHalfRows], int64_t blocks) {
    fill_panel<T>(panel, half, rows, blocks);
  }
  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, __m128 acc[C]) {
    gemv_step<T, C>(w, x, x_stride, b, acc);
  }
  template <int H, int C>
  FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                       const Mask& mask) {
    avx512::tile<T, H, C>(a, panel, blocks, b0, m, n, mask);
  }
};

template <class T>
void linear(const LinearArgs& a) {
  if (a.columns == 1) return gemv<Leaf<T>, 1>(a, 0);
  if constexpr (T::kStreamColumns == 2) {
    if (a.columns == 2) return gemv<Leaf<T>, 2>(a, 0);
  }
  if (a.columns >= Leaf<T>::kPanelColumns || a.rows < 16) return gemm<Leaf<T>>(a);
  for (int64_t m = 0, count; m < a.columns; m += count) {
    count = a.columns - m;
    if (count > kFewColumns) count = (count + 1) / 2;
    switch (count) {
      case 1: few_columns<T, 1>(a, m); break;
      case 2: few_columns<T, 2>(a, m); break;
      case 3: few_columns<T, 3>(a, m); break;
      case 4: few_columns<T, 4>(a, m); break;
      case 5: few_columns<T, 5>(a, m); break;
      case 6: few_columns<T, 6>(a, m); break;
      case 7: few_columns<T, 7>(a, m); break;
      default: few_columns<T, 8>(a, m); break;
    }
  }
}

}  // namespace

void linear_q4_0(const LinearArgs& args) { linear<Q4_0>(args); }
void linear_q4_1(const LinearArgs& args) { linear<Q4_1>(args); }
void linear_q5_0(const LinearArgs& args) { linear<Q5_0>(args); }
void linear_q5_1(const LinearArgs& args) { linear<Q5_1>(args); }
void linear_q8_0(const LinearArgs& args) { linear<Q8_0>(args); }
void linear_iq4_nl(const LinearArgs& args) { linear<IQ4_NL>(args); }
void linear_mxfp4(const LinearArgs& args) { linear<MXFP4>(args); }

}  // namespace avx512
}  // namespace fak
