// A model made ready to run: opened, recorded, prepared. Shared by every command that computes.

import { DEFAULT_KV_CACHE, KV_CACHE_TYPES, type KvCacheType, type PreparedProgram } from '@fak/graph'
import type { Drafter } from '@fak/session'
import type { Command } from 'commander'
import { makeDrafter, prepareDraftHead, type Speculate, whoGuesses } from './chat/drafters.js'
import { type ChosenExecutor, chooseExecutor, EXECUTORS, type ExecutorChoice } from './executors.js'
import type { CliIo } from './io.js'
import { addModelOptions, locateModel, type ModelOptions } from './model/locate.js'
import { openModel } from './model/open.js'
import type { OpenedModel } from './model/opened.js'
import type { Output } from './output.js'
import { plural } from './output.js'
import { StatusLine } from './status-line.js'
import { integerFrom, MAX_THREADS, oneOf } from './values.js'

/** Tokens of one prefill step unless `--chunk` says otherwise: enough rows to pay for unpacking weights. */
export const DEFAULT_CHUNK = 256
/** Most tokens of one prefill step. */
const MAX_CHUNK = 65_536

/** Options of every command that runs a model. */
export interface RuntimeOptions extends ExecutorChoice, ModelOptions {
  readonly chunk?: number
  readonly kvCache?: KvCacheType
  readonly speculate?: Speculate
}

/** A model ready to run. */
export interface Runtime extends ChosenExecutor {
  readonly opened: OpenedModel
  readonly prepared: PreparedProgram
  /** A drafter for one session, where somebody is to guess. @param vocabSize How many ids are real tokens */
  readonly drafter?: (vocabSize: number) => Drafter
  /** Milliseconds from the path to the first step being possible. */
  readonly loadMs: number
  /** Frees everything, in order. */
  dispose(): Promise<void>
}

/** Adds the options of {@link RuntimeOptions} to a command. */
export function addRuntimeOptions(command: Command, threadsFlags = '--threads <n>'): Command {
  return addModelOptions(command)
    .optionsGroup('Execution:')
    .option('--executor <name>', `${EXECUTORS.join(' or ')} (default: native where it is built)`, oneOf(EXECUTORS))
    .option('--isa <name>', 'instruction set of the native kernels, e.g. scalar, avxvnni, avx512, neon (env FAK_ISA)')
    .option(threadsFlags, 'threads of the native executor (env FAK_THREADS)', integerFrom(1, MAX_THREADS))
    .option('--chunk <n>', `prompt tokens per step (default ${DEFAULT_CHUNK})`, integerFrom(1, MAX_CHUNK))
    .option(
      '--kv-cache <type>',
      `how keys and values are kept: ${KV_CACHE_TYPES.join(', ')} (default ${DEFAULT_KV_CACHE})`,
      oneOf(KV_CACHE_TYPES),
    )
}

/** Opens and prepares a model for as long as `use` takes. Progress goes to a terminal's stderr. */
export async function withRuntime<T>(
  reference: string | undefined,
  options: RuntimeOptions,
  context: { io: CliIo; output: Output; signal: AbortSignal },
  use: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const runtime = await openRuntime(reference, options, context)
  try {
    return await use(runtime)
  } finally {
    await runtime.dispose()
  }
}

/** Opens and prepares a model; whoever asked for it disposes it. Progress goes to a terminal's stderr. */
export async function openRuntime(
  reference: string | undefined,
  options: RuntimeOptions,
  { io, output, signal }: { io: CliIo; output: Output; signal: AbortSignal },
): Promise<Runtime> {
  const chosen = chooseExecutor(options, io, output)
  const located = await locateModel(reference, options, { io, output, signal })
  const start = performance.now()
  const status = new StatusLine(io)
  const opened = await openModel(located)
  try {
    const guesses = whoGuesses(options.speculate ?? 'off', opened)
    const shared = { maxTokens: options.chunk ?? DEFAULT_CHUNK, kvCache: options.kvCache ?? DEFAULT_KV_CACHE, signal }
    const program = opened.model.program({ hidden: guesses === 'mtp' })
    const prepared = await chosen.executor.prepare(program, opened.model.weights, {
      ...shared,
      onProgress: (done, total) => status.update(`loading ${opened.name}`, done, total),
    })
    const head = guesses === 'mtp' ? await prepareDraftHead(chosen.executor, opened, shared) : undefined
    const drafter = guesses === null ? undefined : (vocabSize: number) => makeDrafter(head, vocabSize)
    status.clear()
    noteDequantized(prepared, output)
    const dispose = async () => {
      await prepared.dispose()
      await head?.dispose()
      await opened.close()
    }
    return { ...chosen, opened, prepared, ...(drafter && { drafter }), loadMs: performance.now() - start, dispose }
  } catch (error) {
    await opened.close()
    throw error
  } finally {
    status.clear()
  }
}

/** Says once that some of the weights are slow, and why. */
function noteDequantized({ dequantized = [] }: PreparedProgram, output: Output): void {
  if (dequantized.length === 0) return
  const types = dequantized.join(', ')
  output.note(
    `fak: no kernel works directly on weights of type ${types}: they are expanded to float32 block by block at each use, which is slow`,
  )
}

/** The executor for people, e.g. `native, avx512, 2 threads`. */
export function describeExecutor({ executor, isa, threads }: ChosenExecutor): string {
  return [executor.name, ...(isa === null ? [] : [isa]), plural(threads, 'thread')].join(', ')
}
