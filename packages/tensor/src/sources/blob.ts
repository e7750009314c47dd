// A Blob or File, e.g. from a browser's file picker.

import type { ByteSource } from '../byte-source.js'
import { FakError } from '../error.js'
import { checkRange, closedError } from './check-range.js'

/**
 * A {@link ByteSource} over a `Blob` or `File`. A `File` gives its name to messages.
 *
 * Reading throws FakError `FILE_CHANGED` when the file on disk changed since it was picked.
 */
export function blobSource(blob: Blob): ByteSource {
  const name = 'name' in blob && typeof blob.name === 'string' ? blob.name : null
  let closed = false
  return {
    name,
    size: blob.size,
    async read(offset, length, options) {
      options?.signal?.throwIfAborted()
      checkRange(name, blob.size, offset, length)
      if (closed) throw closedError(name)
      const buffer = await blob
        .slice(offset, offset + length)
        .arrayBuffer()
        .catch((cause: unknown) => {
          // The File API reports every change of the file underneath as NotReadableError.
          const changed = cause instanceof Error && cause.name === 'NotReadableError'
          throw changed
            ? new FakError('FILE_CHANGED', {
                file: name,
                reason: 'the file changed after it was picked',
                offset,
                cause,
              })
            : new FakError('READ_FAILED', { file: name, reason: 'the browser could not read the file', offset, cause })
        })
      options?.signal?.throwIfAborted()
      return new Uint8Array(buffer)
    },
    async close() {
      closed = true
    },
  }
}
