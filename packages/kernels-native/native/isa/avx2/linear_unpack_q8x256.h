// How AVX2 unpacks one super-block of 256 of each type: eight registers of 32 bytes in element order. Types stored without
// a sign give u = q + 2^kOffsetShift, at most 63; IQ4_XS gives its signed table values. Scales come from group_scales.h.
#pragma once

#include "group_scales.h"
#include "linear_dots.h"

namespace fak {
namespace FAK_ISA {

constexpr int kNoOffset = -1;

/// Shifts 16-bit words right, or left for a negative count. Bits that cross a byte land outside the masks of the callers.
template <int count>
FAK_INLINE __m256i shift_right(__m256i v) {
  return count >= 0 ? _mm256_srli_epi16(v, count & 15) : _mm256_slli_epi16(v, -count & 15);
}

struct Q2_K {
  using Block = BlockQ2_K;
  static constexpr int kGroup = 16, kLargest = 3;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = false, kMinimum = true;
  FAK_INLINE void quants(const Block& b, __m256i q[8]) {
    const __m256i three = _mm256_set1_epi8(3);
    for (int half = 0; half < 2; half++) {
      const __m256i v = load_256(b.qs + 32 * half);
      q[4 * half] = _mm256_and_si256(v, three);
      q[4 * half + 1] = _mm256_and_si256(shift_right<2>(v), three);
      q[4 * half + 2] = _mm256_and_si256(shift_right<4>(v), three);
      q[4 * half + 3] = _mm256_and_si256(shift_right<6>(v), three);
    }
  }
};

struct Q3_K {
  using Block = BlockQ3_K;
  static constexpr int kGroup = 16, kLargest = 7;
  static constexpr int kOffsetShift = 2;
  static constexpr bool kSigned = false, kMinimum = false;
  template <int i>
  FAK_INLINE __m256i one(__m256i low, __m256i high) {
    return _mm256_or_si256(_mm256_and_si256(shift_right<2 * (i % 4)>(low), _mm256_set1_epi8(3)),
                           _mm256_and_si256(shift_right<i - 2>(high), _mm256_set1_epi8(4)));
  }
  FAK_INLINE void quants(const Block& b, __m256i q[8]) {
    const __m256i high = load_256(b.hmask), first = load_256(b.qs), second = load_256(b.qs + 32);
    q[0] = one<0>(first, high);
    q[1] = one<1>(first, high);
    q[2] = one<2>(first, high);
    q[3] = one<3>(first, high);
    q[4] = one<4>(second, high);
    q[5] = one<5>(second, high);
    q[6] = one<6>(second, high);
    q[7] = one<7>(second, high);
  }
};

struct Q4_K {
  using Block = BlockQ4_K;
  static constexpr int kGroup = 32, kLargest = 15;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = false, kMinimum = true;
  FAK_INLINE void quants(const Block& b, __m256i q[8]) {
    const __m256i fifteen = _mm256_set1_epi8(15);
    for (int i = 0; i < 4; i++) {
      const __m256i v = load_256(b.qs + 32 * i);
      q[2 * i] = _mm256_and_si256(v, fifteen);
      q[2 * i + 1] = _mm256_and_si256(shift_right<4>(v), fifteen);
    }
  }
};

struct Q5_K {
  using Block = BlockQ5_K;
  static constexpr int kGroup = 32, kLargest = 31;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = false, kMinimum = true;
  template <int i>
  FAK_INLINE __m256i one(__m256i low, __m256i high) {
    return _mm256_or_si256(_mm256_and_si256(shift_right<4 * (i % 2)>(low), _mm256_set1_epi8(15)),
                           _mm256_and_si256(shift_right<i - 4>(high), _mm256_set1_epi8(16)));
  }
  FAK_INLINE void quants(const Block& b, __m256i q[8]) {
    const __m256i high = load_256(b.qh);
    __m256i low[4];
    for (int i = 0; i < 4; i++) low[i] = load_256(b.qs + 32 * i);
    q[0] = one<0>(low[0], high);
    q[1] = one<1>(low[0], high);
    q[2] = one<2>(low[1], high);
    q[3] = one<3>(low[1], high);
    q[4] = one<4>(low[2], high);
    q[5] = one<5>(low[2], high);
    q[6] = one<6>(low[3], high);
    q[7] = one<7>(low[3], high);
  }
};

struct Q6_K {
  using Block = BlockQ6_K;
  static constexpr int kGroup = 16, kLargest = 63;
  static constexpr int kOffsetShift = 5;
  static constexpr bool kSigned = false, kMinimum = false;
  FAK_INLINE void quants(const Block& b, __m256i q[8]) {
    const __m256i fifteen = _mm256_set1_epi8(15), mask = _mm256_set1_epi8(48);
    for (int half = 0; half < 2; half++) {
      const __m256i high = load_256(b.qh + 32 * half);
      for (int i = 0; i < 2; i++) {
        const __m256i low = load_256(b.ql + 64 * half + 32 * i);
        const __m256i high_low = i == 0 ? shift_right<-4>(high) : shift_right<-2>(high);
        const __m256i high_high = i == 0 ? high : shift_right<2>(high);
        q[4 * half + i] = _mm256_or_si256(_mm256_and_si256(low, fifteen), _mm256_and_si256(high_low, mask));
        q[4 * half + 2 + i] =
            _mm256_or_si256(_mm256_and_si256(shift_right<4>(low), fifteen), _mm256_and_si256(high_high, mask));
      }
    }
  }
};

struct IQ4_XS {
  using Block = BlockIQ4_XS;
  static constexpr int kGroup = 32, kLargest = 255;
  static constexpr int kOffsetShift = kNoOffset;
  static constexpr bool kSigned = true, kMinimum = false;
  FAK_INLINE void quants(const Block& b, __m256i q[8]) {
    const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kIQ4Values));
    const __m256i table = _mm256_broadcastsi128_si256(values);
    for (int i = 0; i < 8; i++) {
      const __m256i twice =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b.qs + 16 * i)));
      const __m256i nibbles = _mm256_srlv_epi64(twice, _mm256_set_epi64x(4, 4, 0, 0));
      q[i] = _mm256_shuffle_epi8(table, _mm256_and_si256(nibbles, _mm256_set1_epi8(15)));
    }
  }
};

}  // namespace FAK_ISA
}  // namespace fak
