// How AVX-512 unpacks one super-block of 256 of each type: 256 unsigned bytes u = q + 2^kOffsetShift in element order, and
// sixteen int16 scales and minimums, one for each group of 16 (types with groups of 32 repeat them).
//   kDotFits: how many products u * xq always fit int16 when summed (|xq| <= 127); it decides how a dot may be scaled.
#pragma once

#include "linear_common.h"

namespace fak {
namespace avx512 {

constexpr int kNoOffset = -1;

/// 32 bytes in both halves of a register.
FAK_INLINE __m512i twice(const uint8_t* p) {
  return _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

/// Shifts the lower and upper half of a register right by different counts, dword-wise; negative counts shift left.
/// Bits that cross a byte land outside the masks that the callers apply.
template <int low, int high>
FAK_INLINE __m512i rotate_right_halves(__m512i v) {
  constexpr int l = (low + 32) % 32, h = (high + 32) % 32;
  return _mm512_rorv_epi32(v, _mm512_set_epi32(h, h, h, h, h, h, h, h, l, l, l, l, l, l, l, l));
}

/// (a & mask) | b
FAK_INLINE __m512i and_or(__m512i a, __m512i mask, __m512i b) { return _mm512_ternarylogic_epi32(a, mask, b, 0xea); }

/// Sixteen int16 from eight bytes, each twice.
FAK_INLINE __m256i bytes_twice(uint64_t bytes) {
  const __m256i index = _mm256_set_epi8(-1, 7, -1, 7, -1, 6, -1, 6, -1, 5, -1, 5, -1, 4, -1, 4,  //
                                        -1, 3, -1, 3, -1, 2, -1, 2, -1, 1, -1, 1, -1, 0, -1, 0);
  return _mm256_shuffle_epi8(_mm256_set1_epi64x(static_cast<int64_t>(bytes)), index);
}

/// The eight 6-bit scales and minimums of Q4_K and Q5_K as bytes. Scalar, so that the vector ports stay free.
FAK_INLINE void scale_bytes(const uint8_t* packed, uint64_t& scales, uint64_t& mins) {
  const uint32_t a = load_u32(packed), b = load_u32(packed + 4), c = load_u32(packed + 8);
  const uint32_t scale_high = (c & 0x0f0f0f0fu) | ((a >> 2) & 0x30303030u);
  const uint32_t min_high = ((c >> 4) & 0x0f0f0f0fu) | ((b >> 2) & 0x30303030u);
  scales = (a & 0x3f3f3f3fu) | static_cast<uint64_t>(scale_high) << 32;
  mins = (b & 0x3f3f3f3fu) | static_cast<uint64_t>(min_high) << 32;
}

struct Q2_K {
  using Block = BlockQ2_K;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kMinimum = true;
  static constexpr int kDotFits = 16;
  FAK_INLINE void quants(const Block& b, __m512i q[4]) {
    const __m512i three = _mm512_set1_epi8(3), low = twice(b.qs), high = twice(b.qs + 32);
    q[0] = _mm512_and_si512(rotate_right_halves<0, 2>(low), three);
    q[1] = _mm512_and_si512(rotate_right_halves<4, 6>(low), three);
    q[2] = _mm512_and_si512(rotate_right_halves<0, 2>(high), three);
    q[3] = _mm512_and_si512(rotate_right_halves<4, 6>(high), three);
  }
  FAK_INLINE void scales(const Block& b, __m256i& scale, __m256i& min) {
    const __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b.scales)));
    scale = _mm256_and_si256(both, _mm256_set1_epi16(15));
    min = _mm256_srli_epi16(both, 4);
  }
};

struct Q3_K {
  using Block = BlockQ3_K;
  static constexpr int kOffsetShift = 2;
  static constexpr bool kMinimum = false;
  static constexpr int kDotFits = 16;
  FAK_INLINE void quants(const Block& b, __m512i q[4]) {
    const __m512i three = _mm512_set1_epi8(3), four = _mm512_set1_epi8(4), high = twice(b.hmask);
    const __m512i first = twice(b.qs), second = twice(b.qs + 32);
    q[0] = and_or(rotate_right_halves<-2, -1>(high), four, _mm512_and_si512(rotate_right_halves<0, 2>(first), three));
    q[1] = and_or(rotate_right_halves<0, 1>(high), four, _mm512_and_si512(rotate_right_halves<4, 6>(first), three));
    q[2] = and_or(rotate_right_halves<2, 3>(high), four, _mm512_and_si512(rotate_right_halves<0, 2>(second), three));
    q[3] = and_or(rotate_right_halves<4, 5>(high), four, _mm512_and_si512(rotate_right_halves<4, 6>(second), three));
  }
  FAK_INLINE void scales(const Block& b, __m256i& scale, __m256i&) {
    const uint32_t l0 = load_u32(b.scales), l1 = load_u32(b.scales + 4), h = load_u32(b.scales + 8);
    const uint32_t s0 = (l0 & 0x0f0f0f0fu) | ((h << 4) & 0x30303030u);
    const uint32_t s1 = (l1 & 0x0f0f0f0fu) | ((h << 2) & 0x30303030u);
    const uint32_t s2 = ((l0 >> 4) & 0x0f0f0f0fu) | (h & 0x30303030u);
    const uint32_t s3 = ((l1 >> 4) & 0x0f0f0f0fu) | ((h >> 2) & 0x30303030u);
    const __m128i bytes = _mm_set_epi64x(static_cast<int64_t>(s2 | static_cast<uint64_t>(s3) << 32),
                                         static_cast<int64_t>(s0 | static_cast<uint64_t>(s1) << 32));
    scale = _mm256_sub_epi16(_mm256_cvtepu8_epi16(bytes), _mm256_set1_epi16(32));
  }
};

struct Q4_K {
  using Block = BlockQ4_K;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kMinimum = true;
  static constexpr int kDotFits = 16;
  FAK_INLINE void quants(const Block& b, __m512i q[4]) {
    const __m512i fifteen = _mm512_set1_epi8(15);
    for (int i = 0; i < 4; i++) q[i] = _mm512_and_si512(rotate_right_halves<0, 4>(twice(b.qs + 32 * i)), fifteen);
  }
  FAK_INLINE void scales(const Block& b, __m256i& scale, __m256i& min) {
    uint64_t s, m;
    scale_bytes(b.scales, s, m);
    scale = bytes_twice(s);
    min = bytes_twice(m);
  }
};

struct Q5_K {
  using Block = BlockQ5_K;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kMinimum = true;
  static constexpr int kDotFits = 8;
  FAK_INLINE void quants(const Block& b, __m512i q[4]) {
    const __m512i fifteen = _mm512_set1_epi8(15), sixteen = _mm512_set1_epi8(16), high = twice(b.qh);
    for (int i = 0; i < 4; i++) q[i] = _mm512_and_si512(rotate_right_halves<0, 4>(twice(b.qs + 32 * i)), fifteen);
    q[0] = and_or(rotate_right_halves<-4, -3>(high), sixteen, q[0]);
    q[1] = and_or(rotate_right_halves<-2, -1>(high), sixteen, q[1]);
    q[2] = and_or(rotate_right_halves<0, 1>(high), sixteen, q[2]);
    q[3] = and_or(rotate_right_halves<2, 3>(high), sixteen, q[3]);
  }
  FAK_INLINE void scales(const Block& b, __m256i& scale, __m256i& min) {
    uint64_t s, m;
    scale_bytes(b.scales, s, m);
    scale = bytes_twice(s);
    min = bytes_twice(m);
  }
};

struct Q6_K {
  using Block = BlockQ6_K;
  static constexpr int kOffsetShift = 5;
  static constexpr bool kMinimum = false;
  static constexpr int kDotFits = 4;
  FAK_INLINE void quants(const Block& b, __m512i q[4]) {
    const __m512i fifteen = _mm512_set1_epi8(15), mask = _mm512_set1_epi8(48);
    for (int half = 0; half < 2; half++) {
      const __m512i low = _mm512_loadu_si512(b.ql + 64 * half), high = twice(b.qh + 32 * half);
      q[2 * half] = and_or(rotate_right_halves<-4, -2>(high), mask, _mm512_and_si512(low, fifteen));
      q[2 * half + 1] =
          and_or(rotate_right_halves<0, 2>(high), mask, _mm512_and_si512(_mm512_srli_epi16(low, 4), fifteen));
    }
  }
  FAK_INLINE void scales(const Block& b, __m256i& scale, __m256i&) {
    scale = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b.scales)));
  }
};

struct IQ4_XS {
  using Block = BlockIQ4_XS;
  static constexpr int kOffsetShift = 7;
  static constexpr bool kMinimum = false;
  static constexpr int kDotFits = 1;
  FAK_INLINE void quants(const Block& b, __m512i q[4]) {
    const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Values));
    const __m512i table = _mm512_broadcast_i32x4(_mm_xor_si128(values, _mm_set1_epi8(-128)));
    const __m512i order = _mm512_set_epi64(3, 2, 3, 2, 1, 0, 1, 0), shift = _mm512_set_epi64(4, 4, 0, 0, 4, 4, 0, 0);
    for (int i = 0; i < 4; i++) {
      const __m512i bytes = _mm512_permutexvar_epi64(order, twice(b.qs + 32 * i));
      q[i] = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srlv_epi64(bytes, shift), _mm512_set1_epi8(15)));
    }
  }
  FAK_INLINE void scales(const Block& b, __m256i& scale, __m256i&) {
    // Group g belongs to sub-block i = g / 2: nibble i of scales_l, bits 2 i of scales_h.
    const __m256i nibble = _mm256_set_epi16(28, 28, 24, 24, 20, 20, 16, 16, 12, 12, 8, 8, 4, 4, 0, 0);
    const __m256i index = _mm256_set_epi16(14, 14, 12, 12, 10, 10, 8, 8, 6, 6, 4, 4, 2, 2, 0, 0);
    const uint32_t low = load_u32(b.scales_l);
    // Nibbles 0 to 3 sit in the low word, 4 to 7 in the high one; a 16-bit shift by 16 or more would give zero.
    const __m256i words = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi16(static_cast<int16_t>(low))),
                                                  _mm_set1_epi16(static_cast<int16_t>(low >> 16)), 1);
    const __m256i count = _mm256_and_si256(nibble, _mm256_set1_epi16(15));
    const __m256i l = _mm256_and_si256(_mm256_srlv_epi16(words, count), _mm256_set1_epi16(15));
    const __m256i h = _mm256_srlv_epi16(_mm256_set1_epi16(static_cast<int16_t>(load_u16(b.scales_h))), index);
    const __m256i both = _mm256_or_si256(l, _mm256_slli_epi16(_mm256_and_si256(h, _mm256_set1_epi16(3)), 4));
    scale = _mm256_sub_epi16(both, _mm256_set1_epi16(32));
  }
};

}  // namespace avx512
}  // namespace fak
