// Float32 values as stored bytes, for writing models. Only the plain float types: a block quantizer is a search for good
// scales, which is another trade than reading.

import { allocateBytes } from './allocate.js'
import type { DType } from './dtype.js'
import { FakError } from './error.js'
import { f32ToBf16, f32ToF16 } from './float16.js'

/**
 * Values as stored bytes of a float type, little-endian, rounded to nearest with ties to even.
 *
 * @throws FakError `DTYPE_UNSUPPORTED` for any type but F32, F16 and BF16.
 */
export function quantize(dtype: DType, values: Float32Array): Uint8Array<ArrayBuffer> {
  if (dtype === 'F32') {
    const bytes = allocateBytes(4 * values.length)
    // Moved as integers: a NaN keeps its payload.
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < bits.length; i++) view.setUint32(4 * i, bits[i]!, true)
    return bytes
  }
  const convert = dtype === 'F16' ? f32ToF16 : dtype === 'BF16' ? f32ToBf16 : undefined
  if (convert === undefined) {
    throw new FakError('DTYPE_UNSUPPORTED', {
      reason: `writing ${String(dtype)} from floats is not supported`,
      field: 'dtype',
    })
  }
  const bytes = allocateBytes(2 * values.length)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < values.length; i++) view.setUint16(2 * i, convert(values[i]!), true)
  return bytes
}
