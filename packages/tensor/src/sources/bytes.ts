// Bytes that are already in memory.

import type { ByteSource } from '../byte-source.js'
import { checkRange } from './check-range.js'

/**
 * A {@link ByteSource} over bytes in memory. Reads are views, not copies: they show later changes to `bytes`.
 *
 * @param name how messages call it; `null` by default
 */
export function bytesSource(bytes: Uint8Array, name: string | null = null): ByteSource {
  return {
    name,
    size: bytes.length,
    bytes,
    async read(offset, length, options) {
      options?.signal?.throwIfAborted()
      checkRange(name, bytes.length, offset, length)
      return bytes.subarray(offset, offset + length)
    },
    async close() {},
  }
}
