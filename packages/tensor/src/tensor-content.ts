// Tensor data on its way into a file: from memory, from another file, or produced piece by piece. Writers pull it in pieces,
// so that a model larger than memory streams through.

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
export const COPY_BYTES = 8 * 1024 * 1024

/**
 * The stored bytes of a tensor, in pieces.
 *
 * @param byteLength bytes that its type and shape take
 * @throws FakError `SIZE_MISMATCH` when the data has another length; the errors of the source or the producer.
 */
export async function* tensorBytes(tensor: WritableTensor, byteLength: number): AsyncGenerator<Uint8Array, void> {
  let written = 0
  for await (const piece of piecesOf(tensor)) {
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

async function* piecesOf(tensor: WritableTensor): AsyncGenerator<Uint8Array, void> {
  if ('source' in tensor) {
    for (let at = 0; at < tensor.byteLength; at += COPY_BYTES) {
      yield await tensor.source.read(tensor.offset + at, Math.min(COPY_BYTES, tensor.byteLength - at))
    }
  } else if (tensor.data instanceof Uint8Array) yield tensor.data
  else yield* tensor.data()
}
