// Raw float32 files: little-endian whatever this machine's own order is.

import { fileSource } from '@fak/tensor/node'

/** The bytes of f32 numbers in the order that files have. */
export function littleEndian(values: Float32Array): Uint8Array {
  const native = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return isLittleEndian ? native : swapped(native)
}

/**
 * Reads a file of f32 numbers, if it has one of the given counts of them.
 *
 * @returns the numbers; or how many bytes there are when that is another count
 */
export async function readFloats(path: string, counts: readonly number[]): Promise<Float32Array | number> {
  const source = await fileSource(path)
  try {
    if (!counts.some((count) => count * Float32Array.BYTES_PER_ELEMENT === source.size)) return source.size
    const bytes = (await source.read(0, source.size)).slice()
    return new Float32Array((isLittleEndian ? bytes : swapped(bytes)).buffer)
  } finally {
    await source.close()
  }
}

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
const swapped = (bytes: Uint8Array<ArrayBuffer> | Uint8Array) => Uint8Array.from(bytes, (_, i) => bytes[i ^ 3]!)
