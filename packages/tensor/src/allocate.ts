// Large allocations whose size an input or a caller chose.

import { FakError } from './error.js'

/**
 * A zeroed array of bytes.
 *
 * @throws FakError `OUT_OF_MEMORY` when the system or the engine cannot give that much in one piece.
 */
export function allocateBytes(length: number, file: string | null = null): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length)
  } catch (cause) {
    throw new FakError('OUT_OF_MEMORY', { file, reason: `${length} bytes cannot be had in one piece`, cause })
  }
}
