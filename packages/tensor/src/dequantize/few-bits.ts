// Types of one or two bits an element under one f16 scale: TQ1_0 and TQ2_0 (-1, 0, 1), Q1_0 (-1, 1), Q2_0 (-1 to 2). The first two
// follow gguf/quants.py of the official `gguf` Python package, which lacks the others; those follow ggml-quants.c.

import { type BlockDecoder, halfAt } from './block.js'

/**
 * 256 elements: 48 bytes of five base-3 digits, 4 bytes of four, d f16. A byte holds digits of a fraction of 3^5: multiplied by 3^n
 * modulo 256, then by 3, digit n overflows. Digit n of the first 32 bytes is elements 32 n + j, of the next 16 elements 160 + 16 n + j,
 * of the last four elements 240 + 4 n + j.
 */
const tq1_0: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 52)
  const digits = (from: number, count: number, width: number, first: number) => {
    for (let n = 0, power = 1; n < count; n++, power *= 3) {
      for (let j = 0; j < width; j++) {
        const digit = (((bytes[at + from + j]! * power) & 255) * 3) >> 8
        out[to + first + n * width + j] = d * (digit - 1)
      }
    }
  }
  digits(0, 5, 32, 0)
  digits(32, 5, 16, 160)
  digits(48, 4, 4, 240)
}

/** 256 elements: 64 bytes of 2-bit values, d f16. A run of 32 bytes holds 128: bits 2n..2n+1 of byte j are element 32 n + j. */
const tq2_0: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at + 64)
  for (let i = 0; i < 256; i++) {
    const q = (bytes[at + 32 * (i >> 7) + (i & 31)]! >> (2 * ((i >> 5) & 3))) & 3
    out[to + i] = d * (q - 1)
  }
}

/** 128 elements: d f16, 16 bytes; bit j of byte i is element 8 i + j, set for d and clear for -d. */
const q1_0: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 128; i++) out[to + i] = (bytes[at + 2 + (i >> 3)]! >> (i & 7)) & 1 ? d : -d
}

/** 64 elements: d f16, 16 bytes; bits 2j..2j+1 of byte i are element 4 i + j: `d * (q - 1)`. */
const q2_0: BlockDecoder = (bytes, at, out, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 64; i++) out[to + i] = d * (((bytes[at + 2 + (i >> 2)]! >> (2 * (i & 3))) & 3) - 1)
}

export const fewBitDecoders = { TQ1_0: tq1_0, TQ2_0: tq2_0, Q1_0: q1_0, Q2_0: q2_0 } as const
