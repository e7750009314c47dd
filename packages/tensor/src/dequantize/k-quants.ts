// The K-quants: super-blocks of 256 elements with one or two f16 scales and small integer scales for groups of 16 or 32.

import { type BlockDecoder, halfAt, signed } from './block.js'

/**
 * Q2_K: 16 bytes of group scales (low nibble scale, high nibble minimum), 64 bytes of 2-bit values, d f16, dmin f16.
 * A run of 32 bytes holds 128 elements: bits 2k..2k+1 of byte j are element 32k + j. Groups are 16 elements.
 */
const q2_k: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 80)
  const dmin = halfAt(bytes, at + 82)
  for (let group = 0; group < 16; group++) {
    const scale = bytes[at + group]!
    const dl = Math.fround(d * (scale & 15))
    const ml = Math.fround(dmin * (scale >> 4))
    const from = at + 16 + twoBitRun(group)
    const shift = twoBitShift(group)
    for (let j = 0; j < 16; j++) out[to + group * 16 + j] = Math.fround(dl * ((bytes[from + j]! >> shift) & 3)) - ml
  }
}

/**
 * Q3_K: 32 bytes of third bits, 64 bytes of 2-bit values as in Q2_K, 12 bytes of 6-bit group scales less 32, d f16.
 * Third bits: bit k of byte j belongs to element 32k + j, and a clear bit subtracts 4.
 */
const q3_k: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 108)
  const scales = at + 96
  for (let group = 0; group < 16; group++) {
    // Low four bits: groups 0..7 in the low nibbles of bytes 0..7, 8..15 in the high ones. Upper two: bytes 8..11.
    const low = (bytes[scales + (group & 7)]! >> (group < 8 ? 0 : 4)) & 15
    const high = (bytes[scales + 8 + (group & 3)]! >> (2 * (group >> 2))) & 3
    const dl = Math.fround(d * ((low | (high << 4)) - 32))
    const from = at + 32 + twoBitRun(group)
    const shift = twoBitShift(group)
    const third = at + 16 * (group & 1)
    for (let j = 0; j < 16; j++) {
      const offset = (bytes[third + j]! >> (group >> 1)) & 1 ? 0 : 4
      out[to + group * 16 + j] = dl * (((bytes[from + j]! >> shift) & 3) - offset)
    }
  }
}

/** Where the 16 values of a 2-bit group begin: each run of 32 bytes serves eight groups, even ones in its first half. */
const twoBitRun = (group: number): number => 32 * (group >> 3) + 16 * (group & 1)
const twoBitShift = (group: number): number => 2 * ((group >> 1) & 3)

/**
 * Q4_K: d f16, dmin f16, 12 bytes of 6-bit scales and minima for eight groups of 32, 128 bytes of nibbles.
 * A run of 32 bytes holds two groups: low nibbles the first, high nibbles the second. `d*sc*q - dmin*m`.
 */
const q4_k: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  const dmin = halfAt(bytes, at + 2)
  for (let group = 0; group < 8; group++) {
    const dl = Math.fround(d * scale6(bytes, at + 4, group))
    const ml = Math.fround(dmin * minimum6(bytes, at + 4, group))
    const from = at + 16 + 32 * (group >> 1)
    const shift = 4 * (group & 1)
    for (let j = 0; j < 32; j++) out[to + group * 32 + j] = Math.fround(dl * ((bytes[from + j]! >> shift) & 15)) - ml
  }
}

/** Q5_K: as Q4_K, with 32 bytes of fifth bits before the nibbles: bit `group` of byte j belongs to element j of the group. */
const q5_k: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  const dmin = halfAt(bytes, at + 2)
  for (let group = 0; group < 8; group++) {
    const dl = Math.fround(d * scale6(bytes, at + 4, group))
    const ml = Math.fround(dmin * minimum6(bytes, at + 4, group))
    const from = at + 48 + 32 * (group >> 1)
    const shift = 4 * (group & 1)
    for (let j = 0; j < 32; j++) {
      const fifth = ((bytes[at + 16 + j]! >> group) & 1) << 4
      out[to + group * 32 + j] = Math.fround(dl * (((bytes[from + j]! >> shift) & 15) | fifth)) - ml
    }
  }
}

/**
 * Q6_K: 128 bytes of low nibbles, 64 bytes of upper 2-bit pairs, 16 signed group scales, d f16: `d*sc * (q - 32)`.
 * Each half of 128 elements has 64 nibble bytes (elements 0..63 low, 64..127 high) and 32 bytes of pairs.
 */
const q6_k: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 208)
  for (let group = 0; group < 16; group++) {
    const dl = Math.fround(d * signed(bytes[at + 192 + group]!))
    const half = group >> 3
    const within = (group & 7) * 16
    const low = at + 64 * half + (within & 63)
    const lowShift = within < 64 ? 0 : 4
    const high = at + 128 + 32 * half + (within & 31)
    const highShift = 2 * (within >> 5)
    for (let j = 0; j < 16; j++) {
      const q = ((bytes[low + j]! >> lowShift) & 15) | (((bytes[high + j]! >> highShift) & 3) << 4)
      out[to + group * 16 + j] = dl * (q - 32)
    }
  }
}

/**
 * The 6-bit scale of a group in the 12 bytes at `s` (Q4_K, Q5_K). Groups 0..3: low six bits of bytes 0..3. Groups 4..7:
 * four bits in the low nibble of bytes 8..11, two in the top of bytes 0..3.
 */
function scale6(bytes: Uint8Array, s: number, group: number): number {
  if (group < 4) return bytes[s + group]! & 63
  return (bytes[s + 4 + group]! & 15) | ((bytes[s + group - 4]! >> 6) << 4)
}

/** The 6-bit minimum of a group: as {@link scale6}, from bytes 4..7 and the high nibbles of bytes 8..11. */
function minimum6(bytes: Uint8Array, s: number, group: number): number {
  if (group < 4) return bytes[s + 4 + group]! & 63
  return (bytes[s + 4 + group]! >> 4) | ((bytes[s + group]! >> 6) << 4)
}

export const kQuantDecoders = { Q2_K: q2_k, Q3_K: q3_k, Q4_K: q4_k, Q5_K: q5_k, Q6_K: q6_k } as const
