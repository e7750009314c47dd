// Whether a context that was asked for fits into memory, before the first token is computed.

import { freemem, totalmem } from 'node:os'
import { constrainedMemory } from 'node:process'
import { type StateArray, stateArrayBytes } from '@fak/graph'
import { FakError } from '@fak/tensor'
import { bytes } from '../output.js'

/** Bytes that the machine, or the container, can give the process at all. */
export function memoryOfMachine(): number {
  const limit = constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/**
 * Refuses a context whose states can never fit. What merely exceeds what is free now may be freed by then, and the caches grow with the
 * conversation.
 *
 * @throws FakError `MEMORY_BUDGET` with both numbers
 */
export function requireMemory(
  stateArrays: readonly StateArray[],
  contextLength: number,
  available: number = memoryOfMachine(),
): void {
  const needed = stateArrays.reduce((sum, array) => sum + stateArrayBytes(array, contextLength), 0)
  if (needed <= available) return
  const reason =
    `a context of ${contextLength} tokens takes ${bytes(needed)} of state, this machine has ${bytes(available)} ` +
    `(${bytes(freemem())} free); ask for a shorter one, or for --kv-cache q8_0`
  throw new FakError('MEMORY_BUDGET', { field: 'context', reason })
}
