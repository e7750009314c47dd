// NativeExecutor: turns a Program and its weights into something the native team can run.

import {
  checkBindings,
  chooseKvCache,
  type Executor,
  type PreparedProgram,
  type PrepareOptions,
  type Program,
  planProgram,
  tapIds,
  type WeightBindings,
} from '@fak/graph'
import type { DType } from '@fak/tensor'
import { type Addon, loadAddon, type NativeTeam, requireAddon } from './addon.js'
import { checkProgram } from './check-program.js'
import { encodeProgram } from './encode.js'
import { nativeFailure } from './errors.js'
import { chooseIsa, chooseThreads, type NativeOptions } from './options.js'
import { NativeProgram } from './prepared.js'
import { bindWeights } from './weights.js'

const DEFAULT_MAX_TOKENS = 64

/**
 * Runs Programs on the CPU: one native call per step, a team of threads beside the event loop, weights used where they lie.
 * The same bits for every instruction set, thread count and split of a prompt (docs/arithmetic.md).
 */
export class NativeExecutor implements Executor {
  readonly name = 'native'
  readonly description: string
  /** Threads that work on a step. */
  readonly threads: number
  /** Instruction set of the kernels. */
  readonly isa: string
  readonly #addon: Addon
  readonly #native: NativeTeam

  /** @throws FakError `NATIVE_UNAVAILABLE` without the addon, `NATIVE_BAD_THREADS`, `NATIVE_BAD_ISA` */
  constructor(options: NativeOptions = {}) {
    this.#addon = requireAddon()
    const machine = this.#addon.describe()
    this.threads = chooseThreads(options, machine)
    this.isa = chooseIsa(options, machine)
    this.description = `native ${this.isa}, ${this.threads} thread${this.threads === 1 ? '' : 's'}`
    this.#native = new this.#addon.Executor(this.threads, this.isa)
  }

  /** See {@link Executor.prepare}. */
  async prepare(program: Program, weights: WeightBindings, options: PrepareOptions = {}): Promise<PreparedProgram> {
    const machine = this.#addon.describe()
    checkProgram(program, machine)
    checkBindings(program, weights)
    const maxTokens = options.maxTokens ?? DEFAULT_MAX_TOKENS
    const kvCache = chooseKvCache(options)
    const taps = tapIds(program, options.taps ?? [])
    const given = program.values.flatMap(({ kind }, id) => (kind === 'input' ? [id] : []))
    // In the order in which they are written, so that of several that are not finite the first is named.
    const pinned = [...new Set([...given, ...Object.values(program.outputs), ...taps.values()])].sort((x, y) => x - y)
    const plan = planProgram(program, maxTokens, { taps: options.taps ?? [] })
    const words = encodeProgram(program, plan, { maxTokens, pinned, kvCache, numbering: machine })
    const bound = await bindWeights(program, weights, this.#addon, options)
    try {
      const native = this.#native.prepare(words, bound.weights)
      const dequantized = dequantizedTypes(program, machine.dequantized)
      return new NativeProgram({ program, maxTokens, kvCache, native, taps, pinned, files: bound.files, dequantized })
    } catch (cause) {
      throw nativeFailure(cause)
    }
  }
}

/** Stored types of matrices that are multiplied with and have no kernel of their own, each once. */
function dequantizedTypes({ ops, values }: Program, dequantized: readonly string[]): DType[] {
  const types = ops
    .filter(({ kind }) => kind !== 'embedding')
    .flatMap(({ inputs }) => inputs.map((id) => values[id]!))
    .flatMap((value) => (value.kind === 'weight' && dequantized.includes(value.dtype) ? [value.dtype] : []))
  return [...new Set(types)]
}

/** A native executor, or why there is none and what to do about it. */
export type NativeLoad =
  | { readonly executor: NativeExecutor }
  | {
      readonly executor?: never
      readonly reason: string
      readonly fix: string
      /** Whether there is an addon, but one that does not load; without any it is merely missing. */
      readonly broken: boolean
    }

/**
 * A native executor if this machine has one; otherwise the reason and the fix, each one line.
 *
 * @throws FakError `NATIVE_BAD_THREADS`, `NATIVE_BAD_ISA`: a wrong option is the caller's to mend, not a reason to run slowly.
 */
export function loadNative(options: NativeOptions = {}): NativeLoad {
  const load = loadAddon()
  if (load.addon === undefined) return { reason: load.reason, fix: load.fix, broken: load.broken }
  return { executor: new NativeExecutor(options) }
}
