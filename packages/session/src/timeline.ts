// The tokens that a sequence state stands for, those that it is behind by, and the only code that advances it. Knows nothing of text
// or sampling.

import type { PreparedProgram, SequenceState } from '@fak/graph'
import { FakError } from '@fak/tensor'
import type { TimelineContent } from './saved/content.js'
import type { Drafter } from './speculation/drafter.js'
import { commonLength, type StateCache } from './state-cache.js'
import { nextTurn } from './turn.js'

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

/** A step that took guesses behind the tokens that were sure. */
interface Attempt {
  readonly sure: Uint32Array
  readonly guesses: Uint32Array
  /** How many of the guesses were chosen. */
  taken: number
  readonly outputs: Readonly<Record<string, Float32Array>>
  /** The state before the step: a recurrent state cannot be cut back. */
  readonly before: SequenceState
}

/**
 * One sequence: computed tokens, tokens that no step has taken yet, and the last row of logits. What waits is the token chosen last; after
 * a step that cost the state, all tokens wait.
 */
export class Timeline {
  readonly #prepared: PreparedProgram
  readonly #cache: StateCache
  readonly #drafter: Drafter | null
  #state: SequenceState
  /** What the state may be ahead by: its guesses stand behind the tokens until they are settled. */
  #attempt: Attempt | null = null
  #tokens: number[] = []
  #waiting: number[] = []
  /** Whether the tokens end in the middle of a prompt: a lost state was there. */
  #cut = false
  #row: Float32Array | null = null
  #ownRow: Float32Array | undefined
  #running: Promise<unknown> = Promise.resolve()
  #disposed = false
  #lastTurn = 0

  /** @param drafter Sees every computed token; the session's own. */
  constructor(prepared: PreparedProgram, cache: StateCache, drafter: Drafter | null) {
    this.#prepared = prepared
    this.#cache = cache
    this.#drafter = drafter
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

  /** Most tokens of one step. */
  get stepTokens(): number {
    return this.#prepared.maxTokens
  }

  /** The token that comes next. Returns whether it was guessed and is computed already; if not, it is computed together with whatever follows. */
  choose(id: number): boolean {
    this.#cut = false
    const attempt = this.#attempt
    if (attempt !== null && this.#waiting.length === 0 && attempt.guesses[attempt.taken] === id) {
      attempt.taken++
      this.#tokens.push(id)
      this.#row = rowOf(attempt, attempt.taken)
      return true
    }
    this.#waiting.push(id)
    return false
  }

  /**
   * Makes the computed tokens the longest prefix of `tokens` that can be had without computing: what is held, or a kept state. What was
   * held is kept in its turn. The logits of the last token must be known when it holds all of them.
   */
  async keepPrefixOf(tokens: Uint32Array): Promise<PrefixReuse> {
    this.#ensureAlive()
    this.settle()
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
    this.#drafter?.reset?.()
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
    this.settle()
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
    this.settle()
    await this.#giveUp()
    this.#drafter?.reset?.()
    this.#state = state
    this.#tokens = tokens.slice(0, computed)
    this.#waiting = tokens.slice(computed)
    this.#cut = cut
    this.#row = row
    for (const kept of checkpoints) await this.#cache.keep(kept)
  }

  reset(): void {
    this.#ensureAlive()
    this.settle()
    this.#state.reset()
    this.#drafter?.reset?.()
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
    this.settle()
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
    const { outputs } = await running.catch((error) => this.#fail(error))
    const logits = outputs.logits!
    this.#waiting.splice(0, tokens.length)
    for (const id of tokens) this.#tokens.push(id)
    this.#row = rows === 0 ? null : this.#copyOf(logits.subarray(logits.length - logits.length / rows))
    this.#drafter?.take?.(tokens, outputs)
    if (tokens.length > 1) await this.#drafter?.settle?.()
    await this.#cache.makeRoom()
    await this.#giveTurn()
    return logits
  }

  /**
   * Computes what waits and guesses at what will be chosen behind it, in one step; {@link Timeline.choose} then finds out which of them come,
   * each with its row of logits. All of it must fit a step.
   *
   * @returns whether it did: guesses cost a copy of the state, and there may be no memory for one
   */
  async attempt(guesses: Uint32Array, signal: AbortSignal | undefined): Promise<boolean> {
    this.#ensureAlive()
    this.settle()
    if (signal?.aborted) throw new FakError('ABORTED', { reason: 'stopped by the caller' })
    const before = this.#stateBefore()
    if (before === undefined) return false
    const sure = Uint32Array.from(this.#waiting)
    const tokens = Uint32Array.from([...sure, ...guesses])
    const running = this.#prepared.run({
      state: this.#state,
      tokens,
      rows: guesses.length + 1,
      ...(signal && { signal }),
    })
    this.#running = running
    const { outputs } = await running.catch(async (error) => {
      await before.dispose()
      return this.#fail(error)
    })
    this.#waiting = []
    for (const id of sure) this.#tokens.push(id)
    this.#attempt = { sure, guesses, taken: 0, outputs, before }
    this.#row = rowOf(this.#attempt, 0)
    await this.#cache.makeRoom()
    await this.#giveTurn()
    return true
  }

  /** A copy of the state; `undefined` without memory. */
  #stateBefore(): SequenceState | undefined {
    try {
      return this.#state.fork()
    } catch (error) {
      if (FakError.isInstance(error, 'OUT_OF_MEMORY')) return undefined
      throw error
    }
  }

  /** Takes guesses back that did not come: more tokens may wait afterwards. */
  settle(): void {
    const attempt = this.#attempt
    if (attempt === null) return
    this.#attempt = null
    const { sure, guesses, taken, outputs, before } = attempt
    if (this.#row !== null) this.#row = this.#copyOf(this.#row)
    const wrong = guesses.length - taken
    if (wrong > 0) {
      // What came is computed once more, together with what follows.
      void this.#state.dispose()
      this.#state = before
      this.#waiting = [...this.#tokens.splice(this.#tokens.length - sure.length - taken), ...this.#waiting]
      this.#row = null
      return
    }
    void before.dispose()
    this.#drafter?.take?.(Uint32Array.from([...sure, ...guesses.subarray(0, taken)]), outputs)
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
    await nextTurn()
    this.#lastTurn = performance.now()
  }

  /** Waits for the running step, then frees the state. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#disposed = true
    await this.#running.catch(() => {})
    await this.#drafter?.dispose?.()
    await this.#attempt?.before.dispose()
    await this.#state.dispose()
  }

  #ensureAlive(): void {
    if (this.#disposed) throw new FakError('DISPOSED', { reason: 'the session was disposed' })
  }
}

/** Logits of a step with guesses, after so many of them. */
function rowOf({ guesses, outputs: { logits } }: Attempt, taken: number): Float32Array {
  const width = logits!.length / (guesses.length + 1)
  return logits!.subarray(taken * width, (taken + 1) * width)
}

/** Runs an iterator to its end for what it does. */
export async function drain(steps: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of steps) {
    // The values were not asked for.
  }
}
