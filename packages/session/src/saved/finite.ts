// Whether stored numbers are all finite, by their exponents.

import { type DType, FakError } from '@fak/tensor'

/** Where the floats of a type lie in its blocks: all of them, or one scale at the beginning of each. */
const FLOATS: Partial<Record<DType, { readonly bytes: 2 | 4; readonly every: number }>> = {
  F32: { bytes: 4, every: 4 },
  F16: { bytes: 2, every: 2 },
  Q8_0: { bytes: 2, every: 34 },
}

/** Whether no number in the bytes is NaN or infinite. @throws FakError `DTYPE_UNSUPPORTED` for a type that no state is held in */
export function allFinite(dtype: DType, bytes: Uint8Array): boolean {
  const floats = FLOATS[dtype]
  if (floats === undefined) throw new FakError('DTYPE_UNSUPPORTED', { reason: `no state is held as ${dtype}` })
  const { bytes: width, every } = floats
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + width <= bytes.length; at += every) {
    const exponentsSet =
      width === 4
        ? (view.getUint32(at, true) & 0x7f800000) === 0x7f800000
        : (view.getUint16(at, true) & 0x7c00) === 0x7c00
    if (exponentsSet) return false
  }
  return true
}
