// One executor's half of a comparison: a Program run over all steps, and the values asked for.

import { FakError } from '@fak/tensor'
import type { Executor, KvCacheType, SequenceState, WeightBindings } from '../executor.js'
import type { Program } from '../program.js'

/** What an executor runs, and with which weights. */
export interface CompareSide {
  readonly executor: Executor
  readonly weights: WeightBindings
  /** When it is not the Program that is compared: another recording of the same ops, say for another way to store the weights. */
  readonly program?: Program
  /** How it keeps keys and values; see `PrepareOptions.kvCache`. */
  readonly kvCache?: KvCacheType
}

/** All rows of a value over all steps, by label. */
export type Values = ReadonlyMap<string, Float32Array>

/**
 * Runs steps on a fresh sequence, with as many rows as tokens, and gives the tapped values of all steps, one after the other.
 *
 * @param taps Labels, or other names that `PrepareOptions.taps` knows.
 * @param look Sees the state after the last step.
 * @throws FakError what preparing and running throw
 */
export async function readTaps(
  { executor, weights, kvCache }: CompareSide,
  program: Program,
  steps: readonly Uint32Array[],
  taps: readonly string[],
  options: { readonly signal?: AbortSignal; readonly look?: (state: SequenceState) => void } = {},
): Promise<Values> {
  const { signal } = options
  const maxTokens = Math.max(...steps.map((tokens) => tokens.length))
  const prepared = await executor.prepare(program, weights, {
    maxTokens,
    taps,
    ...(kvCache && { kvCache }),
    ...(signal && { signal }),
  })
  try {
    const state = prepared.createState()
    try {
      const parts: Values[] = []
      for (const tokens of steps) {
        if (signal?.aborted) throw new FakError('ABORTED', { reason: 'the caller aborted', cause: signal.reason })
        const result = await prepared.run({ state, tokens, rows: tokens.length, ...(signal && { signal }) })
        parts.push(result.taps)
      }
      options.look?.(state)
      return new Map(taps.map((label) => [label, joined(parts.map((part) => part.get(label)!))]))
    } finally {
      await state.dispose()
    }
  } finally {
    await prepared.dispose()
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
