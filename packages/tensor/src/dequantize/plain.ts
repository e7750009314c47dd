// Types whose elements stand alone: floats and integers, little-endian. Values convert to float32, rounded to nearest.

import { f16BitsToF32Bits } from '../float16.js'

/** Decodes every element of `view` into `out`. */
export type PlainDecoder = (view: DataView, out: Float32Array) => void

/** Float bits are moved as integers, so that a NaN keeps its payload on engines that would canonicalise it. */
const fromBits =
  (bytes: number, bitsAt: (view: DataView, at: number) => number): PlainDecoder =>
  (view, out) => {
    const bits = new Uint32Array(out.buffer, out.byteOffset, out.length)
    for (let i = 0; i < out.length; i++) bits[i] = bitsAt(view, i * bytes)
  }

const fromValues =
  (bytes: number, valueAt: (view: DataView, at: number) => number): PlainDecoder =>
  (view, out) => {
    for (let i = 0; i < out.length; i++) out[i] = valueAt(view, i * bytes)
  }

export const plainDecoders = {
  F64: fromValues(8, (view, at) => view.getFloat64(at, true)),
  F32: fromBits(4, (view, at) => view.getUint32(at, true)),
  F16: fromBits(2, (view, at) => f16BitsToF32Bits(view.getUint16(at, true))),
  BF16: fromBits(2, (view, at) => view.getUint16(at, true) << 16),
  I8: fromValues(1, (view, at) => view.getInt8(at)),
  I16: fromValues(2, (view, at) => view.getInt16(at, true)),
  I32: fromValues(4, (view, at) => view.getInt32(at, true)),
  U8: fromValues(1, (view, at) => view.getUint8(at)),
  U16: fromValues(2, (view, at) => view.getUint16(at, true)),
  U32: fromValues(4, (view, at) => view.getUint32(at, true)),
} as const
