// AVX-512 VNNI linear leaves for the types with blocks of 32: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4.
// Weights enter vpdpbusd as unsigned bytes u = q + offset; the offset leaves again as offset * sum(xq), both exact.
//   few columns:  four far rows times four blocks make one register of sixteen dots. Bound by memory reads; from cache,
//                 by the shuffle port (21 adds and shuffles turn 16 x 8 partial sums into 16 dots).
//   many columns: 32 rows are unpacked to a dword-transposed panel in L1, then multiplied 32 x 6. Bound by the two
//                 multiply ports: 8 vpdpbusd + 3 float operations per 16 rows, block and column.
#include "linear_avx512.h"
#include "linear_common.h"

namespace fak {
namespace avx512 {
namespace {

constexpr int kNoOffset = -1;

/// Two blocks of nibbles (16 bytes each) as 64 bytes 0 to 15 in element order.
FAK_INLINE __m512i nibbles(const uint8_t* a, const uint8_t* b) {
  const __m256i both = _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a))),
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(b)), 1);
  const __m512i twice = _mm512_permutexvar_epi64(_mm512_set_epi64(3, 2, 3, 2, 1, 0, 1, 0), _mm512_castsi256_si512(both));
  const __m512i shifted = _mm512_srlv_epi64(twice, _mm512_set_epi64(4, 4, 0, 0, 4, 4, 0, 0));
  return _mm512_and_si512(shifted, _mm512_set1_epi8(15));
}

FAK_INLINE __m512i nibbles_with_fifth_bit(const uint8_t* a, const uint8_t* b, const uint8_t* ha, const uint8_t* hb) {
  const __m512i low = nibbles(a, b);
  const __mmask64 high = static_cast<uint64_t>(load_u32(ha)) | static_cast<uint64_t>(load_u32(hb)) << 32;
  return _mm512_mask_add_epi8(low, high, low, _mm512_set1_epi8(16));
}

// Each type: its block, the power of two that was added to the quants (kOffsetShift), whether it has a minimum, and two
// blocks as 64 unsigned bytes.
struct Q4_0 {
  using Block = BlockQ4_0;
  static constexpr int kOffsetShift = 3;
  static constexpr bool kMinimum = false;
  FAK_INLINE __m512i quants(const Block& a, const Block& b) { return nibbles(a.qs, b.qs); }
};

struct Q4_1 {
  using Block = BlockQ4_1;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kMinimum = true;
  FAK_INLINE __m512i quants(const Block& a, const Block& b) { return nibbles(a.qs, b.qs); }
};

struct Q5_0 {
  using Block = BlockQ5_0;
  static constexpr int kOffsetShift = 4;
  static constexpr bool kMinimum = false;
  FAK_INLINE __m512i quants(const Block& a, const Block& b) {
    return nibbles_with_fifth_bit(a.qs, b.qs, a.qh, b.qh);
  }
};

struct Q5_1 {
  using Block = BlockQ5_1;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kMinimum = true;
  FAK_INLINE __m512i quants(const Block& a, const Block& b) {
    return nibbles_with_fifth_bit(a.qs, b.qs, a.qh, b.qh);
  }
};

struct Q8_0 {
  using Block = BlockQ8_0;
  static constexpr int kOffsetShift = 7;
  static constexpr bool kMinimum = false;
  FAK_INLINE __m512i quants(const Block& a, const Block& b) {
    const __m512i both = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a.qs))),
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b.qs)), 1);
    return _mm512_xor_si512(both, _mm512_set1_epi8(-128));
  }
};

struct IQ4_NL {
  using Block = BlockIQ4_NL;
  static constexpr int kOffsetShift = 7;
  static constexpr bool kMinimum = false;
  FAK_INLINE __m512i quants(const Block& a, const Block& b) {
    const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Values));
    const __m512i shifted = _mm512_broadcast_i32x4(_mm_xor_si128(table, _mm_set1_epi8(-128)));
    return _mm512_shuffle_epi8(shifted, nibbles(a.qs, b.qs));
  }
};

struct MXFP4 {
  using Block = BlockMXFP4;
  static constexpr int kOffsetShift = 4;
  static constexpr bool kMinimum = false;
  FAK_INLINE __m512i quants(const Block& a, const Block& b) {
    const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2M1Values));
    const __m512i shifted = _mm512_broadcast_i32x4(_mm_add_epi8(table, _mm_set1_epi8(16)));
    return _mm512_shuffle_epi8(shifted, nibbles(a.qs, b.qs));
  }
};

/// Scales of four blocks of four rows; lane 4 i + r is block i of row r.
template <class Block>
FAK_INLINE __m512 step_scales(const Block* const w[4]) {
  uint64_t half[4];
  for (int i = 0; i < 4; i++) half[i] = four_halves(w[0][i].d, w[1][i].d, w[2][i].d, w[3][i].d);
  return _mm512_cvtph_ps(_mm256_set_epi64x(static_cast<int64_t>(half[3]), static_cast<int64_t>(half[2]),
                                           static_cast<int64_t>(half[1]), static_cast<int64_t>(half[0])));
}
FAK_INLINE __m512 step_scales(const BlockMXFP4* const w[4]) {
  alignas(16) uint8_t e[16];
  for (int i = 0; i < 4; i++) {
    for (int r = 0; r < 4; r++) e[4 * i + r] = w[r][i].e;
  }
  return halved_e8m0(e);
}

/// Scales of one block of each of sixteen rows.
template <class Block>
FAK_INLINE __m512 row_scales(const Block* const w[16]) {
  alignas(32) uint16_t d[16];
  for (int r = 0; r < 16; r++) d[r] = load_u16(w[r]->d);
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(d)));
}
FAK_INLINE __m512 row_scales(const BlockMXFP4* const w[16]) {
  alignas(16) uint8_t e[16];
  for (int r = 0; r < 16; r++) e[r] = w[r]->e;
  return halved_e8m0(e);
}

// ---- Few columns ----

/// Four rows times four blocks times C columns; x is the first activation row, the others follow at x_stride bytes.
template <class T, int C>
FAK_INLINE void gemv_step(const typename T::Block* const w[4], const RowQ8x32& x, size_t x_stride, int64_t b,
                          __m128 acc[C]) {
  __m512i pair[C][2];
  for (int p = 0; p < 2; p++) {
    __m512i dots[C][4];
    for (int r = 0; r < 4; r++) {
      prefetch_ahead<2 * sizeof(typename T::Block)>(w[r] + 2 * p);
      const __m512i q = T::quants(w[r][2 * p], w[r][2 * p + 1]);
      for (int c = 0; c < C; c++) {
        const __m512i xq = _mm512_load_si512(x.quants + c * x_stride + 32 * (b + 2 * p));
        dots[c][r] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), q, xq);
      }
    }
    for (int c = 0; c < C; c++) pair[c][p] = sum_lanes(dots[c][0], dots[c][1], dots[c][2], dots[c][3]);
  }
  const __m512 d = step_scales(w);
  __m512 m = d;
  if constexpr (T::kMinimum) {
    uint64_t half[4];
    for (int i = 0; i < 4; i++) {
      half[i] = four_halves(min_field(w[0][i]), min_field(w[1][i]), min_field(w[2][i]), min_field(w[3][i]));
    }
    m = _mm512_cvtph_ps(_mm256_set_epi64x(static_cast<int64_t>(half[3]), static_cast<int64_t>(half[2]),
                                          static_cast<int64_t>(half[1]), static_cast<int64_t>(half[0])));
  }
  for (int c = 0; c < C; c++) {
    const uint8_t* sums = reinterpret_cast<const uint8_t*>(x.sums + b) + c * x_stride;
    const uint8_t* scales = reinterpret_cast<const uint8_t*>(x.scales + b) + c * x_stride;
    __m512i dot = sum_lane_pairs(pair[c][0], pair[c][1]);
    const __m512i sum = spread4(reinterpret_cast<const int32_t*>(sums));
    if (T::kOffsetShift != kNoOffset) {
      dot = _mm512_sub_epi32(dot, _mm512_slli_epi32(sum, static_cast<unsigned>(T::kOffsetShift)));
    }
    const __m512 dx = spread4(reinterpret_cast<const float*>(scales));
    const __m512 scale = _mm512_mul_ps(d, dx), value = _mm512_cvtepi32_ps(dot);
    if (T::kMinimum) {
      // The shared step subtracts; negating an operand changes no rounding.
      const __m512 min_scale = _mm512_mul_ps(m, dx), min_value = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_setzero_si512(), sum));
      acc[c] = fma_pairs_in_block_order(scale, value, min_scale, min_value, acc[c]);
    } else {
      acc[c] = fma_in_block_order(scale, value, acc[c]);
    }
  }
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
  for (int64_t b = 0; b < blocks; b += 2) {
    const bool two = b + 1 < blocks;
    __m512i v[16];
    for (int r = 0; r < 16; r++) {
      const Block* w = reinterpret_cast<const Block*>(rows[r]) + b;
      v[r] = T::quants(w[0], w[two ? 1 : 0]);
    }
    transpose16(v);
    for (int i = 0; i < 8; i++) _mm512_store_si512(&panel.quants[b][i][16 * half], v[i]);
    if (two) {
      for (int i = 0; i < 8; i++) _mm512_store_si512(&panel.quants[b + 1][i][16 * half], v[8 + i]);
    }
  }
  for (int64_t b = 0; b < blocks; b++) {
    alignas(32) uint16_t m[16];
    const Block* w[16];
    for (int r = 0; r < 16; r++) {
      w[r] = reinterpret_cast<const Block*>(rows[r]) + b;
      if constexpr (T::kMinimum) m[r] = load_u16(min_field(*w[r]));
    }
    _mm512_store_ps(&panel.d[b][16 * half], row_scales(w));
    if (T::kMinimum) {
      _mm512_store_ps(&panel.m[b][16 * half], _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(m))));
    }
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

}  // namespace

void linear_q4_0(const LinearArgs& args) { linear_quantized<Leaf<Q4_0>>(args); }
void linear_q4_1(const LinearArgs& args) { linear_quantized<Leaf<Q4_1>>(args); }
void linear_q5_0(const LinearArgs& args) { linear_quantized<Leaf<Q5_0>>(args); }
void linear_q5_1(const LinearArgs& args) { linear_quantized<Leaf<Q5_1>>(args); }
void linear_q8_0(const LinearArgs& args) { linear_quantized<Leaf<Q8_0>>(args); }
void linear_iq4_nl(const LinearArgs& args) { linear_quantized<Leaf<IQ4_NL>>(args); }
void linear_mxfp4(const LinearArgs& args) { linear_quantized<Leaf<MXFP4>>(args); }

}  // namespace avx512
}  // namespace fak
