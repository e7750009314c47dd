// How NEON unpacks the super-blocks of 256: half a block at a time as eight registers of sixteen bytes in element order, one type a struct.
// Types stored without a sign give u = q + kOffset. Scales come in sixteens (one for each 16 elements, kSixteens) or in eights.
#pragma once

#include "../../quant/packed_scales.h"
#include "linear_common.h"

namespace fak {
namespace FAK_ISA {

/// The integer scales and minimums of a super-block; eights use the first register alone.
struct GroupScales {
  int16x8_t scale[2], min[2];
};

FAK_INLINE int16x8_t widen_bytes(uint64_t eight) { return vreinterpretq_s16_u16(vmovl_u8(vcreate_u8(eight))); }

struct Q2_K {
  using Block = BlockQ2_K;
  static constexpr int kOffset = 0;
  static constexpr bool kSixteens = true, kMinimum = true;
  template <int h, class Rows>
  FAK_INLINE void half(const Rows& rows, uint8x16_t q[8]) {
    const uint8x16_t a = bytes_at<16 + 32 * h>(rows), b = bytes_at<32 + 32 * h>(rows), three = vdupq_n_u8(3);
    q[0] = vandq_u8(a, three), q[1] = vandq_u8(b, three);
    q[2] = vandq_u8(shift_right<2>(a), three), q[3] = vandq_u8(shift_right<2>(b), three);
    q[4] = vandq_u8(shift_right<4>(a), three), q[5] = vandq_u8(shift_right<4>(b), three);
    q[6] = shift_right<6>(a), q[7] = shift_right<6>(b);
  }
  FAK_INLINE void scales(const Block& b, GroupScales& s) {
    const uint8x16_t both = vld1q_u8(b.scales), low = vandq_u8(both, vdupq_n_u8(15)), high = vshrq_n_u8(both, 4);
    s.scale[0] = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(low)));
    s.scale[1] = vreinterpretq_s16_u16(vmovl_high_u8(low));
    s.min[0] = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(high)));
    s.min[1] = vreinterpretq_s16_u16(vmovl_high_u8(high));
  }
};

struct Q3_K {
  using Block = BlockQ3_K;
  static constexpr int kOffset = 4;
  static constexpr bool kSixteens = true, kMinimum = false;
  template <int h, int plane>
  FAK_INLINE uint8x16_t one(uint8x16_t low, uint8x16_t high) {
    return vandq_u8(vsliq_n_u8(shift_right<2 * plane>(low), shift_right<4 * h + plane>(high), 2), vdupq_n_u8(7));
  }
  template <int h, class Rows>
  FAK_INLINE void half(const Rows& rows, uint8x16_t q[8]) {
    const uint8x16_t ha = bytes_at<0>(rows), hb = bytes_at<16>(rows);
    const uint8x16_t a = bytes_at<32 + 32 * h>(rows), b = bytes_at<48 + 32 * h>(rows), three = vdupq_n_u8(3);
    q[0] = one<h, 0>(vandq_u8(a, three), ha), q[1] = one<h, 0>(vandq_u8(b, three), hb);
    q[2] = one<h, 1>(a, ha), q[3] = one<h, 1>(b, hb);
    q[4] = one<h, 2>(a, ha), q[5] = one<h, 2>(b, hb);
    q[6] = one<h, 3>(a, ha), q[7] = one<h, 3>(b, hb);
  }
  FAK_INLINE void scales(const Block& b, GroupScales& s) {
    uint64_t low, high;
    scale_bytes_q3_K(b.scales, low, high);
    s.scale[0] = vsubq_s16(widen_bytes(low), vdupq_n_s16(32));
    s.scale[1] = vsubq_s16(widen_bytes(high), vdupq_n_s16(32));
  }
};

struct Q4_K {
  using Block = BlockQ4_K;
  static constexpr int kOffset = 0;
  static constexpr bool kSixteens = false, kMinimum = true;
  template <int h, class Rows>
  FAK_INLINE void half(const Rows& rows, uint8x16_t q[8]) {
    const uint8x16_t a = bytes_at<16 + 64 * h>(rows), b = bytes_at<32 + 64 * h>(rows);
    const uint8x16_t c = bytes_at<48 + 64 * h>(rows), d = bytes_at<64 + 64 * h>(rows), fifteen = vdupq_n_u8(15);
    q[0] = vandq_u8(a, fifteen), q[1] = vandq_u8(b, fifteen), q[2] = shift_right<4>(a), q[3] = shift_right<4>(b);
    q[4] = vandq_u8(c, fifteen), q[5] = vandq_u8(d, fifteen), q[6] = shift_right<4>(c), q[7] = shift_right<4>(d);
  }
  FAK_INLINE void scales(const Block& b, GroupScales& s) {
    uint64_t scale, min;
    scale_bytes_q4_K(b.scales, scale, min);
    s.scale[0] = widen_bytes(scale);
    s.min[0] = widen_bytes(min);
  }
};

struct Q5_K {
  using Block = BlockQ5_K;
  static constexpr int kOffset = 0;
  static constexpr bool kSixteens = false, kMinimum = true;
  /// The low nibbles with bit `bit` of `high` above them, and the high ones with the next bit.
  template <int bit>
  FAK_INLINE void two(uint8x16_t low, uint8x16_t high, uint8x16_t& first, uint8x16_t& second) {
    const uint8x16_t mask = vdupq_n_u8(31);
    first = vandq_u8(vsliq_n_u8(low, shift_right<bit>(high), 4), mask);
    // Bit `bit` + 1 to place 4; the nibble slides in under it.
    uint8x16_t above;
    if constexpr (bit + 1 >= 4) above = shift_right<bit + 1 - 4>(high);
    else above = vshlq_n_u8(high, 3 - bit);
    second = vandq_u8(vsriq_n_u8(above, low, 4), mask);
  }
  template <int h, class Rows>
  FAK_INLINE void half(const Rows& rows, uint8x16_t q[8]) {
    const uint8x16_t ha = bytes_at<16>(rows), hb = bytes_at<32>(rows);
    two<4 * h>(bytes_at<48 + 64 * h>(rows), ha, q[0], q[2]);
    two<4 * h>(bytes_at<64 + 64 * h>(rows), hb, q[1], q[3]);
    two<4 * h + 2>(bytes_at<80 + 64 * h>(rows), ha, q[4], q[6]);
    two<4 * h + 2>(bytes_at<96 + 64 * h>(rows), hb, q[5], q[7]);
  }
  FAK_INLINE void scales(const Block& b, GroupScales& s) {
    uint64_t scale, min;
    scale_bytes_q4_K(b.scales, scale, min);
    s.scale[0] = widen_bytes(scale);
    s.min[0] = widen_bytes(min);
  }
};

struct Q6_K {
  using Block = BlockQ6_K;
  static constexpr int kOffset = 32;
  static constexpr bool kSixteens = true, kMinimum = false;
  template <int h, class Rows>
  FAK_INLINE void half(const Rows& rows, uint8x16_t q[8]) {
    const uint8x16_t high[2] = {bytes_at<128 + 32 * h>(rows), bytes_at<144 + 32 * h>(rows)};
    const uint8x16_t a[2] = {bytes_at<64 * h>(rows), bytes_at<16 + 64 * h>(rows)};
    const uint8x16_t b[2] = {bytes_at<32 + 64 * h>(rows), bytes_at<48 + 64 * h>(rows)};
    const uint8x16_t mask = vdupq_n_u8(63);
    for (int i = 0; i < 2; i++) {
      // Two bits slide in above a low nibble, or a high nibble under two bits.
      const uint8x16_t upper = shift_right<2>(high[i]);
      q[i] = vandq_u8(vsliq_n_u8(a[i], high[i], 4), mask);
      q[2 + i] = vandq_u8(vsliq_n_u8(b[i], upper, 4), mask);
      q[4 + i] = vandq_u8(vsriq_n_u8(high[i], a[i], 4), mask);
      q[6 + i] = vsriq_n_u8(upper, b[i], 4);
    }
  }
  FAK_INLINE void scales(const Block& b, GroupScales& s) {
    const int8x16_t bytes = vld1q_s8(b.scales);
    s.scale[0] = vmovl_s8(vget_low_s8(bytes));
    s.scale[1] = vmovl_high_s8(bytes);
  }
};

struct IQ4_XS {
  using Block = BlockIQ4_XS;
  static constexpr int kOffset = 0;
  static constexpr bool kSixteens = false, kMinimum = false;
  template <int h, int i, class Rows>
  FAK_INLINE void two(const Rows& rows, uint8x16_t q[8]) {
    const uint8x16_t v = bytes_at<8 + 16 * (4 * h + i)>(rows);
    q[2 * i] = looked_up(kIQ4Values, vandq_u8(v, vdupq_n_u8(15)));
    q[2 * i + 1] = looked_up(kIQ4Values, shift_right<4>(v));
  }
  template <int h, class Rows>
  FAK_INLINE void half(const Rows& rows, uint8x16_t q[8]) {
    two<h, 0>(rows, q);
    two<h, 1>(rows, q);
    two<h, 2>(rows, q);
    two<h, 3>(rows, q);
  }
  FAK_INLINE void scales(const Block& b, GroupScales& s) {
    s.scale[0] = vsubq_s16(widen_bytes(scale_bytes_iq4_xs(b.scales_l, b.scales_h)), vdupq_n_s16(32));
  }
};

/// The sums of a column's quants over the groups that a type has.
template <class T>
FAK_INLINE void group_sums(const int16_t* sums, int16x8_t out[2]) {
  const int16x8_t low = vld1q_s16(sums), high = vld1q_s16(sums + 8);
  out[0] = T::kSixteens ? low : vpaddq_s16(low, high);
  out[1] = high;
}

/// Sum of factor * sums over the groups, as four partial sums.
template <class T>
FAK_INLINE int32x4_t times_sums(const int16x8_t factor[2], const int16x8_t sums[2]) {
  int32x4_t sum = vmull_s16(vget_low_s16(factor[0]), vget_low_s16(sums[0]));
  sum = vmlal_high_s16(sum, factor[0], sums[0]);
  if (!T::kSixteens) return sum;
  sum = vmlal_s16(sum, vget_low_s16(factor[1]), vget_low_s16(sums[1]));
  return vmlal_high_s16(sum, factor[1], sums[1]);
}

/// The scales of half a block as int32: four of eights, eight of sixteens.
template <class T, int h>
FAK_INLINE void half_scales(const GroupScales& s, int32x4_t out[2]) {
  if constexpr (T::kSixteens) {
    out[0] = vmovl_s16(vget_low_s16(s.scale[h]));
    out[1] = vmovl_high_s16(s.scale[h]);
  } else {
    out[0] = h == 0 ? vmovl_s16(vget_low_s16(s.scale[0])) : vmovl_high_s16(s.scale[0]);
  }
}

}  // namespace FAK_ISA
}  // namespace fak
