// The two sides of a comparison: which executor runs which model.

import type { KvCacheType, Program } from '@fak/graph'
import type { CompareSide } from '@fak/graph/compare'
import { ReferenceExecutor } from '@fak/graph/reference'
import { loadNative } from '@fak/kernels-native'
import { InvalidArgumentError } from 'commander'
import type { CommandContext } from '../context.js'
import { type ChosenExecutor, chooseExecutor, EXECUTORS } from '../executors.js'
import type { OpenedModel } from '../model/opened.js'

/** An executor asked for on the command line, `native:scalar`. */
export interface ExecutorSpec {
  readonly executor: string
  readonly isa?: string
}

/** A side, and what to report of it. */
export interface Side extends CompareSide, ChosenExecutor {
  readonly opened: OpenedModel
  readonly program: Program
}

/**
 * Weights that take more than this as f32 are dequantized at each use: a comparison uses each of them only a few times, and both sides
 * share the memory.
 */
const HELD_BYTES = 2 ** 30

/** A parser for {@link ExecutorSpec}. */
export function executorSpec(text: string): ExecutorSpec {
  const [executor = '', isa, ...rest] = text.split(':')
  if (!EXECUTORS.includes(executor) || isa === '' || rest.length > 0 || (isa !== undefined && executor !== 'native')) {
    throw new InvalidArgumentError(`Allowed: ${EXECUTORS.join(', ')}, or native:ISA such as native:scalar.`)
  }
  return { executor, ...(isa !== undefined && { isa }) }
}

/** The native executor where there is one, else the reference executor. */
export const bestSpec = (): ExecutorSpec => ({
  executor: loadNative().executor === undefined ? 'reference' : 'native',
})

/** Makes one side. @throws FakError `NATIVE_UNAVAILABLE`, `NATIVE_BAD_ISA` */
export function sideOf(
  spec: ExecutorSpec,
  opened: OpenedModel,
  { threads, kvCache }: { readonly threads?: number; readonly kvCache?: KvCacheType },
  { io, output }: CommandContext,
): Side {
  const chosen: ChosenExecutor =
    spec.executor === 'reference'
      ? { executor: new ReferenceExecutor({ heldBytes: HELD_BYTES }), isa: null, threads: 1 }
      : chooseExecutor({ ...spec, ...(threads !== undefined && { threads }) }, io, output)
  return {
    ...chosen,
    opened,
    weights: opened.model.weights,
    program: opened.model.program(),
    ...(kvCache && { kvCache }),
  }
}
