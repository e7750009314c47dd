// Float types as stored bytes, little-endian, rounded to nearest with ties to even.

import { allocateBytes } from '../allocate.js'
import { f32BitsToBf16, f32BitsToF16 } from '../float16.js'

/** Encodes every value. */
export type PlainEncoder = (values: Float32Array) => Uint8Array<ArrayBuffer>

/** Values by their bits: no float has to pass through memory to be taken apart. */
const bitsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, length)

export const plainEncoders = {
  F32: (values) => {
    const bytes = allocateBytes(4 * values.length)
    // Moved as integers: a NaN keeps its payload.
    const bits = bitsOf(values)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < bits.length; i++) view.setUint32(4 * i, bits[i]!, true)
    return bytes
  },
  // Two loops rather than one with a function in it, which would be called for every value.
  F16: (values) => {
    const bytes = allocateBytes(2 * values.length)
    const bits = bitsOf(values)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < bits.length; i++) view.setUint16(2 * i, f32BitsToF16(bits[i]!), true)
    return bytes
  },
  BF16: (values) => {
    const bytes = allocateBytes(2 * values.length)
    const bits = bitsOf(values)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < bits.length; i++) view.setUint16(2 * i, f32BitsToBf16(bits[i]!), true)
    return bytes
  },
} as const satisfies Record<string, PlainEncoder>
