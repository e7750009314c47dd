// The range check that every ByteSource makes before it touches a byte.

import { FakError } from '../error.js'

/** @throws FakError `READ_OUT_OF_RANGE` unless `offset` and `length` name bytes inside `0..size`. */
export function checkRange(name: string | null, size: number, offset: number, length: number): void {
  const sane = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
  // Compared by subtraction, because offset + length may not be representable.
  if (sane && length <= size && offset <= size - length) return
  throw new FakError('READ_OUT_OF_RANGE', {
    file: name,
    reason: `${length} bytes at ${offset} do not lie inside the ${size} bytes of the file`,
    offset: Number.isSafeInteger(offset) && offset >= 0 ? offset : null,
  })
}

/** The error for reading a source that was closed. */
export function closedError(name: string | null): FakError {
  return new FakError('READ_FAILED', { file: name, reason: 'the source was closed before this read' })
}
