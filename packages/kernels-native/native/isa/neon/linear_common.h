// What the NEON linear leaves share: how rows are interleaved, how a register of four results is scaled and stored. Included by the leaves
// of this folder and of neon_i8mm, each in the namespace that FAK_VEC chooses. No C++ library header: an inline function compiled here
// could be the copy that the linker keeps.
#pragma once

#include "../vec.h"

#include "../linear_rows.h"

namespace fak {
namespace FAK_ISA {

// How sixteen bytes of a type's unpacked block come from stored rows. Unpacking works byte by byte, so rows may be interleaved before it,
// when they are fewer bytes. of(f) interleaves f(row), load(at) the stored bytes.

/// One row as it is.
struct OneRow {
  const uint8_t* row;
  template <class F>
  inline __attribute__((always_inline)) uint8x16_t of(F f) const { return f(row); }
};

/// Eight bytes of one row, then eight of the other: the operand of SMMLA. `half` 0 takes the first eight bytes, 1 the last.
template <int half>
struct RowPair {
  const uint8_t *first, *second;
  template <class F>
  inline __attribute__((always_inline)) uint8x16_t of(F f) const {
    const uint64x2_t a = vreinterpretq_u64_u8(f(first)), b = vreinterpretq_u64_u8(f(second));
    return vreinterpretq_u8_u64(half == 0 ? vzip1q_u64(a, b) : vzip2q_u64(a, b));
  }
};

/// Four bytes of each of four rows: the operand of SDOT by element. `quarter` says which four.
template <int quarter>
struct RowQuad {
  const uint8_t* const* rows;
  template <class F>
  inline __attribute__((always_inline)) uint8x16_t of(F f) const {
    const uint32x4_t a = vreinterpretq_u32_u8(f(rows[0])), b = vreinterpretq_u32_u8(f(rows[1]));
    const uint32x4_t c = vreinterpretq_u32_u8(f(rows[2])), d = vreinterpretq_u32_u8(f(rows[3]));
    const uint64x2_t ab = vreinterpretq_u64_u32(quarter < 2 ? vzip1q_u32(a, b) : vzip2q_u32(a, b));
    const uint64x2_t cd = vreinterpretq_u64_u32(quarter < 2 ? vzip1q_u32(c, d) : vzip2q_u32(c, d));
    return vreinterpretq_u8_u64(quarter % 2 == 0 ? vzip1q_u64(ab, cd) : vzip2q_u64(ab, cd));
  }
};

template <int at, class Rows>
FAK_INLINE uint8x16_t bytes_at(const Rows& rows) {
  return rows.of([](const uint8_t* row) __attribute__((always_inline)) { return vld1q_u8(row + at); });
}

FAK_INLINE int8x16_t as_signed(uint8x16_t v) { return vreinterpretq_s8_u8(v); }

template <int n>
FAK_INLINE uint8x16_t shift_right(uint8x16_t v) {
  if constexpr (n == 0) return v;
  else return vshrq_n_u8(v, n);
}

/// Sixteen entries of a table of signed bytes.
FAK_INLINE uint8x16_t looked_up(const int8_t table[16], uint8x16_t index) {
  return vreinterpretq_u8_s8(vqtbl1q_s8(vld1q_s8(table), index));
}

/// [sum a, sum b, sum c, sum d]
FAK_INLINE int32x4_t sum_each(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
  return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
}

FAK_INLINE float32x4_t halves_to_floats(uint64_t four) { return vcvt_f32_f16(vreinterpret_f16_u64(vcreate_u64(four))); }

/// Four halved E8M0 scales: e8m0_half_to_f32, lane by lane.
FAK_INLINE float32x4_t halved_e8m0(const uint8_t* a, const uint8_t* b, const uint8_t* c, const uint8_t* d) {
  const float four[4] = {e8m0_half_to_f32(*a), e8m0_half_to_f32(*b), e8m0_half_to_f32(*c), e8m0_half_to_f32(*d)};
  return vld1q_f32(four);
}

/// The scale `d` of one block of each of four rows.
template <class Block>
FAK_INLINE float32x4_t block_scales(const Block* a, const Block* b, const Block* c, const Block* d) {
  return halves_to_floats(four_halves(a->d, b->d, c->d, d->d));
}
FAK_INLINE float32x4_t block_scales(const BlockMXFP4* a, const BlockMXFP4* b, const BlockMXFP4* c, const BlockMXFP4* d) {
  return halved_e8m0(&a->e, &b->e, &c->e, &d->e);
}
template <class Block>
FAK_INLINE float32x4_t block_mins(const Block* a, const Block* b, const Block* c, const Block* d) {
  return halves_to_floats(four_halves(min_field(*a), min_field(*b), min_field(*c), min_field(*d)));
}

FAK_INLINE float32x4_t canonical(float32x4_t v) {
  return vbslq_f32(vceqq_f32(v, v), v, vreinterpretq_f32_u32(vdupq_n_u32(kCanonicalNaN)));
}

FAK_INLINE void store_group(const LinearArgs& a, const RowGroup& g, int64_t column, float32x4_t acc) {
  float out[4];
  vst1q_f32(out, canonical(acc));
  store_rows(a, g, column, out);
}

/// How many of the remaining columns to take in one pass over the rows: at most four, in shares as equal as may be.
FAK_INLINE int64_t pass_columns(int64_t remaining) {
  if (remaining <= 4) return remaining;
  return remaining >= 8 ? 4 : (remaining + 1) / 2;
}

/// The same field of the activation row `column` rows further on.
template <class T>
FAK_INLINE const T* in_column(const T* p, int64_t column, size_t stride) {
  return reinterpret_cast<const T*>(reinterpret_cast<const uint8_t*>(p) + static_cast<size_t>(column) * stride);
}

}  // namespace FAK_ISA
}  // namespace fak
