// Sizes of the arrays of a sequence's state, and the check of bytes that claim to be one.

import { byteLength, FakError } from '@fak/tensor'
import type { StateArray, StateContent } from './executor.js'

/** Bytes that an array takes when a sequence has so many positions. */
export function stateArrayBytes({ kind, dtype, shape }: StateArray, position: number): number {
  return kind === 'kv' ? byteLength(dtype, [position, ...shape]) : byteLength(dtype, shape)
}

/**
 * Asks a state's content for one of its arrays.
 *
 * @throws FakError `STATE_SHAPE_MISMATCH` when there are not as many bytes as the array takes; what {@link StateContent.read} throws
 */
export async function readStateArray(
  content: StateContent,
  arrays: readonly StateArray[],
  index: number,
): Promise<Uint8Array> {
  const array = arrays[index]!
  const expected = stateArrayBytes(array, content.position)
  const bytes = await content.read(index)
  if (bytes.length === expected) return bytes
  const reason = `the array has ${bytes.length} bytes, at position ${content.position} it takes ${expected}`
  throw new FakError('STATE_SHAPE_MISMATCH', { reason, field: array.label })
}
