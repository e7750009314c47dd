// How AVX-512 unpacks one super-block of 256 of each type: 256 unsigned bytes u = q + 2^kOffsetShift in element order.
// Scales and minimums come from avx2/group_scales.h.
//   kDotFits: how many products u * xq always fit int16 when summed (|xq| <= 127); it decides how a dot may be scaled.
#pragma once

#include "../avx2/group_scales.h"
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
};

}  // namespace avx512
}  // namespace fak
