// What every block encoder shares. An encoder chooses the scales of one block and packs its values; the layouts are those that
// dequantize/ reads. Arithmetic is float32 in the order of the reference quantizers of ggml (`quantize_row_*_ref` in
// ggml-quants.c of llama.cpp v0.5.0), so that the bytes are theirs; Math.fround stands where that rounds.

import { FakError } from '../error.js'
import { f32ToF16 } from '../float16.js'

/** Packs the values from `values[from]` into the block that begins at `bytes[at]`, which holds zeros. */
export type BlockEncoder = (values: Float32Array, from: number, bytes: Uint8Array, at: number) => void

/**
 * Stores a scale as binary16, which is how blocks hold them, and returns its bits.
 *
 * @throws FakError `VALUE_NOT_STORABLE` for one beyond the range of binary16
 */
export function setHalf(bytes: Uint8Array, at: number, value: number): number {
  const bits = f32ToF16(value)
  if ((bits & 0x7c00) === 0x7c00) {
    throw new FakError('VALUE_NOT_STORABLE', { reason: `a scale of ${value} is beyond the range of a block's scales` })
  }
  bytes[at] = bits & 0xff
  bytes[at + 1] = bits >> 8
  return bits
}

/** 1.5 · 2^23: added to a float32 below 2^22 in magnitude, its sum has no fraction bits left. */
const INTEGERS = 12_582_912

/** The integer nearest to a float32 of magnitude below 2^22, ties to even. */
export const nearest = (value: number): number => Math.fround(value + INTEGERS) - INTEGERS
