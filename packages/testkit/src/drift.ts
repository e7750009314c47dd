// Where do two executors part? Every value of a step, compared in the order of the ops.

import type { Executor, Program, WeightBindings } from '@fak/graph'
import { maxRowError } from './compare.js'

/** The first op whose output differs. */
export interface Drift {
  /** Label of the op. */
  readonly label: string
  readonly kind: string
  /** Largest distance of a row, measured against its largest magnitude. */
  readonly error: number
}

/**
 * Runs one step of the Program on both executors with every value tapped, and names the first op that drifts.
 *
 * @param tolerance Largest row distance that is no drift; 0 to find the first op with other values.
 * @returns `undefined` when all agree.
 */
export async function firstDrift(
  program: Program,
  weights: WeightBindings,
  executors: readonly [expected: Executor, actual: Executor],
  tokens: Uint32Array,
  tolerance: number,
): Promise<Drift | undefined> {
  const taps = program.ops.map((op) => program.values[op.output]!.label)
  const [expected, actual] = await Promise.all(
    executors.map(async (executor) => {
      const prepared = await executor.prepare(program, weights, { maxTokens: tokens.length, taps })
      const result = await prepared.run({ state: prepared.createState(), tokens, rows: tokens.length })
      await prepared.dispose()
      return result.taps
    }),
  )
  for (const [i, { kind, label, output }] of program.ops.entries()) {
    const columns = Number(program.values[output]!.shape[1])
    const error = maxRowError(expected!.get(taps[i]!)!, actual!.get(taps[i]!)!, columns)
    if (!(error <= tolerance)) return { label, kind, error }
  }
  return undefined
}
