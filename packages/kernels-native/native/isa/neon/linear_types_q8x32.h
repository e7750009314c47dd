// How NEON unpacks the blocks of 32: two registers of sixteen bytes, one type a struct. Types stored without a sign give u = q + kOffset.
#pragma once

#include "linear_common.h"

namespace fak {
namespace FAK_ISA {

template <int at, class Rows>
FAK_INLINE void nibbles(const Rows& rows, uint8x16_t q[2]) {
  const uint8x16_t v = bytes_at<at>(rows);
  q[0] = vandq_u8(v, vdupq_n_u8(15));
  q[1] = shift_right<4>(v);
}

/// 16 in each byte whose bit is set; bit j of the two stored bytes belongs to byte j.
FAK_INLINE uint8x16_t fifth_bits(const uint8_t* stored) {
  const uint8x16_t bytes = vcombine_u8(vdup_n_u8(stored[0]), vdup_n_u8(stored[1]));
  const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
  return vandq_u8(vtstq_u8(bytes, bit), vdupq_n_u8(16));
}

template <int bits, int at, class Rows>
FAK_INLINE void nibbles_with_fifth_bit(const Rows& rows, uint8x16_t q[2]) {
  nibbles<at>(rows, q);
  q[0] = vorrq_u8(q[0], rows.of([](const uint8_t* row) __attribute__((always_inline)) { return fifth_bits(row + bits); }));
  q[1] = vorrq_u8(q[1], rows.of([](const uint8_t* row) __attribute__((always_inline)) { return fifth_bits(row + bits + 2); }));
}

struct Q4_0 {
  using Block = BlockQ4_0;
  static constexpr int kOffset = 8;
  static constexpr bool kMinimum = false;
  template <class Rows>
  FAK_INLINE void quants(const Rows& rows, uint8x16_t q[2]) { nibbles<2>(rows, q); }
};

struct Q4_1 {
  using Block = BlockQ4_1;
  static constexpr int kOffset = 0;
  static constexpr bool kMinimum = true;
  template <class Rows>
  FAK_INLINE void quants(const Rows& rows, uint8x16_t q[2]) { nibbles<4>(rows, q); }
};

struct Q5_0 {
  using Block = BlockQ5_0;
  static constexpr int kOffset = 16;
  static constexpr bool kMinimum = false;
  template <class Rows>
  FAK_INLINE void quants(const Rows& rows, uint8x16_t q[2]) { nibbles_with_fifth_bit<2, 6>(rows, q); }
};

struct Q5_1 {
  using Block = BlockQ5_1;
  static constexpr int kOffset = 0;
  static constexpr bool kMinimum = true;
  template <class Rows>
  FAK_INLINE void quants(const Rows& rows, uint8x16_t q[2]) { nibbles_with_fifth_bit<4, 8>(rows, q); }
};

struct Q8_0 {
  using Block = BlockQ8_0;
  static constexpr int kOffset = 0;
  static constexpr bool kMinimum = false;
  template <class Rows>
  FAK_INLINE void quants(const Rows& rows, uint8x16_t q[2]) {
    q[0] = bytes_at<2>(rows);
    q[1] = bytes_at<18>(rows);
  }
};

struct IQ4_NL {
  using Block = BlockIQ4_NL;
  static constexpr int kOffset = 0;
  static constexpr bool kMinimum = false;
  template <class Rows>
  FAK_INLINE void quants(const Rows& rows, uint8x16_t q[2]) {
    nibbles<2>(rows, q);
    q[0] = looked_up(kIQ4Values, q[0]);
    q[1] = looked_up(kIQ4Values, q[1]);
  }
};

struct MXFP4 {
  using Block = BlockMXFP4;
  static constexpr int kOffset = 0;
  static constexpr bool kMinimum = false;
  template <class Rows>
  FAK_INLINE void quants(const Rows& rows, uint8x16_t q[2]) {
    nibbles<1>(rows, q);
    q[0] = looked_up(kE2M1Values, q[0]);
    q[1] = looked_up(kE2M1Values, q[1]);
  }
};

}  // namespace FAK_ISA
}  // namespace fak
