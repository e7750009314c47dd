// Which executor runs a model: the one asked for, else the native one, else the reference executor with one line that says why.

import type { Executor } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { loadNative, type NativeExecutor, type NativeLoad } from '@fak/kernels-native'
import { FakError } from '@fak/tensor'
import { UsageError } from './errors.js'
import type { CliIo } from './io.js'
import type { Output } from './output.js'
import { fromEnv, integerFrom, MAX_THREADS } from './values.js'

/** Names of the executors that can be asked for. */
export const EXECUTORS = ['native', 'reference']

/** What the user said about execution. */
export interface ExecutorChoice {
  readonly executor?: string
  readonly threads?: number
  readonly isa?: string
}

/** An executor and what to report about it. */
export interface ChosenExecutor {
  readonly executor: Executor
  /** Instruction set of the kernels; `null` for the reference executor. */
  readonly isa: string | null
  readonly threads: number
}

/**
 * Chooses an executor.
 *
 * @throws UsageError for choices that contradict each other or a malformed `FAK_THREADS` or `FAK_ISA`; FakError `NATIVE_UNAVAILABLE` when
 * the native executor was asked for by name and is not there, `NATIVE_BAD_ISA`
 */
export function chooseExecutor(choice: ExecutorChoice, io: CliIo, output: Output): ChosenExecutor {
  const threads = choice.threads ?? fromEnv(io.env, 'FAK_THREADS', integerFrom(1, MAX_THREADS))
  const isa = choice.isa ?? fromEnv(io.env, 'FAK_ISA', (name) => name)
  if (choice.executor === 'reference') {
    if (choice.isa !== undefined) throw new UsageError('--isa needs the native executor')
    if ((choice.threads ?? 1) > 1) throw new UsageError('the reference executor runs on one thread')
    return reference()
  }
  let native: NativeLoad
  try {
    native = loadNative({ ...(threads !== undefined && { threads }), ...(isa !== undefined && { isa }) })
  } catch (error) {
    if (choice.isa !== undefined || !FakError.isInstance(error, 'NATIVE_BAD_ISA')) throw error
    throw new UsageError(`environment variable FAK_ISA ${error.reason}`)
  }
  if (native.executor !== undefined) return describe(native.executor)
  if (choice.executor === 'native' || choice.isa !== undefined) {
    throw new FakError('NATIVE_UNAVAILABLE', { reason: `${native.reason}; to fix it, ${native.fix}` })
  }
  output.note(`fak: running on the slow reference executor, because ${native.reason}; to fix it, ${native.fix}`)
  return reference()
}

const describe = (executor: NativeExecutor): ChosenExecutor => ({
  executor,
  isa: executor.isa,
  threads: executor.threads,
})

const reference = (): ChosenExecutor => ({ executor: new ReferenceExecutor(), isa: null, threads: 1 })
