// Q4_K, Q5_K and Q6_K: super-blocks of 256 elements. The scale of each group is searched, the scales are themselves rounded to a few
// bits, and the levels are rounded once more with the scales as they are stored.

import { f16ToF32 } from '../float16.js'
import { type BlockEncoder, nearest, setHalf } from './block.js'
import {
  candidatesAround,
  clamp,
  clampSigned,
  found,
  NO_SCALE,
  risingCandidates,
  searchScale,
  searchScaleAndMinimum,
} from './scale-search.js'
import { SimdSearch } from './simd/search.js'

const { abs, fround } = Math
const SIZE = 256
const levels = new Uint8Array(SIZE)

const scales = new Float32Array(16)
const minima = new Float32Array(8)

const CANDIDATES_4 = risingCandidates(15, -1, 20)
const CANDIDATES_5 = risingCandidates(31, -0.5, 15)
const CANDIDATES_6 = candidatesAround(32)

let simd = SimdSearch.create()

/** Searches with or without the vector unit, for tests: the bytes are the same. Returns whether it is there at all. */
export function useSimd(wanted: boolean): boolean {
  simd = wanted ? SimdSearch.create() : undefined
  return simd !== undefined
}

/**
 * Levels of eight groups of 32 in {@link levels}; d, dmin and the 12 bytes of 6-bit scales and minima at `bytes[at]`.
 * Scales and minima: groups 0..3 in the low six bits of bytes 0..3 and 4..7; of groups 4..7 the low nibbles share bytes 8..11, and
 * their upper two bits are those that bytes 0..7 have left.
 */
function fitGroups(
  values: Float32Array,
  from: number,
  bytes: Uint8Array,
  at: number,
  most: number,
  candidates: Float32Array,
): void {
  for (let group = 0; group < 8; group += 4) {
    if (simd !== undefined) {
      simd.scaleAndMinimum({ values, at: from + 32 * group }, { levels, scales, minima }, group, most, candidates)
      continue
    }
    for (let i = group; i < group + 4; i++) {
      searchScaleAndMinimum(values, from + 32 * i, levels, 32 * i, most, candidates)
      scales[i] = found.scale
      minima[i] = found.minimum
    }
  }
  let maxScale = 0
  let maxMinimum = 0
  for (let group = 0; group < 8; group++) {
    maxScale = Math.max(maxScale, scales[group]!)
    maxMinimum = Math.max(maxMinimum, minima[group]!)
  }
  const inverseScale = maxScale > 0 ? fround(63 / maxScale) : 0
  const inverseMinimum = maxMinimum > 0 ? fround(63 / maxMinimum) : 0
  const d = f16ToF32(setHalf(bytes, at, fround(maxScale / 63)))
  const dmin = f16ToF32(setHalf(bytes, at + 2, fround(maxMinimum / 63)))
  for (let group = 0; group < 8; group++) {
    const scale = Math.min(63, nearest(fround(inverseScale * scales[group]!)))
    const minimum = Math.min(63, nearest(fround(inverseMinimum * minima[group]!)))
    const lower = at + 4 + (group & 3)
    if (group < 4) {
      bytes[lower]! |= scale
      bytes[lower + 4]! |= minimum
    } else {
      bytes[lower + 8] = (scale & 15) | ((minimum & 15) << 4)
      bytes[lower]! |= (scale >> 4) << 6
      bytes[lower + 4]! |= (minimum >> 4) << 6
    }
    const dl = fround(d * scale)
    // Without a scale the levels mean nothing; they stay as the search left them.
    if (dl === 0) continue
    const ml = fround(dmin * minimum)
    for (let i = 32 * group; i < 32 * group + 32; i++) {
      levels[i] = clamp(nearest(fround(fround(values[from + i]! + ml) / dl)), most)
    }
  }
}

/** Q4_K: `d·sc·q - dmin·m` with `q` in 0..15; layout in dequantize/k-quants.ts. */
const q4_k: BlockEncoder = (values, from, bytes, at) => {
  fitGroups(values, from, bytes, at, 15, CANDIDATES_4)
  packNibbles(bytes, at + 16)
}

/** Q5_K: as Q4_K with `q` in 0..31; the fifth bit of element 64k + 32h + j is bit 2k + h of byte j. */
const q5_k: BlockEncoder = (values, from, bytes, at) => {
  fitGroups(values, from, bytes, at, 31, CANDIDATES_5)
  for (let i = 0; i < SIZE; i++) bytes[at + 16 + (i & 31)]! |= (levels[i]! >> 4) << (i >> 5)
  packNibbles(bytes, at + 48)
}

/** Each run of 32 bytes holds 64 elements: the first 32 in the low nibbles, the others in the high ones. */
function packNibbles(bytes: Uint8Array, at: number): void {
  for (let i = 0; i < SIZE / 2; i++) {
    const low = 64 * (i >> 5) + (i & 31)
    bytes[at + i] = (levels[low]! & 15) | ((levels[low + 32]! & 15) << 4)
  }
}

/** Q6_K: `d·sc·(q - 32)` with sixteen groups of 16 and 8-bit signed scales. */
const q6_k: BlockEncoder = (values, from, bytes, at) => {
  for (let group = 0; group < 16; group += 4) {
    if (simd !== undefined) {
      simd.scaleAlone({ values, at: from + 16 * group }, { levels, scales }, group, 32, CANDIDATES_6)
      continue
    }
    for (let i = group; i < group + 4; i++) {
      scales[i] = searchScale(values, from + 16 * i, levels, 16 * i, 32, 16, CANDIDATES_6)
    }
  }
  let extreme = 0
  for (const scale of scales) {
    // The squares of huge values overflow, and NaN would lose every comparison.
    if (abs(scale) > abs(extreme) || Number.isNaN(scale)) extreme = scale
  }
  if (abs(extreme) < NO_SCALE) return
  const inverse = fround(-128 / extreme)
  const d = f16ToF32(setHalf(bytes, at + 208, fround(1 / inverse)))
  for (let group = 0; group < 16; group++) {
    const scale = Math.min(127, nearest(fround(inverse * scales[group]!)))
    bytes[at + 192 + group] = scale
    const dl = fround(d * scale)
    if (dl === 0) continue
    for (let i = 16 * group; i < 16 * group + 16; i++) {
      levels[i] = clampSigned(nearest(fround(values[from + i]! / dl)), 32) + 32
    }
  }
  // A run of 128 elements: low nibbles of elements j and 64 + j in byte j, then two upper bits of j, 32 + j, 64 + j and 96 + j.
  for (let run = 0; run < 2; run++) {
    for (let i = 0; i < 64; i++) {
      const q = 128 * run + i
      bytes[at + 64 * run + i] = (levels[q]! & 15) | ((levels[q + 64]! & 15) << 4)
    }
    for (let i = 0; i < 128; i++) {
      bytes[at + 128 + 32 * run + (i & 31)]! |= (levels[128 * run + i]! >> 4) << (2 * (i >> 5))
    }
  }
}

export const kQuantEncoders = { Q4_K: q4_k, Q5_K: q5_k, Q6_K: q6_k } as const satisfies Record<string, BlockEncoder>
