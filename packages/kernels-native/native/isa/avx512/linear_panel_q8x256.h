// Panels of the AVX-512 leaves for super-blocks of 256: sixteen rows of one super-block, unpacked so that a register holds eight
// bytes (a step) of eight rows. vpdpbusd leaves two partial dots a row; vpackssdw puts those of all sixteen rows into one
// register of words, and vpdpwssd adds each pair times its scale, so that lane r ends as row r. A dot may be packed while it fits
// int16; the step is narrow so that partial dots of a whole group do.
//   kGroup    elements between scalings, 16 or 32
//   kFits     whether partial dots of a group fit int16; otherwise they are multiplied in int32
//   kStart    whether groups start at -2^kOffsetShift times the sum of their activations, so that dots are those of q itself
//   kPanelColumns  from so many columns on a panel beats four far rows at a time (measured)
//   piece     unpacks the quants of sixteen rows, one of eight pieces at a time
//   scales    unpacks everything else
#pragma once

#include "linear_unpack_q8x256.h"

namespace fak {
namespace avx512 {

constexpr int kPanelRows = 16;

/// quants[step][half][row of the half][byte]; scale[g][row] is the scale in both words, or in int32 where dots do not fit; min_pair[p][row]
/// holds the minimums of groups 2 p and 2 p + 1 (of 32 elements with kGroup 32, else of 16).
struct alignas(64) PanelBlock {
  uint8_t quants[32][2][64];
  int32_t scale[16][kPanelRows];
  int32_t min_pair[8][kPanelRows];
  float d[kPanelRows];
  float dmin[kPanelRows];
  uint8_t high[2][4][64];  ///< upper bits of Q5_K and Q6_K between pieces
};

FAK_INLINE void put(void* p, __m512i v) { _mm512_store_si512(p, v); }
FAK_INLINE __m512i low_bits(__m512i v, int mask) { return _mm512_and_si512(v, _mm512_set1_epi8(static_cast<char>(mask))); }
FAK_INLINE __m512i nibble(__m512i v, int high) {
  return low_bits(high != 0 ? _mm512_srli_epi16(v, 4) : v, 15);
}

/// Rows of a half in the order of its qwords: lane L of half h holds rows 4 L + 2 h and 4 L + 2 h + 1.
FAK_INLINE int panel_row(int half, int i) { return 4 * (i / 2) + 2 * half + i % 2; }

/// 32 bytes at `offset` of the eight rows of a half -> four registers of eight bytes of each.
template <class Block>
FAK_INLINE void transpose_chunk(const Block* const w[kPanelRows], int half, size_t offset, __m512i out[4]) {
  const auto two = [&](int low, int high) {
    const auto at = [&](int i) {
      return _mm256_loadu_si256(
          reinterpret_cast<const __m256i*>(reinterpret_cast<const uint8_t*>(w[panel_row(half, i)]) + offset));
    };
    return _mm512_inserti64x4(_mm512_castsi256_si512(at(low)), at(high), 1);
  };
  const __m512i a = two(0, 2), b = two(1, 3), c = two(4, 6), d = two(5, 7);
  const __m512i ab0 = _mm512_unpacklo_epi64(a, b), ab1 = _mm512_unpackhi_epi64(a, b);
  const __m512i cd0 = _mm512_unpacklo_epi64(c, d), cd1 = _mm512_unpackhi_epi64(c, d);
  out[0] = _mm512_shuffle_i64x2(ab0, cd0, 0x88);
  out[1] = _mm512_shuffle_i64x2(ab1, cd1, 0x88);
  out[2] = _mm512_shuffle_i64x2(ab0, cd0, 0xdd);
  out[3] = _mm512_shuffle_i64x2(ab1, cd1, 0xdd);
}

/// 16 bytes at `offset` of each of sixteen rows -> four registers, dword i of every row.
template <class Block>
FAK_INLINE void transpose_dwords(const Block* const w[kPanelRows], size_t offset, __m512i out[4]) {
  __m512i v[4];
  for (int j = 0; j < 4; j++) {
    const auto at = [&](int lane) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(reinterpret_cast<const uint8_t*>(w[4 * lane + j]) + offset));
    };
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(at(0)), at(1), 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(at(2)), at(3), 1);
    v[j] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]);
  const __m512i c = _mm512_unpacklo_epi32(v[2], v[3]), d = _mm512_unpackhi_epi32(v[2], v[3]);
  out[0] = _mm512_unpacklo_epi64(a, c);
  out[1] = _mm512_unpackhi_epi64(a, c);
  out[2] = _mm512_unpacklo_epi64(b, d);
  out[3] = _mm512_unpackhi_epi64(b, d);
}

/// Byte i of each dword, as an unsigned word twice; bytes i and j as two unsigned words.
FAK_INLINE __m512i byte_pair(__m512i v, int i, int j) {
  const int index = static_cast<int>(0x80008000u | static_cast<unsigned>(j) << 16 | static_cast<unsigned>(i));
  const __m512i lanes = _mm512_broadcast_i32x4(_mm_set_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0));
  return _mm512_shuffle_epi8(v, _mm512_or_si512(lanes, _mm512_set1_epi32(index)));
}
/// Byte i of each dword, as a signed word twice.
FAK_INLINE __m512i signed_byte_twice(__m512i v, int i) {
  const int index = static_cast<int>(0x00800080u | static_cast<unsigned>(i) * 0x01000100u);
  const __m512i lanes = _mm512_broadcast_i32x4(_mm_set_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0));
  return _mm512_srai_epi16(_mm512_shuffle_epi8(v, _mm512_or_si512(lanes, _mm512_set1_epi32(index))), 8);
}

/// Low halves of sixteen dwords as floats.
FAK_INLINE __m512 low_halves(__m512i v) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v)); }

template <class T>
FAK_INLINE void row_scale(const typename T::Block* const w[kPanelRows], PanelBlock& p) {
  __m256i d;
  uint64_t half[4];
  for (int i = 0; i < 4; i++) half[i] = four_halves(w[4 * i]->d, w[4 * i + 1]->d, w[4 * i + 2]->d, w[4 * i + 3]->d);
  d = _mm256_set_epi64x(static_cast<int64_t>(half[3]), static_cast<int64_t>(half[2]), static_cast<int64_t>(half[1]),
                        static_cast<int64_t>(half[0]));
  _mm512_store_ps(p.d, _mm512_cvtph_ps(d));
  if constexpr (T::kMinimum) {
    for (int i = 0; i < 4; i++) {
      half[i] = four_halves(min_field(*w[4 * i]), min_field(*w[4 * i + 1]), min_field(*w[4 * i + 2]), min_field(*w[4 * i + 3]));
    }
    d = _mm256_set_epi64x(static_cast<int64_t>(half[3]), static_cast<int64_t>(half[2]), static_cast<int64_t>(half[1]),
                          static_cast<int64_t>(half[0]));
    _mm512_store_ps(p.dmin, _mm512_cvtph_ps(d));
  }
}

/// Scales and minimums by way of sixteen int16 a row.
template <class T>
FAK_INLINE void scales_by_rows(const typename T::Block* const w[kPanelRows], PanelBlock& p) {
  __m512i scale[16], min[16];
  for (int r = 0; r < 16; r++) {
    __m256i s, m;
    avx2::group_scales(*w[r], s, m);
    scale[r] = _mm512_castsi256_si512(s);
    min[r] = _mm512_castsi256_si512(m);
  }
  transpose16(scale);
  const __m512i lanes = _mm512_broadcast_i32x4(_mm_set_epi32(0x0d0c0d0c, 0x09080908, 0x05040504, 0x01000100));
  for (int i = 0; i < 8; i++) {
    if (T::kFits) {
      put(p.scale[2 * i], _mm512_shuffle_epi8(scale[i], lanes));
      put(p.scale[2 * i + 1], _mm512_shuffle_epi8(scale[i], _mm512_or_si512(lanes, _mm512_set1_epi8(2))));
    } else {
      put(p.scale[i], _mm512_srai_epi32(scale[i], 16));
    }
  }
  if (T::kMinimum) {
    transpose16(min);
    for (int i = 0; i < 8; i++) put(p.min_pair[i], min[i]);
  }
  row_scale<T>(w, p);
}

/// d, dmin and the packed scales of Q4_K and Q5_K, which are the first sixteen bytes of both; each scale goes to `copies` groups.
template <class Block>
FAK_INLINE void packed_scales(const Block* const w[kPanelRows], PanelBlock& p, int copies) {
  __m512i v[4];
  transpose_dwords(w, 0, v);
  _mm512_store_ps(p.d, low_halves(v[0]));
  _mm512_store_ps(p.dmin, low_halves(_mm512_srli_epi32(v[0], 16)));
  const __m512i high = _mm512_set1_epi8(0x30), c = v[3];
  const __m512i scale[2] = {low_bits(v[1], 0x3f), and_or(_mm512_srli_epi32(v[1], 2), high, low_bits(c, 15))};
  const __m512i min[2] = {low_bits(v[2], 0x3f), and_or(_mm512_srli_epi32(v[2], 2), high, nibble(c, 1))};
  for (int i = 0; i < 8; i++) {
    const __m512i s = byte_pair(scale[i / 4], i % 4, i % 4);
    for (int j = 0; j < copies; j++) put(p.scale[copies * i + j], s);
  }
  for (int i = 0; i < 4; i++) put(p.min_pair[i], byte_pair(min[i / 2], 2 * (i % 2), 2 * (i % 2) + 1));
}

struct Q2_KPanel : Q2_K {
  static constexpr int kPanelColumns = 3;
  static constexpr int kGroup = 16, kMinGroup = 16;
  static constexpr bool kFits = true, kStart = false;
  FAK_INLINE void piece(const Block* const w[kPanelRows], int i, PanelBlock& p) {
    if (i % 2 != 0) return;
    const int half = (i >> 1) & 1, part = i >> 2;
    __m512i v[4];
    transpose_chunk(w, half, offsetof(Block, qs) + 32 * static_cast<size_t>(part), v);
    for (int j = 0; j < 4; j++) {
      put(p.quants[16 * part + j][half], low_bits(v[j], 3));
      put(p.quants[16 * part + 4 + j][half], low_bits(_mm512_srli_epi16(v[j], 2), 3));
      put(p.quants[16 * part + 8 + j][half], low_bits(_mm512_srli_epi16(v[j], 4), 3));
      put(p.quants[16 * part + 12 + j][half], low_bits(_mm512_srli_epi16(v[j], 6), 3));
    }
  }
  FAK_INLINE void scales(const Block* const w[kPanelRows], PanelBlock& p) { scales_by_rows<Q2_KPanel>(w, p); }
};

struct Q3_KPanel : Q3_K {
  static constexpr int kPanelColumns = 5;
  static constexpr int kGroup = 16, kMinGroup = 16;
  static constexpr bool kFits = true, kStart = true;
  FAK_INLINE void piece(const Block* const w[kPanelRows], int i, PanelBlock& p) {
    if (i % 2 != 0) return;
    const int half = (i >> 1) & 1, part = i >> 2;
    __m512i v[4], h[4];
    transpose_chunk(w, half, offsetof(Block, qs) + 32 * static_cast<size_t>(part), v);
    transpose_chunk(w, half, offsetof(Block, hmask), h);
    const __m512i four = _mm512_set1_epi8(4);
    for (int t = 0; t < 4; t++) {
      const __m512i turn = _mm512_set1_epi32((2 - 4 * part - t) & 31);
      for (int j = 0; j < 4; j++) {
        put(p.quants[16 * part + 4 * t + j][half],
            and_or(_mm512_rolv_epi32(h[j], turn), four, low_bits(_mm512_srli_epi16(v[j], static_cast<unsigned>(2 * t)), 3)));
      }
    }
  }
  FAK_INLINE void scales(const Block* const w[kPanelRows], PanelBlock& p) { scales_by_rows<Q3_KPanel>(w, p); }
};

struct Q4_KPanel : Q4_K {
  static constexpr int kPanelColumns = 3;
  static constexpr int kGroup = 32, kMinGroup = 32;  // 16 * 15 * 127 = 30480
  static constexpr bool kFits = true, kStart = false;
  FAK_INLINE void piece(const Block* const w[kPanelRows], int i, PanelBlock& p) {
    const int half = i & 1, chunk = i >> 1;
    __m512i v[4];
    transpose_chunk(w, half, offsetof(Block, qs) + 32 * static_cast<size_t>(chunk), v);
    for (int j = 0; j < 4; j++) put(p.quants[8 * chunk + j][half], nibble(v[j], 0));
    for (int j = 0; j < 4; j++) put(p.quants[8 * chunk + 4 + j][half], nibble(v[j], 1));
  }
  FAK_INLINE void scales(const Block* const w[kPanelRows], PanelBlock& p) { packed_scales(w, p, 1); }
};

struct Q5_KPanel : Q5_K {
  static constexpr int kPanelColumns = 3;
  static constexpr int kGroup = 16, kMinGroup = 32;  // 8 * 31 * 127 = 31496
  static constexpr bool kFits = true, kStart = false;
  FAK_INLINE void piece(const Block* const w[kPanelRows], int i, PanelBlock& p) {
    const int half = i & 1, chunk = i >> 1;
    const __m512i sixteen = _mm512_set1_epi8(16);
    __m512i v[4], h[4];
    if (chunk == 0) {
      transpose_chunk(w, half, offsetof(Block, qh), h);
      for (int j = 0; j < 4; j++) put(p.high[half][j], h[j]);
    } else {
      for (int j = 0; j < 4; j++) h[j] = _mm512_load_si512(p.high[half][j]);
    }
    transpose_chunk(w, half, offsetof(Block, qs) + 32 * static_cast<size_t>(chunk), v);
    for (int t = 0; t < 2; t++) {
      const __m512i turn = _mm512_set1_epi32((4 - 2 * chunk - t) & 31);
      for (int j = 0; j < 4; j++) {
        put(p.quants[8 * chunk + 4 * t + j][half], and_or(_mm512_rolv_epi32(h[j], turn), sixteen, nibble(v[j], t)));
      }
    }
  }
  FAK_INLINE void scales(const Block* const w[kPanelRows], PanelBlock& p) { packed_scales(w, p, 2); }
};

struct Q6_KPanel : Q6_K {
  static constexpr int kPanelColumns = 5;
  static constexpr int kGroup = 16, kMinGroup = 16;  // of q itself 8 * 32 * 127 = 32512
  static constexpr bool kFits = true, kStart = true;
  FAK_INLINE void piece(const Block* const w[kPanelRows], int i, PanelBlock& p) {
    const int second = i & 1, half = (i >> 1) & 1, part = i >> 2;
    const __m512i mask = _mm512_set1_epi8(48);
    __m512i v[4], h[4];
    if (second == 0) {
      transpose_chunk(w, half, offsetof(Block, qh) + 32 * static_cast<size_t>(part), h);
      for (int j = 0; j < 4; j++) put(p.high[half][j], h[j]);
    } else {
      for (int j = 0; j < 4; j++) h[j] = _mm512_load_si512(p.high[half][j]);
    }
    transpose_chunk(w, half, offsetof(Block, ql) + 64 * static_cast<size_t>(part) + 32 * static_cast<size_t>(second), v);
    // Bits 0-1 and 4-5 of qh go with the first 32 bytes of ql, 2-3 and 6-7 with the second.
    const __m512i turn = _mm512_set1_epi32(4 - 2 * second), back = _mm512_set1_epi32(2 * second);
    for (int j = 0; j < 4; j++) {
      put(p.quants[16 * part + 4 * second + j][half], and_or(_mm512_sllv_epi32(h[j], turn), mask, nibble(v[j], 0)));
      put(p.quants[16 * part + 8 + 4 * second + j][half], and_or(_mm512_srlv_epi32(h[j], back), mask, nibble(v[j], 1)));
    }
  }
  FAK_INLINE void scales(const Block* const w[kPanelRows], PanelBlock& p) {
    __m512i v[4];
    transpose_dwords(w, offsetof(Block, scales), v);
    for (int g = 0; g < 16; g++) put(p.scale[g], signed_byte_twice(v[g / 4], g % 4));
    row_scale<Q6_KPanel>(w, p);
  }
};

struct IQ4_XSPanel : IQ4_XS {
  static constexpr int kPanelColumns = 3;
  static constexpr int kGroup = 32, kMinGroup = 32;
  static constexpr bool kFits = false, kStart = true;
  FAK_INLINE void piece(const Block* const w[kPanelRows], int i, PanelBlock& p) {
    const int half = i & 1, chunk = i >> 1;
    const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Values));
    const __m512i table = _mm512_broadcast_i32x4(_mm_xor_si128(values, _mm_set1_epi8(-128)));
    __m512i v[4];
    transpose_chunk(w, half, offsetof(Block, qs) + 32 * static_cast<size_t>(chunk), v);
    for (int j = 0; j < 4; j++) {
      const int step = 8 * chunk + 4 * (j / 2) + j % 2;
      put(p.quants[step][half], _mm512_shuffle_epi8(table, nibble(v[j], 0)));
      put(p.quants[step + 2][half], _mm512_shuffle_epi8(table, nibble(v[j], 1)));
    }
  }
  FAK_INLINE void scales(const Block* const w[kPanelRows], PanelBlock& p) { scales_by_rows<IQ4_XSPanel>(w, p); }
};

}  // namespace avx512
}  // namespace fak
