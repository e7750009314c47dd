// AVX2 linear leaves for the types with blocks of 32: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4.
// Quants that are stored without a sign stay so; their offset leaves as offset * sum(xq), exact. Signed ones lend their sign
// to the activation (vpsignb).
//   few columns:  four far rows times two blocks make one register of eight dots. Bound by memory reads; from cache, by
//                 the vector ports, about 8 operations per row, block and column.
//   many columns: 16 rows are unpacked to a panel of int16 pairs in L1, then multiplied 16 x 4. Bound by the multiply
//                 ports: one vpmaddwd for 16 products.
#include "linear_avx2.h"
#include "linear_common.h"

namespace fak {
namespace FAK_ISA {
namespace {

constexpr int kNoOffset = -1;

FAK_INLINE __m256i nibbles(const uint8_t* p) {
  const __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_and_si256(_mm256_srlv_epi64(twice, _mm256_set_epi64x(4, 4, 0, 0)), _mm256_set1_epi8(15));
}

FAK_INLINE __m256i nibbles_with_fifth_bit(const uint8_t* p, const uint8_t* high) {
  // Byte j of the register gets byte j / 8 of the bits, then keeps bit j % 8.
  const __m256i index = _mm256_set_epi8(3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2,  //
                                        1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201u));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int32_t>(load_u32(high))), index);
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
  return _mm256_or_si256(nibbles(p), _mm256_and_si256(set, _mm256_set1_epi8(16)));
}

// Each type: its block, the power of two that the stored quants exceed the real ones by, whether they are signed, whether
// there is a minimum, and a block as 32 bytes.
struct Q4_0 {
  using Block = BlockQ4_0;
  static constexpr int kOffsetShift = 3;
  static constexpr bool kSigned = false, kMinimum = false;
  FAK_INLINE __m256i quants(const Block& b) { return nibbles(b.qs); }
};

struct Q4_1 {
  using Block = BlockQ4_1;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = false, kMinimum = true;
  FAK_INLINE __m256i quants(const Block& b) { return nibbles(b.qs); }
};

struct Q5_0 {
  using Block = BlockQ5_0;
  static constexpr int kOffsetShift = 4;
  static constexpr bool kSigned = false, kMinimum = false;
  FAK_INLINE __m256i quants(const Block& b) { return nibbles_with_fifth_bit(b.qs, b.qh); }
};

struct Q5_1 {
  using Block = BlockQ5_1;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = false, kMinimum = true;
  FAK_INLINE __m256i quants(const Block& b) { return nibbles_with_fifth_bit(b.qs, b.qh); }
};

struct Q8_0 {
  using Block = BlockQ8_0;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = true, kMinimum = false;
  FAK_INLINE __m256i quants(const Block& b) { return load_256(b.qs); }
};

struct IQ4_NL {
  using Block = BlockIQ4_NL;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = true, kMinimum = false;
  FAK_INLINE __m256i quants(const Block& b) {
    const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Values));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), nibbles(b.qs));
  }
};

struct MXFP4 {
  using Block = BlockMXFP4;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = true, kMinimum = false;
  FAK_INLINE __m256i quants(const Block& b) {
    const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2M1Values));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), nibbles(b.qs));
  }
};

/// Scales of two blocks of four rows; lane 4 i + r is block i of row r.
template <class Block>
FAK_INLINE __m256 step_scales(const Block* const w[4]) {
  return halves_to_floats(four_halves(w[0][0].d, w[1][0].d, w[2][0].d, w[3][0].d),
                          four_halves(w[0][1].d, w[1][1].d, w[2][1].d, w[3][1].d));
}
FAK_INLINE __m256 step_scales(const BlockMXFP4* const w[4]) {
  uint8_t e[8];
  for (int r = 0; r < 4; r++) e[r] = w[r][0].e, e[4 + r] = w[r][1].e;
  return halved_e8m0(e);
}

/// Scales of one block of each of eight rows.
template <class Block>
FAK_INLINE __m256 row_scales(const Block* const w[8]) {
  alignas(16) uint16_t d[8];
  for (int r = 0; r < 8; r++) d[r] = load_u16(w[r]->d);
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(d)));
}
FAK_INLINE __m256 row_scales(const BlockMXFP4* const w[8]) {
  uint8_t e[8];
  for (int r = 0; r < 8; r++) e[r] = w[r]->e;
  return halved_e8m0(e);
}

// ---- Few columns ----

/// Four rows times two blocks times C columns; x is the first activation row, the others follow at x_stride bytes.
template <class T, int C>
FAK_INLINE void gemv_step(const typename T::Block* const w[4], const RowQ8x32& x, size_t x_stride, int64_t b,
                          __m128 acc[C]) {
  __m256i lanes[C][2];
  for (int i = 0; i < 2; i++) {
    __m256i dots[C][4];
    for (int r = 0; r < 4; r++) {
      prefetch_ahead<sizeof(typename T::Block)>(w[r] + i);
      const __m256i q = T::quants(w[r][i]);
      for (int c = 0; c < C; c++) {
        const __m256i xq = load_256(x.quants + static_cast<size_t>(c) * x_stride + 32 * (b + i));
        dots[c][r] = _mm256_madd_epi16(byte_products<T::kSigned>(q, xq), _mm256_set1_epi16(1));
      }
    }
    for (int c = 0; c < C; c++) lanes[c][i] = sum_lanes(dots[c][0], dots[c][1], dots[c][2], dots[c][3]);
  }
  const __m256 d = step_scales(w);
  for (int c = 0; c < C; c++) {
    const size_t column = static_cast<size_t>(c) * x_stride;
    const __m256i sum =
        spread2(reinterpret_cast<const int32_t*>(reinterpret_cast<const uint8_t*>(x.sums + b) + column));
    __m256i dot = sum_both_lanes(lanes[c][0], lanes[c][1]);
    if (T::kOffsetShift != kNoOffset) dot = _mm256_sub_epi32(dot, _mm256_slli_epi32(sum, T::kOffsetShift & 31));
    const __m256 dx = spread2(reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(x.scales + b) + column));
    const __m256 scale = _mm256_mul_ps(d, dx), value = _mm256_cvtepi32_ps(dot);
    if constexpr (T::kMinimum) {
      const __m256 m = halves_to_floats(
          four_halves(min_field(w[0][0]), min_field(w[1][0]), min_field(w[2][0]), min_field(w[3][0])),
          four_halves(min_field(w[0][1]), min_field(w[1][1]), min_field(w[2][1]), min_field(w[3][1])));
      // The shared step subtracts; negating an operand changes no rounding.
      const __m256 min_value = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_setzero_si256(), sum));
      acc[c] = fma_pairs_in_block_order(scale, value, _mm256_mul_ps(m, dx), min_value, acc[c]);
    } else {
      acc[c] = fma_in_block_order(scale, value, acc[c]);
    }
  }
}

// ---- Many columns ----

constexpr int kPanelBlocks = 16;

/// 16 weight rows times up to kPanelBlocks blocks as real (signed) quants: 16 KiB and the scales.
struct Panel {
  alignas(32) int16_t quants[kPanelBlocks][16][kTileRows][2];
  alignas(32) float d[kPanelBlocks][kTileRows];
  alignas(32) float m[kPanelBlocks][kTileRows];
};

/// Unpacks `blocks` blocks from each of eight rows into half `half` of a panel.
template <class T>
FAK_INLINE void fill_panel(Panel& panel, int half, const uint8_t* const rows[8], int64_t blocks) {
  using Block = typename T::Block;
  for (int64_t b = 0; b < blocks; b++) {
    __m256i low[8], high[8];
    alignas(16) uint16_t m[8];
    const Block* w[8];
    for (int r = 0; r < 8; r++) {
      w[r] = reinterpret_cast<const Block*>(rows[r]) + b;
      __m256i q = T::quants(*w[r]);
      if (T::kOffsetShift != kNoOffset) q = _mm256_sub_epi8(q, _mm256_set1_epi8(1 << (T::kOffsetShift & 7)));
      low[r] = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(q));
      high[r] = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(q, 1));
      if constexpr (T::kMinimum) m[r] = load_u16(min_field(*w[r]));
    }
    transpose8(low);
    transpose8(high);
    for (int i = 0; i < 8; i++) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(panel.quants[b][i][8 * half]), low[i]);
      _mm256_store_si256(reinterpret_cast<__m256i*>(panel.quants[b][8 + i][8 * half]), high[i]);
    }
    _mm256_store_ps(&panel.d[b][8 * half], row_scales(w));
    if (T::kMinimum) {
      _mm256_store_ps(&panel.m[b][8 * half], _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(m))));
    }
  }
}

/// A panel times C columns; y is the accumulator between panels. H groups of 8 rows are in use.
template <class T, int H, int C>
FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                     const TileMask& mask) {
  const RowQ8x32 x = row_q8x32(a.x + static_cast<size_t>(m) * a.x_stride, a.k);
  float* y = a.y + static_cast<size_t>(m) * a.y_stride + n;
  const bool first = b0 == 0, last = 32 * (b0 + blocks) == a.k;
  constexpr int kLength = 32 * kPanelBlocks;
  alignas(32) int16_t wide[C][kLength];
  for (int c = 0; c < C; c++) widen(wide[c], x.quants + static_cast<size_t>(c) * a.x_stride + 32 * b0, 32 * blocks);
  alignas(32) float acc[C][kTileRows];
  for (int c = 0; c < C; c++) {
    for (int h = 0; h < H; h++) {
      const float* at = y + static_cast<size_t>(c) * a.y_stride + 8 * h;
      _mm256_store_ps(acc[c] + 8 * h, first ? _mm256_setzero_ps() : _mm256_maskload_ps(at, mask.half[h]));
    }
  }
  for (int64_t b = 0; b < blocks; b++) {
    __m256i dot[C][H];
    for (int c = 0; c < C; c++) {
      for (int h = 0; h < H; h++) dot[c][h] = _mm256_setzero_si256();
    }
    panel_dots<H, C>(panel.quants[b], 16, wide[0] + 32 * b, kLength, dot);
    for (int c = 0; c < C; c++) {
      const size_t column = static_cast<size_t>(c) * a.x_stride;
      const __m256 dx = _mm256_broadcast_ss(
          reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(x.scales + b0 + b) + column));
      for (int h = 0; h < H; h++) {
        __m256 v = _mm256_load_ps(acc[c] + 8 * h);
        v = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.d[b][8 * h]), dx), _mm256_cvtepi32_ps(dot[c][h]), v);
        if (T::kMinimum) {
          int32_t sum;
          memcpy(&sum, reinterpret_cast<const uint8_t*>(x.sums + b0 + b) + column, sizeof sum);
          v = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.m[b][8 * h]), dx),
                              _mm256_set1_ps(static_cast<float>(sum)), v);
        }
        _mm256_store_ps(acc[c] + 8 * h, v);
      }
    }
  }
  for (int c = 0; c < C; c++) {
    for (int h = 0; h < H; h++) {
      const __m256 v = _mm256_load_ps(acc[c] + 8 * h);
      _mm256_maskstore_ps(y + static_cast<size_t>(c) * a.y_stride + 8 * h, mask.half[h], last ? canonical(v) : v);
    }
  }
}

template <class T>
struct Leaf {
  using Block = typename T::Block;
  using Row = RowQ8x32;
  using Panel = FAK_ISA::Panel;
  using Mask = TileMask;
  static constexpr int kBlock = 32, kStep = 2;
  static constexpr bool kHalfStep = false;
  static constexpr int kHalfRows = FAK_ISA::kHalfRows, kTileColumns = 4;
  static constexpr int kPanelBlocks = FAK_ISA::kPanelBlocks, kPanelColumns = 24;

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
    FAK_ISA::tile<T, H, C>(a, panel, blocks, b0, m, n, mask);
  }
};

}  // namespace

void linear_q4_0(const LinearArgs& args) { linear_quantized<Leaf<Q4_0>>(args); }
void linear_q4_1(const LinearArgs& args) { linear_quantized<Leaf<Q4_1>>(args); }
void linear_q5_0(const LinearArgs& args) { linear_quantized<Leaf<Q5_0>>(args); }
void linear_q5_1(const LinearArgs& args) { linear_quantized<Leaf<Q5_1>>(args); }
void linear_q8_0(const LinearArgs& args) { linear_quantized<Leaf<Q8_0>>(args); }
void linear_iq4_nl(const LinearArgs& args) { linear_quantized<Leaf<IQ4_NL>>(args); }
void linear_mxfp4(const LinearArgs& args) { linear_quantized<Leaf<MXFP4>>(args); }

}  // namespace FAK_ISA
}  // namespace fak
