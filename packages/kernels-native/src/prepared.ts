// A Program prepared on the native executor: checks, arrays for the results, one native call per step.

import {
  checkInputs,
  checkStep,
  type KvCacheType,
  type PreparedProgram,
  type Program,
  type StateArray,
  type StateContent,
  type Step,
  type StepProfile,
  type StepResult,
  type ValueId,
  vocabularySize,
} from '@fak/graph'
import { type DType, FakError } from '@fak/tensor'
import type { NativePrepared } from './addon.js'
import { errorOf, nativeFailure } from './errors.js'
import { Profiler } from './profile.js'
import { NativeSequence, stateArraysOf } from './state.js'

/** What {@link NativeProgram} is made of. */
export interface NativeProgramParts {
  readonly program: Program
  readonly maxTokens: number
  readonly kvCache: KvCacheType
  readonly native: NativePrepared
  readonly taps: ReadonlyMap<string, ValueId>
  /** Inputs, outputs and taps, each value once. */
  readonly pinned: readonly ValueId[]
  /** Mapped weight files. */
  readonly files: readonly string[]
  readonly dequantized: readonly DType[]
}

/** Of docs/arithmetic.md: another number whenever some op gives other bits for the same inputs. */
const ARITHMETIC = 'fak cpu 1'

/** See {@link PreparedProgram}. */
export class NativeProgram implements PreparedProgram {
  readonly program: Program
  readonly maxTokens: number
  readonly kvCache: KvCacheType
  readonly stateArrays: readonly StateArray[]
  readonly arithmetic: string
  /** See {@link PreparedProgram.dequantized}. */
  readonly dequantized: readonly DType[]
  readonly #parts: NativeProgramParts
  readonly #vocabulary: number
  readonly #states = new WeakSet<NativeSequence>()
  readonly #profiler = new Profiler()
  readonly #running = new Set<Promise<unknown>>()
  #disposal: Promise<void> | undefined

  constructor(parts: NativeProgramParts) {
    this.program = parts.program
    this.maxTokens = parts.maxTokens
    this.kvCache = parts.kvCache
    this.dequantized = parts.dequantized
    this.arithmetic = parts.kvCache === 'f32' ? ARITHMETIC : `${ARITHMETIC}, cache of ${parts.kvCache}`
    this.stateArrays = stateArraysOf(parts.program, parts.kvCache)
    this.#parts = parts
    this.#vocabulary = vocabularySize(parts.program)
  }

  get stateBytes(): number {
    return this.#parts.native.stateBytes
  }

  createState(): NativeSequence {
    this.#assertUsable()
    try {
      const native = this.#parts.native.createState()
      return new NativeSequence(native, this.stateArrays, (state) => this.#states.add(state))
    } catch (cause) {
      throw nativeFailure(cause)
    }
  }

  async restoreState(content: StateContent): Promise<NativeSequence> {
    this.#assertUsable()
    const { caches, position } = content
    if (caches !== undefined && !(caches instanceof NativeSequence && this.#states.has(caches))) {
      throw new FakError('STATE_MISMATCH', {
        reason: 'the state was made by another prepared program',
        field: 'caches',
      })
    }
    const state = caches === undefined ? this.createState() : caches.lendCaches(position)
    try {
      await state.restore(content)
      return state
    } catch (error) {
      await state.dispose()
      throw error
    }
  }

  /** See {@link PreparedProgram.run}. Also throws `NON_FINITE` naming the op, and `STATE_LOST` on a state whose last step of one token failed. */
  async run({ tokens: given, ...rest }: Step): Promise<StepResult> {
    this.#assertUsable()
    // The step's own copy is what is checked and used: the caller may change its array while the step runs, and another thread even before.
    const step = { ...rest, tokens: given instanceof Uint32Array ? new Uint32Array(given) : given }
    const rows = checkStep(step, { maxTokens: this.maxTokens, vocabulary: this.#vocabulary })
    const { state } = step
    if (!(state instanceof NativeSequence && this.#states.has(state))) {
      throw new FakError('STATE_MISMATCH', { reason: 'the state was made by another prepared program', field: 'state' })
    }
    const running = this.#execute(step, state, rows, checkInputs(this.program, step))
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** See {@link PreparedProgram.profile}. */
  profile(observer: (profile: StepProfile) => void): () => void {
    this.#assertUsable()
    return this.#profiler.observe(observer)
  }

  dispose(): Promise<void> {
    this.#disposal ??= Promise.allSettled(this.#running).then(() => this.#parts.native.dispose())
    return this.#disposal
  }

  async #execute(
    step: Step,
    state: NativeSequence,
    rows: number,
    given: ReadonlyMap<ValueId, Float32Array>,
  ): Promise<StepResult> {
    const { native, pinned, files, taps } = this.#parts
    const { tokens } = step
    const arrays = new Map(pinned.map((id) => [id, given.get(id) ?? this.#arrayFor(id, tokens.length, rows)]))
    const signal = tokens.length > 1 ? step.signal : undefined
    const flag = signal === undefined ? undefined : new Int32Array([signal.aborted ? 1 : 0])
    const abort = () => Atomics.store(flag!, 0, 1)
    signal?.addEventListener('abort', abort, { once: true })
    let clocked: { words: Float64Array; position: number; start: number } | undefined
    try {
      await state.advance(tokens.length, async (nativeState) => {
        const outputs = [...arrays.values()]
        const { position } = state
        const profiled = this.#profiler.wanted
        const start = performance.now()
        const result = await native.run(nativeState, position, tokens, rows, outputs, flag, profiled)
        const error = errorOf(result, this.program, { files, signal })
        if (error !== undefined) throw error
        if (result.profile !== undefined) clocked = { words: result.profile, position, start }
      })
    } finally {
      signal?.removeEventListener('abort', abort)
    }
    if (clocked !== undefined) this.#profiler.report({ tokens: tokens.length, rows, ...clocked })

    const taken = new Set<ValueId>()
    const take = (id: ValueId): Float32Array => {
      // Two names for one value get an array each.
      const array = taken.has(id) ? arrays.get(id)!.slice() : arrays.get(id)!
      taken.add(id)
      return array
    }
    return {
      outputs: Object.fromEntries(Object.entries(this.program.outputs).map(([name, id]) => [name, take(id)])),
      taps: new Map([...taps].map(([label, id]) => [label, take(id)])),
    }
  }

  #arrayFor(id: ValueId, tokens: number, rows: number): Float32Array {
    const [dim, columns] = this.program.values[id]!.shape as readonly [number | 'T' | 'R', number]
    const count = dim === 'T' ? tokens : dim === 'R' ? rows : dim
    try {
      return new Float32Array(count * columns)
    } catch (cause) {
      throw new FakError('OUT_OF_MEMORY', { reason: `no room for ${count * columns} floats of results`, cause })
    }
  }

  #assertUsable(): void {
    if (this.#disposal !== undefined) {
      throw new FakError('DISPOSED', { reason: 'the prepared program has been disposed of' })
    }
  }
}
