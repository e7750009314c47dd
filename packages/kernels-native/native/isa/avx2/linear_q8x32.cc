// AVX2 linear leaves for the types with blocks of 32: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4.
// Quants that are stored without a sign stay so; their offset leaves as offset * sum(xq), exact.
//   few columns:  four far rows times two blocks make one register of eight dots. Bound by memory reads; from cache, by
//                 the vector ports, about 5 operations per row, block and column.
//   many columns: 16 rows are unpacked to a panel of unsigned bytes in L1, then multiplied 16 x 3 (linear_q8x256.cc says why).
//                 Bound by the vector ports: vpmaddubsw and an addition for 32 products, or one vpdpbusd.
//   Q8_0 and IQ4_NL with AVX2 alone: two products may fill an int16 already. With few columns they lend their sign to the
//                 activation (vpsignb); a panel holds int16 pairs and is multiplied 16 x 4, bound by the multiply ports: one
//                 vpmaddwd for 16 products.
#include "linear_avx2.h"
#include "linear_dots.h"
#include "linear_wide.h"

namespace fak {
namespace FAK_ISA {
namespace {

FAK_INLINE __m256i low_nibbles(__m256i v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
FAK_INLINE __m256i high_nibbles(__m256i v) { return low_nibbles(_mm256_srli_epi16(v, 4)); }

/// Byte j of a lane gets bit j % 8 of the byte that the index names, as 16 or 0. `first`: the index of byte 0 of the lane.
template <int first>
FAK_INLINE __m256i fifth_bits(__m256i bits, int upper) {
  const __m128i low = _mm_set_epi8(first + 1, first + 1, first + 1, first + 1, first + 1, first + 1, first + 1, first + 1,  //
                                   first, first, first, first, first, first, first, first);
  const __m256i index = _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_add_epi8(low, _mm_set1_epi8(static_cast<char>(upper))), 1);
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201u));
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(bits, index), bit), bit);
  return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

FAK_INLINE __m256i in_both_lanes(__m128i v) { return _mm256_broadcastsi128_si256(v); }

// Each type: its block; what the bytes below exceed the real quants by, and their largest value where they are not signed;
// whether there is a minimum. `pair` gives elements 0 to 15 of two blocks, one in each lane, and elements 16 to 31; `all` the 32
// bytes of one block. The loads of AVX2 reach half a register of 4-bit quants, so two blocks side by side cost what one does.

template <class B, int offset, bool minimum>
struct Nibbles {
  using Block = B;
  static constexpr int kOffset = offset, kLargest = 15;
  static constexpr bool kSigned = false, kMinimum = minimum;
  FAK_INLINE void pair(const Block* w, __m256i& low, __m256i& high) {
    const __m256i v = two_lanes(w[0].qs, w[1].qs);
    low = low_nibbles(v);
    high = high_nibbles(v);
  }
  FAK_INLINE __m256i all(const Block& w) {
    const __m256i v = in_both_lanes(load_128(w.qs));
    return low_nibbles(_mm256_srlv_epi64(v, _mm256_set_epi64x(4, 4, 0, 0)));
  }
};

using Q4_0 = Nibbles<BlockQ4_0, 8, false>;
using Q4_1 = Nibbles<BlockQ4_1, 0, true>;

template <class B, int offset, bool minimum>
struct FiveBits {
  using Block = B;
  static constexpr int kOffset = offset, kLargest = 31;
  static constexpr bool kSigned = false, kMinimum = minimum;
  FAK_INLINE void pair(const Block* w, __m256i& low, __m256i& high) {
    Nibbles<B, offset, minimum>::pair(w, low, high);
    const __m256i bits = _mm256_set_m128i(_mm_set1_epi32(static_cast<int32_t>(load_u32(w[1].qh))),
                                          _mm_set1_epi32(static_cast<int32_t>(load_u32(w[0].qh))));
    low = _mm256_or_si256(low, fifth_bits<0>(bits, 0));
    high = _mm256_or_si256(high, fifth_bits<2>(bits, 0));
  }
  FAK_INLINE __m256i all(const Block& w) {
    const __m256i bits = _mm256_set1_epi32(static_cast<int32_t>(load_u32(w.qh)));
    return _mm256_or_si256(Nibbles<B, offset, minimum>::all(w), fifth_bits<0>(bits, 2));
  }
};

using Q5_0 = FiveBits<BlockQ5_0, 16, false>;
using Q5_1 = FiveBits<BlockQ5_1, 0, true>;

/// Quants of eight bits stay signed for vpmaddubsw and are made unsigned for vpdpbusd.
constexpr int kByteOffset = kVnni ? 128 : 0;
FAK_INLINE __m256i byte_quants(__m256i v) { return kVnni ? _mm256_xor_si256(v, _mm256_set1_epi8(-128)) : v; }

struct Q8_0 {
  using Block = BlockQ8_0;
  static constexpr int kOffset = kByteOffset, kLargest = 255;
  static constexpr bool kSigned = !kVnni, kMinimum = false;
  FAK_INLINE void pair(const Block* w, __m256i& low, __m256i& high) {
    low = byte_quants(two_lanes(w[0].qs, w[1].qs));
    high = byte_quants(two_lanes(w[0].qs + 16, w[1].qs + 16));
  }
  FAK_INLINE __m256i all(const Block& w) { return byte_quants(load_256(w.qs)); }
};

/// Nibbles that name entries of a table.
template <class T, class B>
struct Table {
  FAK_INLINE void pair(const B* w, __m256i& low, __m256i& high) {
    const __m256i v = two_lanes(w[0].qs, w[1].qs), table = T::table();
    low = _mm256_shuffle_epi8(table, low_nibbles(v));
    high = _mm256_shuffle_epi8(table, high_nibbles(v));
  }
  FAK_INLINE __m256i all(const B& w) {
    const __m256i v = _mm256_srlv_epi64(in_both_lanes(load_128(w.qs)), _mm256_set_epi64x(4, 4, 0, 0));
    return _mm256_shuffle_epi8(T::table(), low_nibbles(v));
  }
};

struct IQ4_NL : Table<IQ4_NL, BlockIQ4_NL> {
  using Block = BlockIQ4_NL;
  static constexpr int kOffset = kByteOffset, kLargest = 255;
  static constexpr bool kSigned = !kVnni, kMinimum = false;
  FAK_INLINE __m256i table() { return byte_quants(in_both_lanes(load_128(kIQ4Values))); }
};

struct MXFP4 : Table<MXFP4, BlockMXFP4> {
  using Block = BlockMXFP4;
  static constexpr int kOffset = 12, kLargest = 24;
  static constexpr bool kSigned = false, kMinimum = false;
  FAK_INLINE __m256i table() { return in_both_lanes(_mm_add_epi8(load_128(kE2M1Values), _mm_set1_epi8(kOffset))); }
};

/// v * offset, lane by lane.
template <int offset>
FAK_INLINE __m256i times(__m256i v) {
  static_assert(offset == 12 || (offset & (offset - 1)) == 0, "shifts below");
  if (offset == 12) return _mm256_add_epi32(_mm256_slli_epi32(v, 3), _mm256_slli_epi32(v, 2));
  return _mm256_slli_epi32(v, offset == 8 ? 3 : offset == 16 ? 4 : 7);
}

/// Scales of two blocks of four rows; lane 4 i + r is block i of row r.
template <class Block>
FAK_INLINE __m256 step_scales(const Block* const w[4]) {
  return halves_to_floats(four_halves(w[0][0].d, w[1][0].d, w[2][0].d, w[3][0].d),
                          four_halves(w[0][1].d, w[1][1].d, w[2][1].d, w[3][1].d));
}
FAK_INLINE __m256 step_scales(const BlockMXFP4* const w[4]) {
  uint32_t first = 0, second = 0;
  for (int r = 0; r < 4; r++) {
    first |= static_cast<uint32_t>(w[r][0].e) << (8 * r);
    second |= static_cast<uint32_t>(w[r][1].e) << (8 * r);
  }
  return halved_e8m0(static_cast<uint64_t>(second) << 32 | first);
}

/// Scales of one block of each of eight rows.
template <class Block>
FAK_INLINE __m256 row_scales(const Block* const w[8]) {
  alignas(16) uint16_t d[8];
  for (int r = 0; r < 8; r++) d[r] = load_u16(w[r]->d);
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(d)));
}
FAK_INLINE __m256 row_scales(const BlockMXFP4* const w[8]) {
  uint64_t e = 0;
  for (int r = 0; r < 8; r++) e |= static_cast<uint64_t>(w[r]->e) << (8 * r);
  return halved_e8m0(e);
}

// ---- Few columns ----

/// The dots of the quants `low` and `high` with a column, as eight sums of four or eight products.
template <class T>
FAK_INLINE __m256i pair_dot(__m256i low, __m256i high, __m256i x_low, __m256i x_high) {
  if (T::kSigned) {
    const __m256i one = _mm256_set1_epi16(1);
    return _mm256_add_epi32(_mm256_madd_epi16(byte_products<true>(low, x_low), one),
                            _mm256_madd_epi16(byte_products<true>(high, x_high), one));
  }
  static_assert(T::kSigned || kVnni || 4 * T::kLargest * kLargestActivation <= kLargestInt16, "four products fit int16");
  return to_int32(dot_step(dot_step(_mm256_setzero_si256(), low, x_low), high, x_high));
}

/// Four rows times two blocks times C columns; x is the first activation row, the others follow at x_stride bytes.
template <class T, int C>
FAK_INLINE void gemv_step(const typename T::Block* const w[4], const RowQ8x32& x, size_t x_stride, int64_t b,
                          __m128 acc[C]) {
  __m256i low[4], high[4];
  for (int r = 0; r < 4; r++) {
    prefetch_ahead<2 * sizeof(typename T::Block)>(w[r]);
    T::pair(w[r], low[r], high[r]);
  }
  const __m256 d = step_scales(w);
  __m256 m = d;
  if constexpr (T::kMinimum) {
    m = halves_to_floats(four_halves(min_field(w[0][0]), min_field(w[1][0]), min_field(w[2][0]), min_field(w[3][0])),
                         four_halves(min_field(w[0][1]), min_field(w[1][1]), min_field(w[2][1]), min_field(w[3][1])));
  }
  for (int c = 0; c < C; c++) {
    const size_t column = static_cast<size_t>(c) * x_stride;
    const __m256i first = load_256(x.quants + column + 32 * b), second = load_256(x.quants + column + 32 * b + 32);
    const __m256i x_low = _mm256_permute2x128_si256(first, second, 0x20);
    const __m256i x_high = _mm256_permute2x128_si256(first, second, 0x31);
    __m256i dots[4];
    for (int r = 0; r < 4; r++) dots[r] = pair_dot<T>(low[r], high[r], x_low, x_high);
    // Lane i of each register is block i, so the sums of lanes are the result: lane 4 i + r is block i of row r.
    __m256i dot = sum_lanes(dots[0], dots[1], dots[2], dots[3]);
    const __m256i sum =
        spread2(reinterpret_cast<const int32_t*>(reinterpret_cast<const uint8_t*>(x.sums + b) + column));
    if (T::kOffset != 0) dot = _mm256_sub_epi32(dot, times<T::kOffset>(sum));
    const __m256 dx = spread2(reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(x.scales + b) + column));
    const __m256 scale = _mm256_mul_ps(d, dx), value = _mm256_cvtepi32_ps(dot);
    if (T::kMinimum) {
      // The shared step subtracts; negating an operand changes no rounding.
      const __m256 min_value = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_setzero_si256(), sum));
      acc[c] = fma_pairs_in_block_order(scale, value, _mm256_mul_ps(m, dx), min_value, acc[c]);
    } else {
      acc[c] = fma_in_block_order(scale, value, acc[c]);
    }
  }
}

// ---- Many columns: bytes ----

constexpr int kByteBlocks = 32;

/// Elements whose products one partial dot takes; a block needs no scaling inside, so with int32 sums that is all of them.
template <class T>
constexpr int kRun = kVnni ? 32 : partial_elements(T::kLargest, 32);

/// 16 weight rows times up to kByteBlocks blocks as unsigned bytes, 16 KiB and the scales: quants[block][dword of 4 elements][row].
struct BytePanel {
  alignas(32) uint8_t quants[kByteBlocks][8][kTileRows][4];
  alignas(32) float d[kByteBlocks][kTileRows];
  alignas(32) float m[kByteBlocks][kTileRows];
};

/// The scales and minimums of one block of each of eight rows.
template <class T>
FAK_INLINE void fill_scales(float* d, float* m, const typename T::Block* const w[8]) {
  _mm256_store_ps(d, row_scales(w));
  if constexpr (T::kMinimum) {
    alignas(16) uint16_t halves[8];
    for (int r = 0; r < 8; r++) halves[r] = load_u16(min_field(*w[r]));
    _mm256_store_ps(m, _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(halves))));
  }
}

/// Unpacks `blocks` blocks from each of eight rows into half `half` of a panel.
template <class T>
FAK_INLINE void fill_panel(BytePanel& panel, int half, const uint8_t* const rows[8], int64_t blocks) {
  for (int64_t b = 0; b < blocks; b++) {
    const typename T::Block* w[8];
    __m256i q[8];
    for (int r = 0; r < 8; r++) {
      w[r] = reinterpret_cast<const typename T::Block*>(rows[r]) + b;
      if (b % 2 == 0) prefetch_next_tile<2 * sizeof(typename T::Block)>(w[r], kTileRows * (rows[1] - rows[0]));
      q[r] = T::all(*w[r]);
    }
    transpose8(q);
    for (int i = 0; i < 8; i++) store_256(panel.quants[b][i][8 * half], q[i]);
    fill_scales<T>(&panel.d[b][8 * half], &panel.m[b][8 * half], w);
  }
}

/// What a tile needs of one column's blocks beside quants and scales: where dots start so that the offset of the stored quants is
/// gone, and the sums as floats for the minimums.
struct ColumnSums {
  alignas(32) int32_t start[kByteBlocks];
  alignas(32) float sum[kByteBlocks];
};

template <class T>
FAK_INLINE void column_sums(ColumnSums& out, const int32_t* sums, int64_t blocks) {
  // Sums are padded to 64 bytes, so whole registers can be read.
  for (int64_t b = 0; b < blocks; b += 8) {
    const __m256i v = load_256(sums + b);
    if (T::kOffset != 0) store_256(out.start + b, _mm256_sub_epi32(_mm256_setzero_si256(), times<T::kOffset>(v)));
    if (T::kMinimum) _mm256_store_ps(out.sum + b, _mm256_cvtepi32_ps(v));
  }
}

/// A panel times C columns; y is the accumulator between panels. H halves of 8 rows are in use.
template <class T, int H, int C>
FAK_INLINE void tile(const LinearArgs& a, const BytePanel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                     const TileMask& mask) {
  const RowQ8x32 x = row_q8x32(a.x + static_cast<size_t>(m) * a.x_stride, a.k);
  ColumnSums sums[C];
  for (int c = 0; c < C; c++) {
    column_sums<T>(sums[c], reinterpret_cast<const int32_t*>(reinterpret_cast<const uint8_t*>(x.sums + b0) +
                                                             static_cast<size_t>(c) * a.x_stride), blocks);
  }
  alignas(32) float acc[C][kTileRows];
  load_tile<H, C>(a, m, n, mask, b0 == 0, acc);
  for (int64_t b = 0; b < blocks; b++) {
    const int8_t* xq = x.quants + 32 * (b0 + b);
    __m256i dot[C][H];
#pragma GCC unroll 2
    for (int run = 0; run < 32 / kRun<T>; run++) {
      __m256i partial[C][H];
      for (int c = 0; c < C; c++) {
        for (int h = 0; h < H; h++) {
          partial[c][h] = kVnni && T::kOffset != 0 ? _mm256_set1_epi32(sums[c].start[b]) : _mm256_setzero_si256();
        }
      }
#pragma GCC unroll 8
      for (int i = 0; i < kRun<T> / 4; i++) {
        const int quad = kRun<T> / 4 * run + i;
        __m256i w[H];
        for (int h = 0; h < H; h++) w[h] = load_256(panel.quants[b][quad][8 * h]);
        for (int c = 0; c < C; c++) {
          const __m256i v = broadcast_dword(xq + static_cast<size_t>(c) * a.x_stride + 4 * quad);
          for (int h = 0; h < H; h++) partial[c][h] = dot_step(partial[c][h], w[h], v);
        }
      }
      for (int c = 0; c < C; c++) {
        for (int h = 0; h < H; h++) {
          if (kVnni || (run == 0 && T::kOffset == 0)) {
            dot[c][h] = to_int32(partial[c][h]);
          } else {
            const __m256i before = run == 0 ? _mm256_set1_epi32(sums[c].start[b]) : dot[c][h];
            dot[c][h] = add_words(before, partial[c][h], _mm256_set1_epi16(1));
          }
        }
      }
    }
    for (int c = 0; c < C; c++) {
      const __m256 dx = _mm256_broadcast_ss(reinterpret_cast<const float*>(
          reinterpret_cast<const uint8_t*>(x.scales + b0 + b) + static_cast<size_t>(c) * a.x_stride));
      for (int h = 0; h < H; h++) {
        float* at = acc[c] + 8 * h;
        __m256 v = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.d[b][8 * h]), dx), _mm256_cvtepi32_ps(dot[c][h]),
                                   _mm256_load_ps(at));
        if (T::kMinimum) {
          v = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(&panel.m[b][8 * h]), dx), _mm256_broadcast_ss(&sums[c].sum[b]), v);
        }
        _mm256_store_ps(at, v);
      }
    }
  }
  store_tile<H, C>(a, m, n, mask, 32 * (b0 + blocks) == a.k, acc);
}

// ---- Many columns: int16, for AVX2 alone and quants of eight bits ----

/// 16 blocks of 16 rows, 16 KiB.
using WidePanel32 = WidePanel<32, 16>;

template <class T>
FAK_INLINE void fill_panel(WidePanel32& panel, int half, const uint8_t* const rows[8], int64_t blocks) {
  for (int64_t b = 0; b < blocks; b++) {
    __m256i low[8], high[8];
    const typename T::Block* w[8];
    for (int r = 0; r < 8; r++) {
      w[r] = reinterpret_cast<const typename T::Block*>(rows[r]) + b;
      if (b % 2 == 0) prefetch_next_tile<2 * sizeof(typename T::Block)>(w[r], kTileRows * (rows[1] - rows[0]));
      const __m256i q = T::all(*w[r]);
      low[r] = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(q));
      high[r] = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(q, 1));
    }
    transpose8(low);
    transpose8(high);
    for (int i = 0; i < 8; i++) {
      store_256(panel.quants[b][i][8 * half], low[i]);
      store_256(panel.quants[b][8 + i][8 * half], high[i]);
    }
    fill_scales<T>(&panel.d[b][8 * half], nullptr, w);
  }
}

template <class T, int H, int C>
FAK_INLINE void tile(const LinearArgs& a, const WidePanel32& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                     const TileMask& mask) {
  tile_wide<H, C>(a, panel, row_q8x32(a.x + static_cast<size_t>(m) * a.x_stride, a.k), blocks, b0, m, n, mask);
}

/// The form of panel for a type.
template <bool wide>
struct PanelForm {
  using Panel = BytePanel;
  static constexpr int kTileColumns = 3, kPanelBlocks = kByteBlocks, kPanelColumns = 5;
};
template <>
struct PanelForm<true> {
  using Panel = WidePanel32;
  static constexpr int kTileColumns = 4, kPanelBlocks = Panel::kBlocks, kPanelColumns = 8;
};

template <class T>
struct Leaf : LeafBase, PanelForm<T::kSigned> {
  using Block = typename T::Block;
  using Row = RowQ8x32;
  using Panel = typename PanelForm<T::kSigned>::Panel;
  static constexpr int kBlock = 32;

  FAK_INLINE Row row(const uint8_t* x, int64_t k) { return row_q8x32(x, k); }
  FAK_INLINE void fill(Panel& panel, int half, const uint8_t* const rows[kHalfRows], int64_t blocks) {
    fill_panel<T>(panel, half, rows, blocks);
  }
  template <int C>
  FAK_INLINE void step(const Block* const w[4], const Row& x, size_t x_stride, int64_t b, __m128 acc[C]) {
    gemv_step<T, C>(w, x, x_stride, b, acc);
  }
  template <int H, int C>
  FAK_INLINE void tile(const LinearArgs& a, const Panel& panel, int64_t blocks, int64_t b0, int64_t m, int64_t n,
                       const TileMask& mask) {
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
