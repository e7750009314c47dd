// What every block decoder shares. A decoder unpacks one block of stored bytes into float32 values. Its arithmetic is
// float32 in the order of the official `gguf` Python package (gguf/quants.py); Math.fround stands where that rounds.

import { f16ToF32 } from '../float16.js'

/** Unpacks the block that begins at `bytes[at]` into `out`, beginning at `out[to]`. */
export type BlockDecoder = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void

/** The binary16 value at `bytes[at]`, which is how a block stores its scales. */
export const halfAt = (bytes: Uint8Array, at: number): number => f16ToF32(bytes[at]! | (bytes[at + 1]! << 8))

/** A byte read as a two's complement integer. */
export const signed = (byte: number): number => (byte << 24) >> 24
