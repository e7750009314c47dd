// IQ4_NL and IQ4_XS: four-bit indices into a fixed table of 16 unevenly spaced values.

import { type BlockDecoder, halfAt } from './block.js'

/** The table of both types (`kvalues` of the official `gguf` Python package, gguf/quants.py). */
const VALUES = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)

/** 32 elements: d f16, 16 bytes; low nibbles are elements 0..15, high nibbles 16..31. */
const iq4_nl: BlockDecoder = (bytes, at, out, to) => decode32(bytes, at + 2, halfAt(bytes, at), out, to)

/**
 * 256 elements: d f16, upper two bits of eight group scales as u16, their lower four as nibbles in 4 bytes, 128 bytes of
 * indices. A group of 32 has the scale `d * (scale - 32)` and lies as in IQ4_NL.
 */
const iq4_xs: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  const upper = bytes[at + 2]! | (bytes[at + 3]! << 8)
  for (let group = 0; group < 8; group++) {
    const low = (bytes[at + 4 + (group >> 1)]! >> (4 * (group & 1))) & 15
    const high = (upper >> (2 * group)) & 3
    decode32(bytes, at + 8 + 16 * group, Math.fround(d * ((low | (high << 4)) - 32)), out, to + 32 * group)
  }
}

function decode32(bytes: Uint8Array, at: number, scale: number, out: Float32Array, to: number): void {
  for (let j = 0; j < 16; j++) {
    const pair = bytes[at + j]!
    out[to + j] = scale * VALUES[pair & 15]!
    out[to + j + 16] = scale * VALUES[pair >> 4]!
  }
}

export const iq4Decoders = { IQ4_NL: iq4_nl, IQ4_XS: iq4_xs } as const
