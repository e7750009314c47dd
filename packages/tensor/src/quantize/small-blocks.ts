// Blocks of 32 elements with one scale: nothing is searched, the extreme values decide.

import { type BlockEncoder, setHalf } from './block.js'

const { abs, fround, trunc } = Math
const SIZE = 32

/** Q8_0: `q = round(x / d)`, ties away from zero, with `d = max|x| / 127`. */
const q8_0: BlockEncoder = (values, from, bytes, at) => {
  let most = 0
  for (let i = 0; i < SIZE; i++) most = Math.max(most, abs(values[from + i]!))
  const d = fround(most / 127)
  const inverse = d === 0 ? 0 : fround(1 / d)
  setHalf(bytes, at, d)
  for (let i = 0; i < SIZE; i++) {
    const x = fround(values[from + i]! * inverse)
    bytes[at + 2 + i] = trunc(x + (x < 0 ? -0.5 : 0.5))
  }
}

/** Q5_0: `q = x / d + 16` with the value of largest magnitude at 0 or beyond 31, where it is cut: `d = x_max / -16`. */
const q5_0: BlockEncoder = (values, from, bytes, at) => {
  let extreme = 0
  for (let i = 0; i < SIZE; i++) if (abs(values[from + i]!) > abs(extreme)) extreme = values[from + i]!
  const d = fround(extreme / -16)
  const inverse = d === 0 ? 0 : fround(1 / d)
  setHalf(bytes, at, d)
  packFiveBits(bytes, at + 2, (i) => Math.min(31, trunc(fround(fround(values[from + i]! * inverse) + 16.5))))
}

/** Q5_1: `q = (x - m) / d` with `m` the least value and `d = (max - min) / 31`. */
const q5_1: BlockEncoder = (values, from, bytes, at) => {
  let least = values[from]!
  let most = least
  for (let i = 1; i < SIZE; i++) {
    const x = values[from + i]!
    if (x < least) least = x
    if (x > most) most = x
  }
  const d = fround(fround(most - least) / 31)
  const inverse = d === 0 ? 0 : fround(1 / d)
  setHalf(bytes, at, d)
  setHalf(bytes, at + 2, least)
  packFiveBits(bytes, at + 4, (i) => trunc(fround(fround(fround(values[from + i]! - least) * inverse) + 0.5)))
}

/** 32 fifth bits in 4 bytes, then 16 bytes: element j in the low nibble of byte j, element 16 + j in the high one. */
function packFiveBits(bytes: Uint8Array, at: number, level: (i: number) => number): void {
  for (let i = 0; i < SIZE; i++) {
    const q = level(i)
    bytes[at + (i >> 3)]! |= (q >> 4) << (i & 7)
    bytes[at + 4 + (i & 15)]! |= (q & 15) << (i < 16 ? 0 : 4)
  }
}

export const smallBlockEncoders = { Q8_0: q8_0, Q5_0: q5_0, Q5_1: q5_1 } as const satisfies Record<string, BlockEncoder>
