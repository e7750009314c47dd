// AVX2 linear leaves for the types with super-blocks of 256: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS.
// Everything up to the float step is exact in int32, in any order: vpmaddubsw makes int16 pairs of products (bounds at
// byte_products), vpmaddwd multiplies them by their group's scale and adds them to int32.
//   few columns:  four far rows times two super-blocks make one register of eight totals. Bound by memory reads; from
//                 cache by the vector ports, about 50 operations per row, super-block and column.
//   many columns: 16 rows are unpacked to a panel of int16 pairs with the integer scale multiplied in (at most
//                 128 * 32 = 4096), then multiplied 16 x 4. Bound by the multiply ports: one vpmaddwd for 16 products.
#include "linear_avx2.h"
#include "linear_unpack_q8x256.h"

namespace fak {
namespace avx2 {
namespace {

// ---- Few columns ----

/// The scales of the 32 elements of register j: int16 lanes 0 to 7 get group 2 j, lanes 8 to 15 group 2 j + 1. `eight` holds
/// groups 0 to 7 (or 8 to 15) in both halves.
FAK_INLINE __m256i scale_words(__m256i eight, int j) {
  const int low = 4 * (j % 4), high = low + 2;
  const __m256i index = _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_set1_epi16(static_cast<int16_t>(low | (low + 1) << 8))),
      _mm_set1_epi16(static_cast<int16_t>(high | (high + 1) << 8)), 1);
  return _mm256_shuffle_epi8(eight, index);
}

/// Four rows times two super-blocks times C columns; x is the first activation row, the others follow at x_stride bytes.
template <class T, int C>
FAK_INLINE void gemv_step(const typename T::Block* const w[4], const RowQ8x256& x, size_t x_stride, int64_t b,
                          __m128 acc[C]) {
  __m256i lanes[C][2], min_lanes[C][2];
  for (int i = 0; i < 2; i++) {
    __m256i total[C][4], mins[C][4];
    for (int r = 0; r < 4; r++) {
      prefetch_ahead<sizeof(typename T::Block)>(w[r] + i);
      __m256i q[8], scale, min;
      T::quants(w[r][i], q);
      group_scales(w[r][i], scale, min);
      const __m256i eights[2] = {_mm256_permute2x128_si256(scale, scale, 0x00),
                                 _mm256_permute2x128_si256(scale, scale, 0x11)};
      for (int c = 0; c < C; c++) {
        const size_t column = static_cast<size_t>(c) * x_stride;
        const uint8_t* xq = reinterpret_cast<const uint8_t*>(x.quants) + column + 256 * (b + i);
        const __m256i sums = load_256(reinterpret_cast<const uint8_t*>(x.sums + 16 * (b + i)) + column);
        __m256i sum = _mm256_setzero_si256();
        if (T::kOffsetShift != kNoOffset) {
          sum = _mm256_sub_epi32(sum, _mm256_slli_epi32(_mm256_madd_epi16(scale, sums), T::kOffsetShift & 31));
        }
        for (int j = 0; j < 8; j++) {
          const __m256i products = byte_products<T::kSigned>(q[j], load_256(xq + 32 * j));
          sum = _mm256_add_epi32(sum, _mm256_madd_epi16(products, scale_words(eights[j / 4], j)));
        }
        total[c][r] = sum;
        if (T::kMinimum) mins[c][r] = _mm256_madd_epi16(min, sums);
      }
    }
    for (int c = 0; c < C; c++) {
      lanes[c][i] = sum_lanes(total[c][0], total[c][1], total[c][2], total[c][3]);
      if (T::kMinimum) min_lanes[c][i] = sum_lanes(mins[c][0], mins[c][1], mins[c][2], mins[c][3]);
    }
  }
  const __m256 d = halves_to_floats(four_halves(w[0][0].d, w[1][0].d, w[2][0].d, w[3][0].d),
                                    four_halves(w[0][1].d, w[1][1].d, w[2][1].d, w[3][1].d));
  for (int c = 0; c < C; c++) {
    const __m256 dx = spread2(reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(x.scales + b) +
                                                             static_cast<size_t>(c) * x_stride));
    const __m256 scale = _mm256_mul_ps(d, dx);
    const __m256 value = _mm256_cvtepi32_ps(sum_both_lanes(lanes[c][0], lanes[c][1]));
    if constexpr (T::kMinimum) {
      const __m256 dmin = halves_to_floats(
          four_halves(min_field(w[0][0]), min_field(w[1][0]), min_field(w[2][0]), min_field(w[3][0])),
          four_halves(min_field(w[0][1]), min_field(w[1][1]), min_field(w[2][1]), min_field(w[3][1])));
      const __m256 min_value = _mm256_cvtepi32_ps(sum_both_lanes(min_lanes[c][0], min_lanes[c][1]));
      acc[c] = fma_pairs_in_block_order(scale, value, _mm256_mul_ps(dmin, dx), min_value, acc[c]);
    } else {
      acc[c] = fma_in_block_order(scale, value, acc[c]);
    }
  }
}

// ---- Many columns ----

constexpr int kPanelBlocks = 2;

/// 16 weight rows times one super-block, about 9 KiB: quants[pair][row] = scale * q; min_pair[p][row] holds the minimums of
/// groups 2 p and 2 p + 1.
struct PanelBlock {
  alignas(32) int16_t quants[128][kTileRows][2];
  alignas(32) int16_t min_pair[8][kTileRows][2];
  alignas(32) float d[kTileRows];
  alignas(32) float dmin[kTileRows];
};

struct Panel {
  PanelBlock block[kPanelBlocks];
};

/// Unpacks one super-block from each of eight rows into half `half` of a panel block.
template <class T>
FAK_INLINE void fill_block(PanelBlock& panel, int half, const uint8_t* const rows[8]) {
  using Block = typename T::Block;
  alignas(32) int16_t scaled[8][256];
  __m256i mins[8];
  alignas(16) uint16_t d[8], dmin[8];
  for (int r = 0; r < 8; r++) {
    const Block& w = *reinterpret_cast<const Block*>(rows[r]);
    __m256i q[8], scale;
    T::quants(w, q);
    group_scales(w, scale, mins[r]);
    alignas(32) int16_t scales[16];
    _mm256_store_si256(reinterpret_cast<__m256i*>(scales), scale);
    for (int g = 0; g < 16; g++) {
      const __m128i bytes = g % 2 == 0 ? _mm256_castsi256_si128(q[g / 2]) : _mm256_extracti128_si256(q[g / 2], 1);
      __m256i wide = _mm256_cvtepi8_epi16(bytes);
      if (T::kOffsetShift != kNoOffset) wide = _mm256_sub_epi16(wide, _mm256_set1_epi16(1 << (T::kOffsetShift & 15)));
      _mm256_store_si256(reinterpret_cast<__m256i*>(scaled[r] + 16 * g),
                         _mm256_mullo_epi16(wide, _mm256_set1_epi16(scales[g])));
    }
    d[r] = load_u16(w.d);
    if constexpr (T::kMinimum) dmin[r] = load_u16(min_field(w));
  }
  for (int g = 0; g < 16; g++) {
    __m256i v[8];
    for (int r = 0; r < 8; r++) v[r] = _mm256_load_si256(reinterpret_cast<const __m256i*>(scaled[r] + 16 * g));
    transpose8(v);
    for (int i = 0; i < 8; i++) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(panel.quants[8 * g + i][8 * half]), v[i]);
    }
  }
  _mm256_store_ps(&panel.d[8 * half], _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(d))));
  if (T::kMinimum) {
    transpose8(mins);
    for (int p = 0; p < 8; p++) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(panel.min_pair[p][8 * half]), mins[p]);
    }
    _mm256_store_ps(&panel.dmin[8 * half], _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(dmin))));
  }
}

/// A panel times C columns, added to y. H groups of 8 rows are in use.
template <class T, int H, int C>
FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                     const TileMask& mask) {
  const RowQ8x256 x = row_q8x256(a.x + static_cast<size_t>(m) * a.x_stride, a.k);
  constexpr int kLength = 256 * kPanelBlocks;
  WideColumns<kLength> wide;
  for (int c = 0; c < C; c++) widen(wide.x[c], x.quants + static_cast<size_t>(c) * a.x_stride + 256 * b0, 256 * blocks);
  for (int64_t b = 0; b < blocks; b++) {
    const bool first = b0 + b == 0, last = 256 * (b0 + b + 1) == a.k;
    __m256i total[C][H], mins[C][H];
    for (int c = 0; c < C; c++) {
      for (int h = 0; h < H; h++) total[c][h] = mins[c][h] = _mm256_setzero_si256();
    }
    panel_dots<H, C>(panel.block[b].quants, 128, wide.x[0] + 256 * b, kLength, total);
    if (T::kMinimum) {
      panel_dots<H, C>(panel.block[b].min_pair, 8, x.sums + 16 * (b0 + b), a.x_stride / sizeof(int16_t), mins);
    }
    for (int c = 0; c < C; c++) {
      const __m256 dx = _mm256_broadcast_ss(reinterpret_cast<const float*>(
          reinterpret_cast<const uint8_t*>(x.scales + b0 + b) + static_cast<size_t>(c) * a.x_stride));
      for (int h = 0; h < H; h++) {
        float* at = a.y + static_cast<size_t>(m + c) * a.y_stride + n + 8 * h;
        __m256 acc = first ? _mm256_setzero_ps() : _mm256_maskload_ps(at, mask.half[h]);
        acc = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.block[b].d[8 * h]), dx), _mm256_cvtepi32_ps(total[c][h]),
                              acc);
        if (T::kMinimum) {
          acc = _mm256_fnmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.block[b].dmin[8 * h]), dx),
                                 _mm256_cvtepi32_ps(mins[c][h]), acc);
        }
        _mm256_maskstore_ps(at, mask.half[h], last ? canonical(acc) : acc);
      }
    }
  }
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  using Row = RowQ8x256;
  using Panel = avx2::Panel;
  using Mask = TileMask;
  static constexpr int kBlock = 256, kStep = 2;
  static constexpr bool kHalfStep = false;
  static constexpr int kHalfRows = avx2::kHalfRows, kTileColumns = avx2::kTileColumns;
  static constexpr int kPanelBlocks = avx2::kPanelBlocks, kPanelColumns = 24;

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
    gemv_step<T, C>(w, x, x_stride, b, acc);
  }
  template <int H, int C>
  FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                       const Mask& mask) {
    avx2::tile<T, H, C>(a, panel, blocks, b0, m, n, mask);
  }
};

}  // namespace

void linear_q2_K(const LinearArgs& args) { linear_quantized<Leaf<Q2_K>>(args); }
void linear_q3_K(const LinearArgs& args) { linear_quantized<Leaf<Q3_K>>(args); }
void linear_q4_K(const LinearArgs& args) { linear_quantized<Leaf<Q4_K>>(args); }
void linear_q5_K(const LinearArgs& args) { linear_quantized<Leaf<Q5_K>>(args); }
void linear_q6_K(const LinearArgs& args) { linear_quantized<Leaf<Q6_K>>(args); }
void linear_iq4_xs(const LinearArgs& args) { linear_quantized<Leaf<IQ4_XS>>(args); }

}  // namespace avx2
}  // namespace fak
