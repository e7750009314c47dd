// Float types as stored bytes, little-endian, rounded to nearest with ties to even.

import { allocateBytes } from '../allocate.js'
import { f32ToBf16, f32ToF16 } from '../float16.js'

/** Encodes every value. */
export type PlainEncoder = (values: Float32Array) => Uint8Array<ArrayBuffer>

const halves =
  (convert: (value: number) => number): PlainEncoder =>
  (values) => {
    const bytes = allocateBytes(2 * values.length)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < values.length; i++) view.setUint16(2 * i, convert(values[i]!), true)
    return bytes
  }

export const plainEncoders = {
  F32: (values) => {
    const bytes = allocateBytes(4 * values.length)
    // Moved as integers: a NaN keeps its payload.
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < bits.length; i++) view.setUint32(4 * i, bits[i]!, true)
    return bytes
  },
  F16: halves(f32ToF16),
  BF16: halves(f32ToBf16),
} as const satisfies Record<string, PlainEncoder>
