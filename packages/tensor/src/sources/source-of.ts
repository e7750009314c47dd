// What every reader accepts as a file, and how each kind becomes a ByteSource.

import type { ByteSource } from '../byte-source.js'
import { blobSource } from './blob.js'
import { bytesSource } from './bytes.js'
import { urlSource } from './url.js'

/** Anything a file can be read from. A `URL` must be served with range requests. */
export type SourceInput = ByteSource | Blob | URL | Uint8Array

/**
 * The {@link ByteSource} of an input; one that is a `ByteSource` already is returned as it is.
 *
 * @throws FakError as {@link urlSource} for a `URL`; nothing otherwise.
 */
export async function sourceOf(input: SourceInput, options: { signal?: AbortSignal } = {}): Promise<ByteSource> {
  if (input instanceof Uint8Array) return bytesSource(input)
  if (input instanceof URL) return urlSource(input, options)
  return input instanceof Blob ? blobSource(input) : input
}

/** Closes everything, also when closing one of them fails; throws the first failure at the end. */
export async function closeAll(items: Iterable<{ close(): Promise<void> }>): Promise<void> {
  const results = await Promise.allSettled(Array.from(items, (item) => item.close()))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
