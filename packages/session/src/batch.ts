// Many sequences, one model: steps that several sessions want at the same time share a pass over the weights. Sessions know nothing of it:
// what they are given is a prepared Program whose `run` waits for the next pass.

import {
  checkInputs,
  checkStep,
  type KvCacheType,
  type PreparedProgram,
  type SequenceState,
  type StateContent,
  type Step,
  type StepOutcome,
  type StepProfile,
  type StepResult,
  vocabularySize,
} from '@fak/graph'
import { type DType, FakError } from '@fak/tensor'
import { nextTurn } from './turn.js'

/** Choices of {@link batchSteps}. */
export interface BatchOptions {
  /**
   * Most tokens of one step of one sequence, as its session sees it. Smaller than the prepared Program's own `maxTokens`, which all steps of a
   * pass share, so that there is room beside a chunk of a prompt for those who decode. Default: half of it.
   */
  maxTokens?: number
  /** Most steps of several tokens in one pass: each takes a copy of its sequence's recurrent arrays. Default 4. */
  longSteps?: number
  /** Most steps that may wait for a pass. Default 1024. */
  maxWaiting?: number
}

const DEFAULT_LONG_STEPS = 4
const DEFAULT_MAX_WAITING = 1024

/**
 * How often the event loop may turn after a pass until everyone who was in it has come back. A session samples and comes back in one or two
 * turns, and would wait for a whole pass if the next one began without it; who takes longer does so at nobody else's expense.
 */
const GRACE_TURNS = 3

/** A step that waits. */
interface Waiting {
  readonly step: Step
  /** Passes that had no room for it. */
  leftOut: number
  settle(outcome: StepOutcome): void
}

/**
 * A view of a prepared Program for many sequences at once: sessions that are given it share passes whenever their steps meet
 * ({@link PreparedProgram.runBatch}). Every sequence gets the bits that it would get alone.
 *
 * Steps of one token go first, then chunks of prompts in the order in which they came, as long as the pass has room; a step that was left out
 * goes before all others in the next pass. A step that is aborted leaves the queue at once, or its pass when that ends. Where the
 * executor has no passes of several sequences, steps run one after the other. Disposing of the view disposes of the prepared Program.
 *
 * `run` also throws `BATCH_FULL` when too many steps wait, and `ABORTED` for a step of one token that was aborted while it waited.
 *
 * @throws FakError `BATCH_BAD_OPTION` for a number that is not whole or out of range
 */
export function batchSteps(prepared: PreparedProgram, options: BatchOptions = {}): PreparedProgram {
  const half = Math.max(1, Math.floor(prepared.maxTokens / 2))
  return new BatchedProgram(prepared, {
    maxTokens: wholeNumber('maxTokens', options.maxTokens ?? half, prepared.maxTokens),
    longSteps: wholeNumber('longSteps', options.longSteps ?? DEFAULT_LONG_STEPS),
    maxWaiting: wholeNumber('maxWaiting', options.maxWaiting ?? DEFAULT_MAX_WAITING),
  })
}

function wholeNumber(field: string, value: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  const reason = `must be a whole number from 1 to ${most}, got ${value}`
  throw new FakError('BATCH_BAD_OPTION', { reason, field })
}

class BatchedProgram implements PreparedProgram {
  readonly #prepared: PreparedProgram
  readonly #options: Required<BatchOptions>
  readonly #vocabulary: number
  /** In the order in which they came. */
  #waiting: Waiting[] = []
  /** States that a step waits or runs on. */
  readonly #busy = new Set<SequenceState>()
  /** Those of the last pass that have not come back. */
  #expected = new Set<SequenceState>()
  #driving = false
  #disposed = false
  readonly kvCache?: KvCacheType
  readonly dequantized?: readonly DType[]
  readonly profile?: (observer: (profile: StepProfile) => void) => () => void

  constructor(prepared: PreparedProgram, options: Required<BatchOptions>) {
    this.#prepared = prepared
    this.#options = options
    this.#vocabulary = vocabularySize(prepared.program)
    if (prepared.kvCache !== undefined) this.kvCache = prepared.kvCache
    if (prepared.dequantized !== undefined) this.dequantized = prepared.dequantized
    if (prepared.profile !== undefined) this.profile = (observer) => prepared.profile!(observer)
  }

  get program() {
    return this.#prepared.program
  }
  get maxTokens() {
    return this.#options.maxTokens
  }
  get stateBytes() {
    return this.#prepared.stateBytes
  }
  get stateArrays() {
    return this.#prepared.stateArrays
  }
  get arithmetic() {
    return this.#prepared.arithmetic
  }
  createState(): SequenceState {
    return this.#prepared.createState()
  }
  restoreState(content: StateContent): Promise<SequenceState> {
    return this.#prepared.restoreState(content)
  }

  async run({ tokens: given, inputs, ...rest }: Step): Promise<StepResult> {
    // The step waits, and the caller may change its arrays meanwhile.
    const step = {
      ...rest,
      tokens: given instanceof Uint32Array ? new Uint32Array(given) : given,
      ...(inputs && { inputs: structuredClone(inputs) }),
    }
    const { signal, state } = step
    if (this.#disposed) throw disposed()
    checkStep(step, { maxTokens: this.maxTokens, vocabulary: this.#vocabulary })
    checkInputs(this.program, step)
    if (this.#busy.has(state)) {
      throw new FakError('STATE_BUSY', { reason: 'a step waits or runs on this sequence state' })
    }
    if (signal?.aborted) throw aborted(signal)
    if (this.#waiting.length >= this.#options.maxWaiting) {
      throw new FakError('BATCH_FULL', { reason: `${this.#waiting.length} steps wait already`, field: 'maxWaiting' })
    }
    this.#busy.add(state)
    this.#expected.delete(state)
    const outcome = await this.#queued(step)
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  }

  #queued(step: Step): Promise<StepOutcome> {
    return new Promise((resolve) => {
      const onAbort = () => {
        if (!this.#waiting.includes(waiting)) return
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        waiting.settle({ status: 'rejected', reason: aborted(step.signal!) })
      }
      const waiting: Waiting = {
        step,
        leftOut: 0,
        settle: (outcome) => {
          step.signal?.removeEventListener('abort', onAbort)
          this.#busy.delete(step.state)
          resolve(outcome)
        },
      }
      step.signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiting)
      void this.#drive()
    })
  }

  /** Runs passes as long as somebody waits. */
  async #drive(): Promise<void> {
    if (this.#driving) return
    this.#driving = true
    while (this.#waiting.length > 0) {
      await this.#gather()
      const pass = this.#choose()
      if (pass.length === 0) continue
      const outcomes = await this.#run(pass.map(({ step }) => step))
      for (const [i, { step, settle }] of pass.entries()) {
        if (outcomes[i]!.status === 'fulfilled') this.#expected.add(step.state)
        settle(outcomes[i]!)
      }
    }
    this.#driving = false
  }

  /** Lets those come back who were in the last pass, and those begin who begin at the same time. */
  async #gather(): Promise<void> {
    for (let turn = 0; turn < GRACE_TURNS && (turn === 0 || this.#expected.size > 0); turn++) await nextTurn()
    this.#expected.clear()
  }

  /** Takes the steps of the next pass from the queue; the long ones stand first, which gives the threads an even end. */
  #choose(): Waiting[] {
    if (this.#prepared.runBatch === undefined) return this.#waiting.splice(0, 1)
    const leftOut = this.#waiting.filter((one) => one.leftOut > 0)
    const fresh = this.#waiting.filter((one) => one.leftOut === 0)
    const isLong = ({ step }: Waiting) => step.tokens.length > 1
    let room = this.#prepared.maxTokens
    let long = this.#options.longSteps
    const chosen = new Set<Waiting>()
    for (const one of [...leftOut, ...fresh.filter((other) => !isLong(other)), ...fresh.filter(isLong)]) {
      if (one.step.tokens.length > room || (isLong(one) && long === 0)) {
        one.leftOut++
        continue
      }
      room -= one.step.tokens.length
      if (isLong(one)) long--
      chosen.add(one)
    }
    this.#waiting = this.#waiting.filter((one) => !chosen.has(one))
    return [...chosen].sort((a, b) => b.step.tokens.length - a.step.tokens.length)
  }

  async #run(steps: readonly Step[]): Promise<StepOutcome[]> {
    const { runBatch } = this.#prepared
    if (runBatch === undefined) return Promise.allSettled(steps.map((step) => this.#prepared.run(step)))
    try {
      return await runBatch.call(this.#prepared, steps)
    } catch (reason) {
      return steps.map(() => ({ status: 'rejected', reason }))
    }
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    for (const { settle } of this.#waiting.splice(0)) settle({ status: 'rejected', reason: disposed() })
    await this.#prepared.dispose()
  }
}

function aborted(signal: AbortSignal): FakError {
  return new FakError('ABORTED', { reason: 'the caller aborted', cause: signal.reason })
}

function disposed(): FakError {
  return new FakError('DISPOSED', { reason: 'the prepared program has been disposed of' })
}
