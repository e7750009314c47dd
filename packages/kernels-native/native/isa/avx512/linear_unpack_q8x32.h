// How AVX-512 unpacks the types with blocks of 32. The block of four rows becomes two registers: elements 0 to 15 and 16 to 31, one row
// in each 128-bit lane, as unsigned bytes u = q + 2^kOffsetShift. Every load of 16 bytes is exact, so nothing past a block is read, and
// inserting from memory needs no shuffle unit.
#pragma once

#include "linear_common.h"

namespace fak {
namespace avx512 {

constexpr int kNoOffset = -1;

/// Elements 0 to 15 and 16 to 31 of a block, of four rows.
struct Halves {
  __m512i low, high;
};

FAK_INLINE __m128i load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

/// 16 bytes from each of four places.
FAK_INLINE __m512i four_lanes(const void* a, const void* b, const void* c, const void* d) {
  __m512i v = _mm512_castsi128_si512(load16(a));
  v = _mm512_inserti32x4(v, load16(b), 1);
  v = _mm512_inserti32x4(v, load16(c), 2);
  return _mm512_inserti32x4(v, load16(d), 3);
}

/// The blocks of four rows.
template <class Block>
using FourBlocks = const Block* const (&)[4];

template <class Block>
FAK_INLINE Halves nibbles(FourBlocks<Block> w) {
  const __m512i v = four_lanes(w[0]->qs, w[1]->qs, w[2]->qs, w[3]->qs), mask = _mm512_set1_epi8(15);
  return {_mm512_and_si512(v, mask), _mm512_and_si512(_mm512_srli_epi16(v, 4), mask)};
}

template <class Block>
FAK_INLINE Halves nibbles_with_fifth_bit(FourBlocks<Block> w) {
  const Halves q = nibbles<Block>(w);
  const __mmask64 low = four_halves(w[0]->qh, w[1]->qh, w[2]->qh, w[3]->qh);
  const __mmask64 high = four_halves(w[0]->qh + 2, w[1]->qh + 2, w[2]->qh + 2, w[3]->qh + 2);
  const __m512i sixteen = _mm512_set1_epi8(16);
  return {_mm512_mask_add_epi8(q.low, low, q.low, sixteen), _mm512_mask_add_epi8(q.high, high, q.high, sixteen)};
}

template <class Block>
FAK_INLINE Halves table_values(FourBlocks<Block> w, __m128i table) {
  const Halves q = nibbles<Block>(w);
  const __m512i values = _mm512_broadcast_i32x4(table);
  return {_mm512_shuffle_epi8(values, q.low), _mm512_shuffle_epi8(values, q.high)};
}

// Each type: its block, the power of two that was added to the quants (kOffsetShift), whether it has a minimum, and for how many
// columns four long streams beat sixteen rows (measured: with 8 bits a weight memory still bounds two columns, with 4 the unpacking does).
struct Q4_0 {
  using Block = BlockQ4_0;
  static constexpr int kOffsetShift = 3;
  static constexpr bool kMinimum = false;
  static constexpr int kStreamColumns = 1;
  FAK_INLINE Halves quants(FourBlocks<Block> w) { return nibbles<Block>(w); }
};

struct Q4_1 {
  using Block = BlockQ4_1;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kMinimum = true;
  static constexpr int kStreamColumns = 1;
  FAK_INLINE Halves quants(FourBlocks<Block> w) { return nibbles<Block>(w); }
};

struct Q5_0 {
  using Block = BlockQ5_0;
  static constexpr int kOffsetShift = 4;
  static constexpr bool kMinimum = false;
  static constexpr int kStreamColumns = 1;
  FAK_INLINE Halves quants(FourBlocks<Block> w) { return nibbles_with_fifth_bit<Block>(w); }
};

struct Q5_1 {
  using Block = BlockQ5_1;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kMinimum = true;
  static constexpr int kStreamColumns = 1;
  FAK_INLINE Halves quants(FourBlocks<Block> w) { return nibbles_with_fifth_bit<Block>(w); }
};

struct Q8_0 {
  using Block = BlockQ8_0;
  static constexpr int kOffsetShift = 7;
  static constexpr bool kMinimum = false;
  static constexpr int kStreamColumns = 2;
  FAK_INLINE Halves quants(FourBlocks<Block> w) {
    const __m512i sign = _mm512_set1_epi8(-128);
    return {_mm512_xor_si512(four_lanes(w[0]->qs, w[1]->qs, w[2]->qs, w[3]->qs), sign),
            _mm512_xor_si512(four_lanes(w[0]->qs + 16, w[1]->qs + 16, w[2]->qs + 16, w[3]->qs + 16), sign)};
  }
};

struct IQ4_NL {
  using Block = BlockIQ4_NL;
  static constexpr int kOffsetShift = 7;
  static constexpr bool kMinimum = false;
  static constexpr int kStreamColumns = 1;
  FAK_INLINE Halves quants(FourBlocks<Block> w) {
    return table_values<Block>(w, _mm_xor_si128(load16(kIQ4Values), _mm_set1_epi8(-128)));
  }
};

struct MXFP4 {
  using Block = BlockMXFP4;
  static constexpr int kOffsetShift = 4;
  static constexpr bool kMinimum = false;
  static constexpr int kStreamColumns = 1;
  FAK_INLINE Halves quants(FourBlocks<Block> w) {
    return table_values<Block>(w, _mm_add_epi8(load16(kE2M1Values), _mm_set1_epi8(16)));
  }
};

/// The second scale of the types that have one lies behind the first.
constexpr size_t kMinimumField = 2;

// ---- Scales of sixteen rows ----

FAK_INLINE __m512 halves_to_floats(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  return _mm512_cvtph_ps(_mm256_set_epi64x(static_cast<int64_t>(d), static_cast<int64_t>(c), static_cast<int64_t>(b),
                                           static_cast<int64_t>(a)));
}

/// Sixteen halved E8M0 scales: e8m0_half_to_f32, lane by lane.
FAK_INLINE __m512 halved_e8m0(__m512i e) {
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __m512i subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
  return _mm512_castsi512_ps(_mm512_mask_blend_epi32(_mm512_cmpgt_epi32_mask(e, _mm512_set1_epi32(1)), subnormal, normal));
}

/// The binary16 at byte `field` of the blocks of sixteen rows. `row(r)` is row r's block. Scalar loads leave the vector ports to the
/// dot products.
template <class Row>
FAK_INLINE __m512 row_halves(const Row& row, size_t field) {
  uint64_t four[4];
  for (int i = 0; i < 4; i++) {
    const auto at = [&](int r) { return reinterpret_cast<const uint8_t*>(row(4 * i + r)) + field; };
    four[i] = four_halves(at(0), at(1), at(2), at(3));
  }
  return halves_to_floats(four[0], four[1], four[2], four[3]);
}

template <class Block, class Row>
FAK_INLINE __m512 row_scales(const Row& row) {
  if constexpr (sizeof(Block) == sizeof(BlockMXFP4)) {
    uint32_t four[4];
    for (int i = 0; i < 4; i++) {
      const auto at = [&](int r) { return static_cast<uint32_t>(row(4 * i + r)->e); };
      four[i] = at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
    }
    const auto pair = [](uint32_t a, uint32_t b) { return static_cast<int64_t>(a | static_cast<uint64_t>(b) << 32); };
    return halved_e8m0(_mm512_cvtepu8_epi32(_mm_set_epi64x(pair(four[2], four[3]), pair(four[0], four[1]))));
  } else {
    return row_halves(row, 0);
  }
}

// ---- Scales of four blocks of four rows ----

/// Where the words at byte `field` of four consecutive blocks lie in the first 64 bytes of them, or (32 and up) in 64 later ones.
template <class Block, size_t field>
struct StepWords {
  /// The later bytes end no further than the blocks and begin no further than the third.
  static constexpr size_t kLater = 4 * sizeof(Block) - 64 < 2 * sizeof(Block) ? 4 * sizeof(Block) - 64 : 2 * sizeof(Block);
  static constexpr bool kInFirst = 3 * sizeof(Block) + field + 2 <= 64;
  alignas(64) uint16_t word[32];

  constexpr StepWords() : word() {
    for (size_t i = 0; i < 4; i++) {
      const size_t at = i * sizeof(Block) + field;
      const size_t place = at + 2 <= 64 ? at / 2 : 32 + (at - kLater) / 2;
      for (size_t r = 0; r < 4; r++) {
        // With one load a row, two rows share a permutation: the second is its upper half.
        word[4 * i + r] = static_cast<uint16_t>(kInFirst && r % 2 == 1 ? place + 32 : place);
      }
    }
  }
};

/// The word at byte `field` of four consecutive blocks of four rows: word 4 i + r is that of block i of row r.
template <class Block, size_t field>
FAK_INLINE __m256i step_words(const Block* const w[4]) {
  static constexpr StepWords<Block, field> kWords;
  const __m512i index = _mm512_load_si512(kWords.word);
  __m512i a, b;
  if constexpr (StepWords<Block, field>::kInFirst) {
    a = _mm512_permutex2var_epi16(_mm512_loadu_si512(w[0]), index, _mm512_loadu_si512(w[1]));
    b = _mm512_permutex2var_epi16(_mm512_loadu_si512(w[2]), index, _mm512_loadu_si512(w[3]));
  } else {
    __m512i row[4];
    for (int r = 0; r < 4; r++) {
      const uint8_t* p = reinterpret_cast<const uint8_t*>(w[r]);
      row[r] = _mm512_permutex2var_epi16(_mm512_loadu_si512(p), index, _mm512_loadu_si512(p + StepWords<Block, field>::kLater));
    }
    a = _mm512_mask_blend_epi16(0xaaaaaaaau, row[0], row[1]);
    b = _mm512_mask_blend_epi16(0xaaaaaaaau, row[2], row[3]);
  }
  return _mm512_castsi512_si256(_mm512_mask_blend_epi16(0xccccccccu, a, b));
}

/// Scales of four blocks of four rows; lane 4 i + r is block i of row r.
template <class Block>
FAK_INLINE __m512 step_scales(const Block* const w[4]) {
  if constexpr (sizeof(Block) == sizeof(BlockMXFP4)) {
    // Blocks of 17 bytes: the scale is the lower byte of a word, then the upper one, and so on.
    const __m256i shifts = _mm256_set_epi64x(0x0008000800080008, 0, 0x0008000800080008, 0);
    const __m256i words = _mm256_srlv_epi16(step_words<Block, 0>(w), shifts);
    return halved_e8m0(_mm512_cvtepu16_epi32(_mm256_and_si256(words, _mm256_set1_epi16(255))));
  } else {
    return _mm512_cvtph_ps(step_words<Block, 0>(w));
  }
}

}  // namespace avx512
}  // namespace fak
