// The tokens that a sequence state stands for, those that it is behind by, and the only code that advances it. Knows nothing of text
// or sampling.

import type { PreparedProgram, SequenceState } from '@fak/graph'
import { FakError } from '@fak/tensor'

/** How long computing may keep the thread before timers, signals and input get a turn. */
const TURN_MS = 10

/**
 * One sequence: computed tokens, tokens that no step has taken yet, and the last row of logits. What waits is the token chosen last; after
 * a step that cost the state, all tokens wait.
 */
export class Timeline {
  readonly #prepared: PreparedProgram
  readonly #state: SequenceState
  readonly #tokens: number[] = []
  #waiting: number[] = []
  /** Whether the tokens end in the middle of a prompt: a lost state was there. */
  #cut = false
  #row: Float32Array | null = null
  #running: Promise<unknown> = Promise.resolve()
  #disposed = false
  #lastTurn = 0

  constructor(prepared: PreparedProgram) {
    this.#prepared = prepared
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
   * Makes the computed tokens a prefix of `tokens`, by forgetting everything when they are not: a recurrent state cannot
   * be cut back. Returns how many tokens are kept.
   */
  keepPrefixOf(tokens: ArrayLike<number>): number {
    const extendsHeld = this.#tokens.length <= tokens.length && this.#tokens.every((id, i) => tokens[i] === id)
    const needsRow = this.#tokens.length === tokens.length && this.#row === null
    if (!extendsHeld || needsRow) this.reset()
    this.#waiting = []
    return this.#tokens.length
  }

  reset(): void {
    this.#ensureAlive()
    this.#state.reset()
    this.#tokens.length = 0
    this.#waiting = []
    this.#row = null
  }

  /**
   * Computes tokens in steps of at most `maxTokens`; `tokens` begins with the waiting ones. Yields after each
   * step how many are done and the step's logits: the last row of the last step (`rows: 'last'`), or all rows of each.
   */
  async *compute(
    tokens: Uint32Array,
    { rows, signal }: { rows: 'last' | 'all'; signal?: AbortSignal | undefined },
  ): AsyncGenerator<{ done: number; logits: Float32Array }, void> {
    for (let start = 0; start < tokens.length; ) {
      const step = tokens.subarray(start, start + this.#prepared.maxTokens)
      const end = start + step.length
      const logits = await this.#step(step, rows === 'all' ? step.length : end === tokens.length ? 1 : 0, signal)
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
    this.#row = rows === 0 ? null : logits.subarray(logits.length - logits.length / rows)
    await this.#giveTurn()
    return logits
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
