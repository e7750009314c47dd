// The 32-element types: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0. One scale a block, for the _1 types also a minimum.
// Four-bit values lie in two halves: byte j holds element j in its low nibble and element j + 16 in its high one.

import { type BlockDecoder, halfAt, signed } from './block.js'

/** d f16, 16 bytes of nibbles: `d * (q - 8)`. */
const q4_0: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  for (let j = 0; j < 16; j++) {
    const pair = bytes[at + 2 + j]!
    out[to + j] = d * ((pair & 15) - 8)
    out[to + j + 16] = d * ((pair >> 4) - 8)
  }
}

/** d f16, m f16, 16 bytes of nibbles: `d * q + m`. */
const q4_1: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  const m = halfAt(bytes, at + 2)
  for (let j = 0; j < 16; j++) {
    const pair = bytes[at + 4 + j]!
    out[to + j] = Math.fround(d * (pair & 15)) + m
    out[to + j + 16] = Math.fround(d * (pair >> 4)) + m
  }
}

/** d f16, the fifth bits of elements 0..31 as one u32, 16 bytes of nibbles: `d * (q - 16)`. */
const q5_0: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  for (let j = 0; j < 16; j++) {
    const pair = bytes[at + 6 + j]!
    out[to + j] = d * (((pair & 15) | fifthBit(bytes, at + 2, j)) - 16)
    out[to + j + 16] = d * (((pair >> 4) | fifthBit(bytes, at + 2, j + 16)) - 16)
  }
}

/** d f16, m f16, fifth bits, nibbles: `d * q + m`. */
const q5_1: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  const m = halfAt(bytes, at + 2)
  for (let j = 0; j < 16; j++) {
    const pair = bytes[at + 8 + j]!
    out[to + j] = Math.fround(d * ((pair & 15) | fifthBit(bytes, at + 4, j))) + m
    out[to + j + 16] = Math.fround(d * ((pair >> 4) | fifthBit(bytes, at + 4, j + 16))) + m
  }
}

/** d f16, 32 signed bytes: `q * d`. */
const q8_0: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  for (let j = 0; j < 32; j++) out[to + j] = signed(bytes[at + 2 + j]!) * d
}

/** Bit `element` of the 32-bit field at `bytes[field]`, moved to bit 4. */
function fifthBit(bytes: Uint8Array, field: number, element: number): number {
  return ((bytes[field + (element >> 3)]! >> (element & 7)) & 1) << 4
}

export const smallBlockDecoders = { Q4_0: q4_0, Q4_1: q4_1, Q5_0: q5_0, Q5_1: q5_1, Q8_0: q8_0 } as const
