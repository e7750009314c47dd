// Tensor data on its way into a file: from memory, from another file, or produced piece by piece. Writers pull it in pieces,
// so that a model larger than memory streams through.

import type { ByteSource } from './byte-source.js'
import type { DType } from './dtype.js'
import { FakError, label } from './error.js'
import type { TensorInfo } from './weight-source.js'

/** A tensor with data that is in memory or comes from a producer, which is called once, when its turn comes. */
export interface TensorContent {
  readonly name: string
  readonly dtype: DType
  /** Slowest dimension first, as in {@link TensorInfo}. */
  readonly shape: readonly number[]
  /** Exactly the stored bytes of the tensor. */
  readonly data: Uint8Array | (() => AsyncIterable<Uint8Array> | Iterable<Uint8Array>)
}

/** What a writer takes: new content, or a tensor of an opened file to copy as it is stored. */
export type WritableTensor = TensorContent | TensorInfo

/** Largest piece that is read from another file at once. */
const COPY_BYTES = 8 * 1024 * 1024

/**
 * The stored bytes of a tensor, in pieces.
 *
 * @param byteLength bytes that its type and shape take
 * @throws FakError `SIZE_MISMATCH` when the data has another length; the errors of the source or the producer. An aborted
 *   signal throws its own reason.
 */
export async function* tensorBytes(
  tensor: WritableTensor,
  byteLength: number,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<Uint8Array, void> {
  let written = 0
  for await (const piece of piecesOf(tensor, options)) {
    options.signal?.throwIfAborted()
    written += piece.length
    // Checked before it is passed on: surplus bytes must never reach the file.
    if (written > byteLength) break
    yield piece
  }
  if (written === byteLength) return
  const found = written > byteLength ? `${written} or more` : String(written)
  throw new FakError('SIZE_MISMATCH', {
    reason: `the tensor takes ${byteLength} bytes, its data has ${found}`,
    field: label(tensor.name),
  })
}

/**
 * A range of a source in pieces of some megabytes. The next piece is being read while the caller works on one.
 *
 * @throws the errors of the source; an aborted signal throws its own reason.
 */
export async function* readInPieces(
  source: ByteSource,
  offset: number,
  byteLength: number,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<Uint8Array, void> {
  const read = (at: number): Promise<Uint8Array> | undefined => {
    if (at >= byteLength) return undefined
    const piece = source.read(offset + at, Math.min(COPY_BYTES, byteLength - at), options)
    // Its failure is told when its turn comes, which may be never.
    piece.catch(() => {})
    return piece
  }
  let next = read(0)
  for (let at = COPY_BYTES; next !== undefined; at += COPY_BYTES) {
    const piece = await next
    next = read(at)
    yield piece
  }
}

async function* piecesOf(tensor: WritableTensor, options: { signal?: AbortSignal }): AsyncGenerator<Uint8Array, void> {
  if ('source' in tensor) {
    yield* readInPieces(tensor.source, tensor.offset, tensor.byteLength, options)
  } else if (tensor.data instanceof Uint8Array) yield tensor.data
  else yield* tensor.data()
}
