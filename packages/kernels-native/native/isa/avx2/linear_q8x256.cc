// AVX2 linear leaves for the types with super-blocks of 256: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS.
// Everything up to the float step is exact in int32, in any order: vpmaddubsw makes int16 pairs of products (bounds at
// byte_products), vpmaddwd multiplies them by their group's scale and adds them to int32.
//   few columns:  four far rows times two super-blocks make one register of eight totals. Bound by memory reads; from
//                 cache by the vector ports, about 50 operations per row, super-block and column.
//   many columns: 16 rows are unpacked to a dword-transposed panel of unsigned bytes, then multiplied 16 x 3: with 16 registers,
//                 partial dots, totals and operands of that tile just fit. Bound by the vector ports: vpmaddubsw and an addition
//                 for 32 products, and a scaling for every partial dot; types of eight bits see linear_wide_q8x256.h.
#include "linear_avx2.h"
#include "linear_unpack_q8x256.h"
#include "linear_wide_q8x256.h"

namespace fak {
namespace FAK_ISA {
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

/// The minimums of two super-blocks with groups of 32, one in each lane, as int16.
template <class Block>
FAK_INLINE __m256i two_minimums(const Block* w) {
  uint64_t scales, first, second;
  scale_bytes_q4_K(w[0].scales, scales, first);
  scale_bytes_q4_K(w[1].scales, scales, second);
  return _mm256_cvtepu8_epi16(_mm_set_epi64x(static_cast<int64_t>(second), static_cast<int64_t>(first)));
}

/// The sums of 32 activations of two super-blocks, one in each lane, as int16.
FAK_INLINE __m256i two_sums(const int16_t* sums) {
  const __m256i one = _mm256_set1_epi16(1);
  const __m256i words = _mm256_packs_epi32(_mm256_madd_epi16(load_256(sums), one), _mm256_madd_epi16(load_256(sums + 16), one));
  return _mm256_permute4x64_epi64(words, 0xd8);
}

/// Four rows times two super-blocks times C columns; x is the first activation row, the others follow at x_stride bytes.
template <class T, int C>
FAK_INLINE void gemv_step(const typename T::Block* const w[4], const RowQ8x256& x, size_t x_stride, int64_t b,
                          __m128 acc[C]) {
  constexpr bool kPairedMinimums = T::kMinimum && T::kGroup == 32;
  __m256i lanes[C][2], min_lanes[C][2];
  for (int i = 0; i < 2; i++) {
    __m256i total[C][4], mins[C][4];
    for (int r = 0; r < 4; r++) {
      prefetch_ahead<sizeof(typename T::Block)>(w[r] + i);
      __m256i q[8], scale, min;
      T::quants(w[r][i], q);
      avx2::group_scales(w[r][i], scale, min);
      const __m256i eights[2] = {_mm256_permute2x128_si256(scale, scale, 0x00),
                                 _mm256_permute2x128_si256(scale, scale, 0x11)};
      __m256i over = scale;
      if (T::kOffsetShift != kNoOffset) over = _mm256_mullo_epi16(scale, _mm256_set1_epi16(-(1 << (T::kOffsetShift & 15))));
      const uint8_t* xq[C];
      __m256i sum[C];
      for (int c = 0; c < C; c++) {
        const size_t column = static_cast<size_t>(c) * x_stride;
        xq[c] = reinterpret_cast<const uint8_t*>(x.quants) + column + 256 * (b + i);
        const __m256i sums = load_256(reinterpret_cast<const uint8_t*>(x.sums + 16 * (b + i)) + column);
        sum[c] = T::kOffsetShift != kNoOffset ? _mm256_madd_epi16(over, sums) : _mm256_setzero_si256();
        if (T::kMinimum && !kPairedMinimums) mins[c][r] = _mm256_madd_epi16(min, sums);
      }
#pragma GCC unroll 8
      for (int j = 0; j < 8; j++) {
        const __m256i words = scale_words(eights[j / 4], j);
        for (int c = 0; c < C; c++) {
          sum[c] = add_words(sum[c], byte_products<T::kSigned>(q[j], load_256(xq[c] + 32 * j)), words);
        }
      }
      for (int c = 0; c < C; c++) total[c][r] = sum[c];
    }
    for (int c = 0; c < C; c++) {
      lanes[c][i] = sum_lanes(total[c][0], total[c][1], total[c][2], total[c][3]);
      if (T::kMinimum && !kPairedMinimums) min_lanes[c][i] = sum_lanes(mins[c][0], mins[c][1], mins[c][2], mins[c][3]);
    }
  }
  const __m256 d = halves_to_floats(four_halves(w[0][0].d, w[1][0].d, w[2][0].d, w[3][0].d),
                                    four_halves(w[0][1].d, w[1][1].d, w[2][1].d, w[3][1].d));
  __m256 dmin = d;
  __m256i minimums[4];
  if constexpr (T::kMinimum) {
    dmin = halves_to_floats(four_halves(min_field(w[0][0]), min_field(w[1][0]), min_field(w[2][0]), min_field(w[3][0])),
                            four_halves(min_field(w[0][1]), min_field(w[1][1]), min_field(w[2][1]), min_field(w[3][1])));
    if constexpr (kPairedMinimums) {
      for (int r = 0; r < 4; r++) minimums[r] = two_minimums(w[r]);
    }
  }
  for (int c = 0; c < C; c++) {
    const size_t column = static_cast<size_t>(c) * x_stride;
    const __m256 dx = spread2(reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(x.scales + b) + column));
    const __m256 scale = _mm256_mul_ps(d, dx);
    const __m256 value = _mm256_cvtepi32_ps(sum_both_lanes(lanes[c][0], lanes[c][1]));
    if (T::kMinimum) {
      __m256i min_sum;
      if (kPairedMinimums) {
        const __m256i sums =
            two_sums(reinterpret_cast<const int16_t*>(reinterpret_cast<const uint8_t*>(x.sums + 16 * b) + column));
        __m256i dots[4];
        for (int r = 0; r < 4; r++) dots[r] = _mm256_madd_epi16(minimums[r], sums);
        min_sum = sum_lanes(dots[0], dots[1], dots[2], dots[3]);
      } else {
        min_sum = sum_both_lanes(min_lanes[c][0], min_lanes[c][1]);
      }
      acc[c] = fma_pairs_in_block_order(scale, value, _mm256_mul_ps(dmin, dx), _mm256_cvtepi32_ps(min_sum), acc[c]);
    } else {
      acc[c] = fma_in_block_order(scale, value, acc[c]);
    }
  }
}

// ---- Many columns ----

constexpr int kPanelBlocks = 4, kTileColumns = 3;

/// Elements whose unsigned quants one partial dot takes before it is scaled, bounded by what a partial holds (linear_dots.h).
template <class T>
constexpr int kRun = partial_elements(T::kLargest, T::kGroup);

/// The offset of the quants in a panel: signed ones, which come here with VNNI only, get 128.
template <class T>
constexpr int kPanelShift = T::kSigned ? 7 : T::kOffsetShift;

/// 16 weight rows times one super-block, at most 6.7 KiB: quants[dword of 4 elements][row]; scale[group][row] as scale_word has
/// it; scale_pair and min_pair[p][row] hold groups 2 p and 2 p + 1 as two int16.
struct PanelBlock {
  alignas(32) uint8_t quants[64][kTileRows][4];
  alignas(32) int32_t scale[16][kTileRows];
  alignas(32) int32_t scale_pair[8][kTileRows];
  alignas(32) int32_t min_pair[8][kTileRows];
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
  __m256i q[8][8], scales[8], mins[8];
  alignas(16) uint16_t d[8], dmin[8];
  for (int r = 0; r < 8; r++) {
    const Block& w = *reinterpret_cast<const Block*>(rows[r]);
    prefetch_next_tile<sizeof(Block)>(&w, kTileRows * (rows[1] - rows[0]));
    T::quants(w, q[r]);
    avx2::group_scales(w, scales[r], mins[r]);
    d[r] = load_u16(w.d);
    if constexpr (T::kMinimum) dmin[r] = load_u16(min_field(w));
  }
  for (int j = 0; j < 8; j++) {
    __m256i v[8];
    for (int r = 0; r < 8; r++) v[r] = T::kSigned ? _mm256_xor_si256(q[r][j], _mm256_set1_epi8(-128)) : q[r][j];
    transpose8(v);
    for (int i = 0; i < 8; i++) store_256(panel.quants[8 * j + i][8 * half], v[i]);
  }
  transpose8(scales);
  for (int p = 0; p < 8; p++) {
    if (T::kGroup == 32) {
      store_256(&panel.scale[p][8 * half], scale_word<T::kLargest, 0>(scales[p]));
    } else {
      store_256(&panel.scale[2 * p][8 * half], scale_word<T::kLargest, 0>(scales[p]));
      store_256(&panel.scale[2 * p + 1][8 * half], scale_word<T::kLargest, 1>(scales[p]));
    }
    if (kPanelShift<T> != kNoOffset && !kVnni) store_256(&panel.scale_pair[p][8 * half], scales[p]);
  }
  _mm256_store_ps(&panel.d[8 * half], _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(d))));
  if (T::kMinimum) {
    transpose8(mins);
    // Groups of 32 have each minimum twice; a pair then joins two neighbours.
    for (int p = 0; p < 128 / T::kGroup; p++) {
      store_256(&panel.min_pair[p][8 * half], T::kGroup == 32 ? _mm256_blend_epi16(mins[2 * p], mins[2 * p + 1], 0xaa) : mins[p]);
    }
    _mm256_store_ps(&panel.dmin[8 * half], _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(dmin))));
  }
}

/// What a tile needs of one column's super-block beside its quants, by group: sums as int16, and where partial dots start so
/// that the offset of the stored quants is gone.
struct ColumnSums {
  alignas(32) int16_t sum[16];
  alignas(32) int32_t start[16];
};

template <class T>
FAK_INLINE void column_sums(ColumnSums& out, const int16_t* sums) {
  const __m256i sixteen = load_256(sums);
  const __m256i eight = _mm256_madd_epi16(sixteen, _mm256_set1_epi16(1));
  if (T::kMinimum || kPanelShift<T> != kNoOffset) {
    if (T::kGroup == 32) {
      const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
      _mm_store_si128(reinterpret_cast<__m128i*>(out.sum), words);
    } else {
      store_256(out.sum, sixteen);
    }
  }
  if (kPanelShift<T> != kNoOffset && kVnni) {
    const __m256i zero = _mm256_setzero_si256();
    if (T::kGroup == 32) {
      store_256(out.start, _mm256_sub_epi32(zero, _mm256_slli_epi32(eight, kPanelShift<T> & 31)));
    } else {
      const __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(sixteen));
      const __m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(sixteen, 1));
      store_256(out.start, _mm256_sub_epi32(zero, _mm256_slli_epi32(low, kPanelShift<T> & 31)));
      store_256(out.start + 8, _mm256_sub_epi32(zero, _mm256_slli_epi32(high, kPanelShift<T> & 31)));
    }
  }
}

/// A panel block times C columns, added to acc. H halves of 8 rows are in use.
template <class T, int H, int C>
FAK_INLINE void tile_block(const PanelBlock& panel, const RowQ8x256& x, size_t x_stride, int64_t b, float acc[C][kTileRows]) {
  ColumnSums sums[C];
  for (int c = 0; c < C; c++) {
    column_sums<T>(sums[c], reinterpret_cast<const int16_t*>(reinterpret_cast<const uint8_t*>(x.sums + 16 * b) +
                                                             static_cast<size_t>(c) * x_stride));
  }
  __m256i total[C][H];
  for (int c = 0; c < C; c++) {
    for (int h = 0; h < H; h++) total[c][h] = _mm256_setzero_si256();
  }
  const uint8_t* xq = reinterpret_cast<const uint8_t*>(x.quants) + 256 * b;
#pragma GCC unroll 1
  for (int g = 0; g < 256 / T::kGroup; g++) {
#pragma GCC unroll 8
    for (int run = 0; run < T::kGroup / kRun<T>; run++) {
      __m256i partial[C][H];
      for (int c = 0; c < C; c++) {
        for (int h = 0; h < H; h++) {
          partial[c][h] = kPanelShift<T> != kNoOffset && kVnni ? _mm256_set1_epi32(sums[c].start[g]) : _mm256_setzero_si256();
        }
      }
#pragma GCC unroll 8
      for (int i = 0; i < kRun<T> / 4; i++) {
        const int quad = (T::kGroup * g + kRun<T> * run) / 4 + i;
        __m256i w[H];
        for (int h = 0; h < H; h++) w[h] = load_256(panel.quants[quad][8 * h]);
        for (int c = 0; c < C; c++) {
          const __m256i v = broadcast_dword(xq + static_cast<size_t>(c) * x_stride + 4 * quad);
          for (int h = 0; h < H; h++) partial[c][h] = dot_step(partial[c][h], w[h], v);
        }
      }
      for (int h = 0; h < H; h++) {
        const __m256i scale = load_256(&panel.scale[g][8 * h]);
        for (int c = 0; c < C; c++) total[c][h] = add_scaled<T::kLargest>(total[c][h], partial[c][h], scale);
      }
    }
  }
  for (int c = 0; c < C; c++) {
    const __m256 dx = _mm256_broadcast_ss(
        reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(x.scales + b) + static_cast<size_t>(c) * x_stride));
    for (int h = 0; h < H; h++) {
      __m256i sum = total[c][h];
      if (kPanelShift<T> != kNoOffset && !kVnni) {
        __m256i over = _mm256_setzero_si256();
        for (int p = 0; p < 8; p++) {
          over = add_words(over, load_256(&panel.scale_pair[p][8 * h]), broadcast_dword(sums[c].sum + 2 * p));
        }
        sum = _mm256_sub_epi32(sum, _mm256_slli_epi32(over, kPanelShift<T> & 31));
      }
      float* at = acc[c] + 8 * h;
      __m256 v = _mm256_load_ps(at);
      v = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.d[8 * h]), dx), _mm256_cvtepi32_ps(sum), v);
      if (T::kMinimum) {
        __m256i mins = _mm256_setzero_si256();
        for (int p = 0; p < 128 / T::kGroup; p++) {
          mins = add_words(mins, load_256(&panel.min_pair[p][8 * h]), broadcast_dword(sums[c].sum + 2 * p));
        }
        v = _mm256_fnmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.dmin[8 * h]), dx), _mm256_cvtepi32_ps(mins), v);
      }
      _mm256_store_ps(at, v);
    }
  }
}

/// A panel times C columns; y is the accumulator between panels.
template <class T, int H, int C>
FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                     const TileMask& mask) {
  const RowQ8x256 x = row_q8x256(a.x + static_cast<size_t>(m) * a.x_stride, a.k);
  alignas(32) float acc[C][kTileRows];
  load_tile<H, C>(a, m, n, mask, b0 == 0, acc);
  for (int64_t b = 0; b < blocks; b++) tile_block<T, H, C>(panel.block[b], x, a.x_stride, b0 + b, acc);
  store_tile<H, C>(a, m, n, mask, 256 * (b0 + blocks) == a.k, acc);
}

/// The form of panel for a type.
template <class T, bool wide>
struct PanelForm {
  using Panel = FAK_ISA::Panel;
  static constexpr int kTileColumns = FAK_ISA::kTileColumns, kPanelBlocks = FAK_ISA::kPanelBlocks;
  FAK_INLINE void fill(Panel& panel, int half, const uint8_t* const rows[8], int64_t b) {
    fill_block<T>(panel.block[b], half, rows);
  }
  template <int H, int C>
  FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                       const TileMask& mask) {
    FAK_ISA::tile<T, H, C>(a, panel, blocks, b0, m, n, mask);
  }
};
template <class T>
struct PanelForm<T, true> {
  using Panel = WidePanel256;
  static constexpr int kTileColumns = 4, kPanelBlocks = WidePanel256::kBlocks;
  FAK_INLINE void fill(Panel& panel, int half, const uint8_t* const rows[8], int64_t b) {
    fill_wide<T>(panel, b, half, rows);
  }
  template <int H, int C>
  FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                       const TileMask& mask) {
    tile_wide<H, C>(a, panel, row_q8x256(a.x + static_cast<size_t>(m) * a.x_stride, a.k), blocks, b0, m, n, mask);
  }
};

template <class T>
struct Leaf : LeafBase, PanelForm<T, T::kSigned && !kVnni> {
  using Block = typename T::Block;
  using Row = RowQ8x256;
  using Form = PanelForm<T, T::kSigned && !kVnni>;
  using Panel = typename Form::Panel;
  static constexpr int kBlock = 256, kPanelColumns = 8;

  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x256(x, k); }
  FAK_INLINE void fill(Panel& panel, int half, const uint8_t* const rows[kHalfRows], int64_t blocks) {
    for (int64_t b = 0; b < blocks; b++) {
      const uint8_t* w[kHalfRows];
      for (int r = 0; r < kHalfRows; r++) w[r] = rows[r] + static_cast<size_t>(b) * sizeof(Block);
      Form::fill(panel, half, w, b);
    }
  }
  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, __m128 acc[C]) {
    gemv_step<T, C>(w, x, x_stride, b, acc);
  }
};

}  // namespace

void linear_q2_K(const LinearArgs& args) { linear_quantized<Leaf<Q2_K>>(args); }
void linear_q3_K(const LinearArgs& args) { linear_quantized<Leaf<Q3_K>>(args); }
void linear_q4_K(const LinearArgs& args) { linear_quantized<Leaf<Q4_K>>(args); }
void linear_q5_K(const LinearArgs& args) { linear_quantized<Leaf<Q5_K>>(args); }
void linear_q6_K(const LinearArgs& args) { linear_quantized<Leaf<Q6_K>>(args); }
void linear_iq4_xs(const LinearArgs& args) { linear_quantized<Leaf<IQ4_XS>>(args); }

}  // namespace FAK_ISA
}  // namespace fak
