// The IQ1, IQ2 and IQ3 types: a quant is the number of a point in a fixed lattice, which stands for eight (IQ3: four) small values. All
// are super-blocks of 256 elements in runs of eight. Formulas: gguf/quants.py of the official `gguf` Python package.

import { f16ToF32 } from '../float16.js'
import { type BlockDecoder, halfAt } from './block.js'
import { latticeData } from './lattice-data.js'

type LatticeName = keyof typeof latticeData

const unpacked = new Map<LatticeName, Int8Array>()

/** The values of a lattice, point after point; unpacked when a type first needs it. */
function lattice(name: LatticeName): Int8Array {
  const known = unpacked.get(name)
  if (known !== undefined) return known
  const { values, points } = latticeData[name]
  const bytes = atob(points)
  // Three bits index the eight values of the IQ3 lattices, two bits the three of the others.
  const [size, bits] = values.length === 8 ? [4, 3] : [8, 2]
  const all = new Int8Array((bytes.length / 2) * size)
  for (let i = 0; i < all.length; i++) {
    const at = 2 * Math.floor(i / size)
    const point = bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8)
    all[i] = values[(point >> (bits * (i % size))) & ((1 << bits) - 1)]!
  }
  unpacked.set(name, all)
  return all
}

const u16 = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8)
const u32 = (bytes: Uint8Array, at: number): number => (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0

/** Seven sign bits and their parity as the eighth, so that a run of eight always has an even number of minus signs. */
function evenSigns(seven: number): number {
  let parity = seven
  parity ^= parity >> 4
  parity ^= parity >> 2
  parity ^= parity >> 1
  return seven | ((parity & 1) << 7)
}

/** Run of eight `scale * value`, negative where bit j of `signs` is set; the values are eight in a row of `points`. */
function signedRun(points: Int8Array, from: number, signs: number, scale: number, out: Float32Array, to: number): void {
  for (let j = 0; j < 8; j++) out[to + j] = scale * (signs & (1 << j) ? -points[from + j]! : points[from + j]!)
}

/** The same with the values of two points of four. */
function signedPair(
  points: Int8Array,
  [first, second]: readonly [number, number],
  signs: number,
  scale: number,
  out: Float32Array,
  to: number,
): void {
  for (let j = 0; j < 4; j++) {
    const [a, b] = [points[4 * first + j]!, points[4 * second + j]!]
    out[to + j] = scale * (signs & (1 << j) ? -a : a)
    out[to + 4 + j] = scale * (signs & (16 << j) ? -b : b)
  }
}

/** IQ2_XXS: d f16, then for each 32 elements four point numbers and a u32: four times 7 sign bits, and a scale in the top four. */
const iq2_xxs: BlockDecoder = (bytes, at, out, to) => {
  const points = lattice('IQ2_XXS')
  const d = halfAt(bytes, at)
  for (let group = 0; group < 8; group++) {
    const from = at + 2 + 8 * group
    const word = u32(bytes, from + 4)
    const scale = d * (0.5 + (word >>> 28)) * 0.25
    for (let run = 0; run < 4; run++) {
      const signs = evenSigns((word >>> (7 * run)) & 127)
      signedRun(points, 8 * bytes[from + run]!, signs, scale, out, to + 32 * group + 8 * run)
    }
  }
}

/** IQ2_XS: d f16, 32 u16 of a 9-bit point number and 7 sign bits, 8 bytes of nibbles: scales of 16 elements. */
const iq2_xs: BlockDecoder = (bytes, at, out, to) => {
  const points = lattice('IQ2_XS')
  const d = halfAt(bytes, at)
  for (let run = 0; run < 32; run++) {
    const word = u16(bytes, at + 2 + 2 * run)
    const scale = d * (0.5 + nibble(bytes, at + 66, run >> 1)) * 0.25
    signedRun(points, 8 * (word & 511), evenSigns(word >> 9), scale, out, to + 8 * run)
  }
}

/** IQ2_S: d f16, 32 low bytes of point numbers, 32 bytes of signs, 8 bytes with two more bits of each number, 8 bytes of scales. */
const iq2_s: BlockDecoder = (bytes, at, out, to) => {
  const points = lattice('IQ2_S')
  const d = halfAt(bytes, at)
  for (let run = 0; run < 32; run++) {
    const high = (bytes[at + 66 + (run >> 2)]! >> (2 * (run & 3))) & 3
    const scale = d * (0.5 + nibble(bytes, at + 74, run >> 1)) * 0.25
    signedRun(points, 8 * (bytes[at + 2 + run]! | (high << 8)), bytes[at + 34 + run]!, scale, out, to + 8 * run)
  }
}

/** IQ3_XXS: d f16, 64 point numbers, then for each 32 elements a u32 of signs and scale as in IQ2_XXS. */
const iq3_xxs: BlockDecoder = (bytes, at, out, to) => {
  const points = lattice('IQ3_XXS')
  const d = halfAt(bytes, at)
  for (let run = 0; run < 32; run++) {
    const word = u32(bytes, at + 66 + 4 * (run >> 2))
    const scale = d * (0.5 + (word >>> 28)) * 0.5
    const pair = [bytes[at + 2 + 2 * run]!, bytes[at + 3 + 2 * run]!] as const
    signedPair(points, pair, evenSigns((word >>> (7 * (run & 3))) & 127), scale, out, to + 8 * run)
  }
}

/** IQ3_S: d f16, 64 low bytes of point numbers, 8 bytes of their ninth bits, 32 bytes of signs, 4 bytes of scales of 32 elements. */
const iq3_s: BlockDecoder = (bytes, at, out, to) => {
  const points = lattice('IQ3_S')
  const d = halfAt(bytes, at)
  const point = (i: number) => bytes[at + 2 + i]! | (((bytes[at + 66 + (i >> 3)]! >> (i & 7)) & 1) << 8)
  for (let run = 0; run < 32; run++) {
    const scale = d * (1 + 2 * nibble(bytes, at + 106, run >> 2))
    const pair = [point(2 * run), point(2 * run + 1)] as const
    signedPair(points, pair, bytes[at + 74 + run]!, scale, out, to + 8 * run)
  }
}

/** What IQ1_S and IQ1_M add to every value of a run or subtract from it. */
const DELTA = 0.125

function shiftedRun(
  points: Int8Array,
  point: number,
  delta: number,
  scale: number,
  out: Float32Array,
  to: number,
): void {
  for (let j = 0; j < 8; j++) out[to + j] = scale * (points[8 * point + j]! + delta)
}

/** IQ1_S: d f16, 32 low bytes of point numbers, 8 u16: four times 3 more bits of a number, 3 bits of scale, the sign of the delta. */
const iq1_s: BlockDecoder = (bytes, at, out, to) => {
  const points = lattice('IQ1_S')
  const d = halfAt(bytes, at)
  for (let run = 0; run < 32; run++) {
    const word = u16(bytes, at + 34 + 2 * (run >> 2))
    const point = bytes[at + 2 + run]! | (((word >> (3 * (run & 3))) & 7) << 8)
    const scale = d * (2 * ((word >> 12) & 7) + 1)
    shiftedRun(points, point, word & 0x8000 ? -DELTA : DELTA, scale, out, to + 8 * run)
  }
}

/**
 * IQ1_M: 32 low bytes of point numbers, 16 bytes of nibbles (3 more bits of a number and the sign of the delta), 4 u16: four times 3
 * bits, the scales of 16 elements, and in each top nibble a quarter of the block's f16 scale.
 */
const iq1_m: BlockDecoder = (bytes, at, out, to) => {
  const points = lattice('IQ1_S')
  let half = 0
  for (let i = 0; i < 4; i++) half |= (u16(bytes, at + 48 + 2 * i) >> 12) << (4 * i)
  const d = f16ToF32(half)
  for (let run = 0; run < 32; run++) {
    const group = run >> 1
    const scale = d * (2 * ((u16(bytes, at + 48 + 2 * (group >> 2)) >> (3 * (group & 3))) & 7) + 1)
    const high = nibble(bytes, at + 32, run)
    shiftedRun(points, bytes[at + run]! | ((high & 7) << 8), high & 8 ? -DELTA : DELTA, scale, out, to + 8 * run)
  }
}

/** Nibble `i` of the bytes at `from`, low ones first. */
const nibble = (bytes: Uint8Array, from: number, i: number): number => (bytes[from + (i >> 1)]! >> (4 * (i & 1))) & 15

export const latticeDecoders = {
  IQ1_S: iq1_s,
  IQ1_M: iq1_m,
  IQ2_XXS: iq2_xxs,
  IQ2_XS: iq2_xs,
  IQ2_S: iq2_s,
  IQ3_XXS: iq3_xxs,
  IQ3_S: iq3_s,
} as const
