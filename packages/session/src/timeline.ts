// The tokens that a sequence state stands for, those that it is behind by, and the only code that advances it. Knows nothing of text
// or sampling.

import type { PreparedProgram, SequenceState } from '@fak/graph'
import { FakError } from '@fak/tensor'
import type { TimelineContent } from './saved/content.js'
import { commonLength, type StateCache } from './state-cache.js'

/** Where the tokens that need no computing come from, and where the rest begins to differ from what was held. */
export interface PrefixReuse {
  /** The sequence itself, a state that was kept earlier, or nothing. */
  readonly from: 'held' | 'kept' | 'nothing'
  /** Index of the first token that is not the held one; `null` when everything held begins the prompt. */
  readonly brokeAt: number | null
}

/** How long computing may keep the thread before timers, signals and input get a turn. */
const TURN_MS = 10

/** How {@link Timeline.compute} goes about it. */
interface ComputeOptions {
  readonly rows: 'last' | 'all'
  readonly signal?: AbortSignal | undefined
  readonly keepAt?: readonly number[]
}

/**
 * One sequence: computed tokens, tokens that no step has taken yet, and the last row of logits. What waits is the token chosen last; after
 * a step that cost the state, all tokens wait.
 */
export class Timeline {
  readonly #prepared: PreparedProgram
  readonly #cache: StateCache
  #state: SequenceState
  #tokens: number[] = []
  #waiting: number[] = []
  /** Whether the tokens end in the middle of a prompt: a lost state was there. */
  #cut = false
  #row: Float32Array | null = null
  #ownRow: Float32Array | undefined
  #running: Promise<unknown> = Promise.resolve()
  #disposed = false
  #lastTurn = 0

  constructor(prepared: PreparedProgram, cache: StateCache) {
    this.#prepared = prepared
    this.#cache = cache
    this.#state = prepared.createState()
  }

  /** All tokens, the waiting ones included. */
  get tokens(): number[] {
    return [...this.#tokens, ...this.#waiting]
  }

  /** How many tokens there are, the waiting ones included. */
  get length(): number {
    return this.#tokens.length + this.#waiting.length
  }

  /** How many tokens the state stands for. */
  get computed(): number {
    return this.#tokens.length
  }

  /** Tokens that the next steps must take first. */
  get waiting(): readonly number[] {
    return this.#waiting
  }

  /** Logits for the token after the last one; `null` while they are not known. */
  get row(): Float32Array | null {
    return this.#waiting.length === 0 ? this.#row : null
  }

  /** Whether an answer may begin after the last token: it is not in the middle of a prompt. */
  get complete(): boolean {
    return this.#waiting.length > 0 ? !this.#cut : this.#row !== null
  }

  get byteLength(): number {
    return this.#state.byteLength
  }

  /** The token that comes next; it is computed together with whatever follows. */
  choose(id: number): void {
    this.#waiting.push(id)
    this.#cut = false
  }

  /**
   * Makes the computed tokens the longest prefix of `tokens` that can be had without computing: what is held, or a kept state. What was
   * held is kept in its turn. The logits of the last token must be known when it holds all of them.
   */
  async keepPrefixOf(tokens: Uint32Array): Promise<PrefixReuse> {
    this.#ensureAlive()
    const held = this.#tokens.length
    const common = commonLength(this.#tokens, tokens)
    const usable = common === held && (held < tokens.length || this.#row !== null)
    const kept = this.#cache.longest(tokens)
    const brokeAt = common < held ? common : null
    if (usable && (kept?.tokens.length ?? 0) <= held) {
      this.#waiting = []
      return { from: held === 0 ? 'nothing' : 'held', brokeAt }
    }
    // First what may fail for want of memory: then nothing is lost.
    const next = kept === undefined ? this.#prepared.createState() : kept.state.fork()
    this.#waiting = []
    await this.#giveUp()
    this.#state = next
    this.#tokens = kept === undefined ? [] : [...kept.tokens]
    this.#row = kept?.row ?? null
    if (kept !== undefined) this.#cache.touch(kept)
    return { from: kept === undefined ? 'nothing' : 'kept', brokeAt }
  }

  /** The state goes where it may be found again, if it stands for anything. */
  async #giveUp(): Promise<void> {
    if (this.#tokens.length === 0 || this.#state.lost) return this.#state.dispose()
    await this.#cache.keep({
      tokens: Uint32Array.from(this.#tokens),
      state: this.#state,
      row: this.#row?.slice() ?? null,
    })
  }

  /** Keeps a copy of the state, unless there is no memory for one: it is a convenience, not a promise. */
  async #keep(): Promise<void> {
    let copy: SequenceState
    try {
      copy = this.#state.fork()
    } catch (error) {
      if (FakError.isInstance(error, 'OUT_OF_MEMORY')) return
      throw error
    }
    await this.#cache.keep({ tokens: Uint32Array.from(this.#tokens), state: copy, row: this.#row?.slice() ?? null })
  }

  /** What there is to save, with the last `checkpoints` states that are kept of the computed tokens. */
  content(checkpoints: number): TimelineContent {
    this.#ensureAlive()
    const computed = Uint32Array.from(this.#tokens)
    return {
      tokens: this.tokens,
      computed: computed.length,
      cut: this.#cut,
      row: this.#row?.slice() ?? null,
      state: this.#state,
      checkpoints: checkpoints === 0 ? [] : this.#cache.prefixesOf(computed).slice(-checkpoints),
    }
  }

  /** Puts a saved sequence in the place of this one, which is kept in its turn, as are the checkpoints. */
  async adopt({ tokens, computed, cut, row, state, checkpoints }: TimelineContent): Promise<void> {
    this.#ensureAlive()
    await this.#giveUp()
    this.#state = state
    this.#tokens = tokens.slice(0, computed)
    this.#waiting = tokens.slice(computed)
    this.#cut = cut
    this.#row = row
    for (const kept of checkpoints) await this.#cache.keep(kept)
  }

  reset(): void {
    this.#ensureAlive()
    this.#state.reset()
    this.#tokens = []
    this.#waiting = []
    this.#row = null
  }

  /**
   * Computes tokens in steps of at most `maxTokens`; `tokens` begins with the waiting ones. Yields after each
   * step how many are done and the step's logits: the last row of the last step (`rows: 'last'`), or all rows of each.
   *
   * @param keepAt How many of `tokens` must be done, in ascending order, whenever a copy of the state is to be kept.
   */
  async *compute(
    tokens: Uint32Array,
    { rows, signal, keepAt = [] }: ComputeOptions,
  ): AsyncGenerator<{ done: number; logits: Float32Array }, void> {
    const marks = [...keepAt]
    const keepIfMarked = async (done: number) => {
      if (marks[0] !== done) return
      marks.shift()
      if (this.#tokens.length > 0) await this.#keep()
    }
    await keepIfMarked(0)
    for (let start = 0; start < tokens.length; ) {
      const step = tokens.subarray(start, Math.min(start + this.#prepared.maxTokens, marks[0] ?? tokens.length))
      const end = start + step.length
      const logits = await this.#step(step, rows === 'all' ? step.length : end === tokens.length ? 1 : 0, signal)
      await keepIfMarked(end)
      yield { done: end, logits }
      start = end
    }
  }

  async #step(tokens: Uint32Array, rows: number, signal: AbortSignal | undefined): Promise<Float32Array> {
    this.#ensureAlive()
    if (signal?.aborted) throw new FakError('ABORTED', { reason: 'stopped by the caller' })
    const running = this.#prepared.run({ state: this.#state, tokens, rows, ...(signal && { signal }) })
    this.#running = running
    const logits = (await running.catch((error) => this.#fail(error))).outputs.logits!
    this.#waiting.splice(0, tokens.length)
    for (const id of tokens) this.#tokens.push(id)
    this.#row = rows === 0 ? null : this.#copyOf(logits.subarray(logits.length - logits.length / rows))
    await this.#cache.makeRoom()
    await this.#giveTurn()
    return logits
  }

  /** The caller of a step may do with its logits what it likes. A copy into memory that is there already costs a twentieth of a fresh one. */
  #copyOf(row: Float32Array): Float32Array {
    this.#ownRow ??= new Float32Array(row.length)
    this.#ownRow.set(row)
    return this.#ownRow
  }

  /** The tokens outlive the state: they wait to be computed again. */
  #fail(error: unknown): never {
    if (this.#state.lost && !this.#disposed) {
      const { tokens, complete } = this
      this.reset()
      this.#waiting = tokens
      this.#cut = !complete
    }
    throw error
  }

  /** An executor that computes on this thread would otherwise starve everything else: its promises never leave it. */
  async #giveTurn(): Promise<void> {
    if (performance.now() - this.#lastTurn < TURN_MS) return
    await new Promise<void>((resume) => {
      if (typeof setImmediate === 'function') setImmediate(resume)
      else setTimeout(resume, 0)
    })
    this.#lastTurn = performance.now()
  }

  /** Waits for the running step, then frees the state. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#disposed = true
    await this.#running.catch(() => {})
    await this.#state.dispose()
  }

  #ensureAlive(): void {
    if (this.#disposed) throw new FakError('DISPOSED', { reason: 'the session was disposed' })
  }
}

/** Runs an iterator to its end for what it does. */
export async function drain(steps: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of steps) {
    // The values were not asked for.
  }
}
