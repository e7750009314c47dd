// MXFP4 and NVFP4: four-bit floats (E2M1) under scales of eight bits. The values are kept doubled, which makes them whole numbers, and
// the scales halved. Formulas: gguf/quants.py of the official `gguf` Python package.

import type { BlockDecoder } from './block.js'

/** Twice the value of every E2M1 pattern. The last eight negate the first, without a minus zero. */
const DOUBLED = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)

/** Floats by their bits, one for every byte. */
const byByte = (bitsOf: (byte: number) => number): Float32Array =>
  new Float32Array(Uint32Array.from({ length: 256 }, (_, byte) => bitsOf(byte)).buffer)

/**
 * Halves of the E8M0 scales 2^(e - 127); the first two are subnormal numbers. As in the official package 255, which OCP's format makes a
 * NaN, is one more power of two.
 */
const HALF_E8M0 = byByte((e) => (e < 2 ? 0x0020_0000 << e : (e - 1) << 23))

/** Half of the smallest E4M3 number. */
const HALF_E4M3_STEP = 1 / 1024

/** Halves of the unsigned E4M3 scales; the pattern of a NaN is zero as in the official package, and the top bit is not looked at. */
const HALF_E4M3 = byByte((byte) => (byte === 0x7f ? 0 : ((((byte >> 3) & 15) + 119) << 23) | ((byte & 7) << 20))).map(
  (normal, byte) => ((byte & 0x78) === 0 ? (byte & 7) * HALF_E4M3_STEP : normal),
)

/** `2 n` elements from n bytes: low nibbles are the first half, high nibbles the second. */
function halves(bytes: Uint8Array, at: number, n: number, scale: number, out: Float32Array, to: number): void {
  for (let j = 0; j < n; j++) {
    const pair = bytes[at + j]!
    out[to + j] = scale * DOUBLED[pair & 15]!
    out[to + n + j] = scale * DOUBLED[pair >> 4]!
  }
}

/** 32 elements: an E8M0 scale, 16 bytes of nibbles. */
const mxfp4: BlockDecoder = (bytes, at, out, to) => halves(bytes, at + 1, 16, HALF_E8M0[bytes[at]!]!, out, to)

/** 64 elements: four E4M3 scales of 16 elements, 32 bytes of nibbles. */
const nvfp4: BlockDecoder = (bytes, at, out, to) => {
  for (let group = 0; group < 4; group++) {
    halves(bytes, at + 4 + 8 * group, 8, HALF_E4M3[bytes[at + group]!]!, out, to + 16 * group)
  }
}

export const fp4Decoders = { MXFP4: mxfp4, NVFP4: nvfp4 } as const
