// AVX-512 VNNI linear leaves for the types with super-blocks of 256: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS.
// Everything up to the float step is exact in int32, in any order: vpdpbusd makes partial dots, which are multiplied by
// their group's scale as they are (vpdpwssd on pairs (partial, its sign) x (scale, 0), where the partial fits int16).
//   few columns:  four far rows times four super-blocks make one register of sixteen totals. Bound by memory reads; from
//                 cache by the two vector ports, about 30 operations per row, super-block and column.
//   many columns: 32 rows are unpacked to a dword-transposed panel in L1, then multiplied 32 x 6. Bound by the two
//                 multiply ports: per 16 rows, column and super-block 64 vpdpbusd, 16 scalings and the sums.
#include "linear_avx512.h"
#include "linear_unpack_q8x256.h"

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

// ---- Many columns ----

constexpr int kPanelBlocks = 2;

/// 32 weight rows times one super-block, about 12 KiB: quants[dword of 4 elements][row]; scale[group][row] as (scale, 0)
/// or int32; scale_pair and min_pair[p][row] hold groups 2 p and 2 p + 1 as two int16.
struct PanelBlock {
  alignas(64) uint8_t quants[64][kTileRows][4];
  alignas(64) int32_t scale[16][kTileRows];
  alignas(64) int32_t scale_pair[8][kTileRows];
  alignas(64) int32_t min_pair[8][kTileRows];
  alignas(64) float d[kTileRows];
  alignas(64) float dmin[kTileRows];
};

struct Panel {
  PanelBlock block[kPanelBlocks];
};

/// Unpacks one super-block from each of 16 rows into half `half` of a panel block.
template <class T>
FAK_INLINE void fill_block(PanelBlock& panel, int half, const uint8_t* const rows[16]) {
  using Block = typename T::Block;
  alignas(64) __m512i q[16][4];
  alignas(64) int16_t scales[16][16], mins[16][16];
  alignas(32) uint16_t d[16], dmin[16];
  for (int r = 0; r < 16; r++) {
    const Block& w = *reinterpret_cast<const Block*>(rows[r]);
    __m256i scale, min;
    T::quants(w, q[r]);
    avx2::group_scales(w, scale, min);
    _mm256_store_si256(reinterpret_cast<__m256i*>(scales[r]), scale);
    if (T::kMinimum) _mm256_store_si256(reinterpret_cast<__m256i*>(mins[r]), min);
    d[r] = load_u16(w.d);
    if constexpr (T::kMinimum) dmin[r] = load_u16(min_field(w));
  }
  for (int j = 0; j < 4; j++) {
    __m512i v[16];
    for (int r = 0; r < 16; r++) v[r] = q[r][j];
    transpose16(v);
    for (int i = 0; i < 16; i++) _mm512_store_si512(&panel.quants[16 * j + i][16 * half], v[i]);
  }
  // Sixteen rows of eight pairs -> eight registers of sixteen rows; the upper half of each transposed input is unused.
  __m512i v[16];
  for (int r = 0; r < 16; r++) {
    v[r] = _mm512_castsi256_si512(_mm256_load_si256(reinterpret_cast<const __m256i*>(scales[r])));
  }
  transpose16(v);
  for (int p = 0; p < 8; p++) {
    if (T::kOffsetShift != kNoOffset) _mm512_store_si512(&panel.scale_pair[p][16 * half], v[p]);
    constexpr bool fits = T::kDotFits >= 16;
    const __m512i odd = fits ? _mm512_srli_epi32(v[p], 16) : _mm512_srai_epi32(v[p], 16);
    const __m512i even = fits ? _mm512_and_si512(v[p], _mm512_set1_epi32(0xffff))
                              : _mm512_srai_epi32(_mm512_slli_epi32(v[p], 16), 16);
    _mm512_store_si512(&panel.scale[2 * p][16 * half], even);
    _mm512_store_si512(&panel.scale[2 * p + 1][16 * half], odd);
  }
  if (T::kMinimum) {
    for (int r = 0; r < 16; r++) {
      v[r] = _mm512_castsi256_si512(_mm256_load_si256(reinterpret_cast<const __m256i*>(mins[r])));
    }
    transpose16(v);
    for (int p = 0; p < 8; p++) _mm512_store_si512(&panel.min_pair[p][16 * half], v[p]);
  }
  _mm512_store_ps(&panel.d[16 * half], _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(d))));
  if (T::kMinimum) {
    _mm512_store_ps(&panel.dmin[16 * half], _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(dmin))));
  }
}

/// A panel block times C columns, added to y. H halves of 16 rows are in use.
template <class T, int H, int C>
FAK_INLINE void tile_block(const PanelBlock& panel, const RowQ8x256& x, size_t x_stride, int64_t b, float* y,
                           size_t y_stride, const TileMask& mask, bool first, bool last) {
  __m512i total[C][H];
  for (int c = 0; c < C; c++) {
    for (int h = 0; h < H; h++) total[c][h] = _mm512_setzero_si512();
  }
  const uint8_t* xq = reinterpret_cast<const uint8_t*>(x.quants) + 256 * b;
#pragma GCC unroll 1
  for (int g = 0; g < 16; g++) {
    __m512i dot[C][H];
    for (int c = 0; c < C; c++) {
      for (int h = 0; h < H; h++) dot[c][h] = _mm512_setzero_si512();
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      __m512i w[H];
      for (int h = 0; h < H; h++) w[h] = _mm512_load_si512(&panel.quants[4 * g + i][16 * h]);
      for (int c = 0; c < C; c++) {
        const __m512i v = broadcast_dword(xq + c * x_stride + 16 * g + 4 * i);
        for (int h = 0; h < H; h++) dot[c][h] = _mm512_dpbusd_epi32(dot[c][h], w[h], v);
      }
    }
    for (int h = 0; h < H; h++) {
      const __m512i scale = _mm512_load_si512(&panel.scale[g][16 * h]);
      for (int c = 0; c < C; c++) total[c][h] = add_scaled<(T::kDotFits >= 16)>(total[c][h], dot[c][h], scale);
    }
  }
  const uint8_t* sums = reinterpret_cast<const uint8_t*>(x.sums + 16 * b);
  const uint8_t* scales = reinterpret_cast<const uint8_t*>(x.scales + b);
  for (int c = 0; c < C; c++) {
    const __m512 dx = _mm512_castsi512_ps(broadcast_dword(scales + c * x_stride));
    for (int h = 0; h < H; h++) {
      __m512i sum = total[c][h];
      if (T::kOffsetShift != kNoOffset) {
        __m512i over = _mm512_setzero_si512();
        for (int p = 0; p < 8; p++) {
          over = _mm512_dpwssd_epi32(over, _mm512_load_si512(&panel.scale_pair[p][16 * h]),
                                     broadcast_dword(sums + c * x_stride + 4 * p));
        }
        sum = _mm512_sub_epi32(sum, _mm512_slli_epi32(over, T::kOffsetShift & 31));
      }
      float* at = y + c * y_stride + 16 * h;
      __m512 acc = first ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask.half[h], at);
      acc = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_load_ps(&panel.d[16 * h]), dx), _mm512_cvtepi32_ps(sum), acc);
      if (T::kMinimum) {
        __m512i mins = _mm512_setzero_si512();
        for (int p = 0; p < 8; p++) {
          mins = _mm512_dpwssd_epi32(mins, _mm512_load_si512(&panel.min_pair[p][16 * h]),
                                     broadcast_dword(sums + c * x_stride + 4 * p));
        }
        acc = _mm512_fnmadd_ps(_mm512_mul_ps(_mm512_load_ps(&panel.dmin[16 * h]), dx), _mm512_cvtepi32_ps(mins), acc);
      }
      _mm512_mask_storeu_ps(at, mask.half[h], last ? canonical(acc) : acc);
    }
  }
}

template <class T, int H, int C>
FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                     const TileMask& mask) {
  const RowQ8x256 x = row_q8x256(a.x + static_cast<size_t>(m) * a.x_stride, a.k);
  float* y = a.y + static_cast<size_t>(m) * a.y_stride + n;
  for (int64_t b = 0; b < blocks; b++) {
    tile_block<T, H, C>(panel.block[b], x, a.x_stride, b0 + b, y, a.y_stride, mask, b0 + b == 0,
                        256 * (b0 + b + 1) == a.k);
  }
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  using Row = RowQ8x256;
  using Panel = avx512::Panel;
  using Mask = TileMask;
  static constexpr int kBlock = 256, kStep = 4;
  static constexpr bool kHalfStep = true;
  static constexpr int kHalfRows = avx512::kHalfRows, kTileColumns = avx512::kTileColumns;
  static constexpr int kPanelBlocks = avx512::kPanelBlocks, kPanelColumns = 12;

  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x256(x, k); }
  FAK_INLINE Mask mask(int64_t rows) { return tile_mask(rows); }
  FAK_INLINE void store(const LinearArgs& a, const RowGroup& g, int64_t column, __m128 acc) {
    store_group(a, g, column, acc);
  }
  FAK_INLINE void fill(Panel& panel, int half, const uint8_t* const rows[kHalfRows], int64_t blocks) {
    for (int64_t b = 0; b < blocks; b++) {
      const uint8_t* w[kHalfRows];
      for (int r = 0; r < kHalfRows; r++) w[r] = rows[r] + static_cast<size_t>(b) * sizeof(Block);
      fill_block<T>(panel.block[b], half, w);
    }
  }
  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, __m128 acc[C]) {
    gemv_step<T, C, 4>(w, x, x_stride, b, acc);
  }
  template <int C>
  FAK_INLINE void half_step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, __m128 acc[C]) {
    gemv_step<T, C, 2>(w, x, x_stride, b, acc);
  }
  template <int H, int C>
  FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                       const Mask& mask) {
    avx512::tile<T, H, C>(a, panel, blocks, b0, m, n, mask);
  }
};

}  // namespace

void linear_q2_K(const LinearArgs& args) { linear_quantized<Leaf<Q2_K>>(args); }
void linear_q3_K(const LinearArgs& args) { linear_quantized<Leaf<Q3_K>>(args); }
void linear_q4_K(const LinearArgs& args) { linear_quantized<Leaf<Q4_K>>(args); }
void linear_q5_K(const LinearArgs& args) { linear_quantized<Leaf<Q5_K>>(args); }
void linear_q6_K(const LinearArgs& args) { linear_quantized<Leaf<Q6_K>>(args); }
void linear_iq4_xs(const LinearArgs& args) { linear_quantized<Leaf<IQ4_XS>>(args); }

}  // namespace avx512
}  // namespace fak
