// A Program prepared on the native executor: checks, arrays for the results, one native call per step.

import {
  checkBatch,
  checkInputs,
  checkStep,
  type KvCacheType,
  type PreparedProgram,
  type Program,
  type StateArray,
  type StateContent,
  type Step,
  type StepOutcome,
  type StepProfile,
  type StepResult,
  type ValueId,
  vocabularySize,
} from '@fak/graph'
import { type DType, FakError } from '@fak/tensor'
import type { NativePrepared } from './addon.js'
import { nativeFailure } from './errors.js'
import { Pass } from './pass.js'
import { type Clocked, Profiler } from './profile.js'
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
  run(step: Step): Promise<StepResult> {
    return this.#tracked(this.#runOne(step))
  }

  /** See {@link PreparedProgram.runBatch}. */
  runBatch(steps: readonly Step[]): Promise<StepOutcome[]> {
    return this.#tracked(this.#runAll(steps, checkBatch))
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

  /** Disposal waits for it. */
  #tracked<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running)
    const forget = () => void this.#running.delete(running)
    running.then(forget, forget)
    return running
  }

  async #runOne(step: Step): Promise<StepResult> {
    const [outcome] = await this.#runAll([step])
    if (outcome!.status === 'rejected') throw outcome!.reason
    return outcome!.value
  }

  async #runAll(steps: readonly Step[], check?: typeof checkBatch): Promise<StepOutcome[]> {
    this.#assertUsable()
    check?.(steps, this.maxTokens)
    const pass = new Pass(this.program)
    const outcomes = Promise.allSettled(steps.map((step) => this.#join(step, pass)))
    const profile = await this.#execute(pass)
    const settled = await outcomes
    if (profile !== undefined) this.#profiler.report(profile)
    return settled
  }

  /** Checks a step and puts it into the pass. The state is lent until that is over. */
  async #join({ tokens: given, ...rest }: Step, pass: Pass): Promise<StepResult> {
    // The step's own copy is what is checked and used: the caller may change its array while the step runs, and another thread even before.
    const step = { ...rest, tokens: given instanceof Uint32Array ? new Uint32Array(given) : given }
    const rows = checkStep(step, { maxTokens: this.maxTokens, vocabulary: this.#vocabulary })
    const { state } = step
    if (!(state instanceof NativeSequence && this.#states.has(state))) {
      throw new FakError('STATE_MISMATCH', { reason: 'the state was made by another prepared program', field: 'state' })
    }
    const inputs = checkInputs(this.program, step)
    return state.advance(step.tokens.length, (native) => pass.add(step, native, rows, inputs))
  }

  /** What was clocked. Never throws: what fails, fails in the steps of the pass. */
  async #execute(pass: Pass): Promise<Clocked | undefined> {
    const { native, pinned, files, taps } = this.#parts
    if (pass.empty) return undefined
    try {
      const profiled = this.#profiler.wanted
      const arrays = new Map(pinned.map((id) => [id, pass.arrayFor(id)]))
      const start = performance.now()
      const result = await native.run(pass.requests, [...arrays.values()], profiled)
      pass.settle(result.outcomes, { arrays, taps, files })
      return result.profile && { words: result.profile, start, end: performance.now(), ...pass.size }
    } catch (error) {
      pass.fail(error)
      return undefined
    }
  }

  #assertUsable(): void {
    if (this.#disposal !== undefined) {
      throw new FakError('DISPOSED', { reason: 'the prepared program has been disposed of' })
    }
  }
}
