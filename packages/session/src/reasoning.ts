// The course of an answer: a thought that is to end, what stands behind it, and then the form that the answer must have.

import type { ConstraintState } from './constraint.js'

/** How the thought ends that a prompt leaves open. */
export interface ReasoningOptions {
  /** The token that ends a thought, such as `</think>`. */
  readonly end: number
  /** Tokens that come before it when the budget ends the thought: a line break, or a sentence. Default none. */
  readonly before?: ArrayLike<number>
  /**
   * Tokens between the end of the thought and the answer, as the model's template has them. They are set where the budget ends the thought, and
   * with a `grammar`, which begins behind them. Default none.
   */
  readonly after?: ArrayLike<number>
  /** Most tokens of the thought, 0 or more. Default: as many as the model likes. */
  readonly budget?: number
}

/** {@link ReasoningOptions} with every default filled in. */
export interface Reasoning {
  readonly end: number
  readonly before: Uint32Array
  readonly after: Uint32Array
  readonly budget: number
}

/** What a thought came to. */
export interface Thought {
  /** Its tokens, without those that end it. */
  readonly tokens: number
  /** Who ended it; `null` when the generation ended in it. */
  readonly closedBy: 'model' | 'budget' | null
}

/** Follows an answer token by token. */
export class Course {
  readonly #reasoning: Reasoning | null
  readonly #constraint: ConstraintState | null
  #phase: 'thought' | 'between' | 'answer'
  #queue: number[] = []
  #tokens = 0
  #closedBy: Thought['closedBy'] = null

  constructor(reasoning: Reasoning | null, constraint: ConstraintState | null) {
    this.#reasoning = reasoning
    this.#constraint = constraint
    this.#phase = reasoning === null ? 'answer' : 'thought'
    this.#closeIfSpent()
  }

  /** The token that must come next, whatever the model says; `null` where it is asked. */
  get forced(): number | null {
    return this.#queue[0] ?? null
  }

  /** The form of what comes next; `null` for none. */
  get constraint(): ConstraintState | null {
    return this.#phase === 'answer' ? this.#constraint : null
  }

  /** Whether a stop token may come: an answer that must have a form does not end before it has it. */
  get mayStop(): boolean {
    return this.#constraint === null || (this.#phase === 'answer' && this.#constraint.complete)
  }

  /** Whether nothing but the end can follow. */
  get finished(): boolean {
    const state = this.constraint
    return this.#queue.length === 0 && state?.complete === true && state.allowed().every((word) => word === 0)
  }

  /** What the thought came to; `null` where there was none to follow. */
  get thought(): Thought | null {
    return this.#reasoning === null ? null : { tokens: this.#tokens, closedBy: this.#closedBy }
  }

  /** Takes the token that was set or chosen. */
  take(id: number): void {
    if (this.#phase === 'answer') this.#constraint?.accept(id)
    else if (this.#queue.length > 0) this.#queue.shift()
    else if (id === this.#reasoning!.end) {
      this.#closedBy = 'model'
      this.#phase = 'between'
      if (this.#constraint !== null) this.#queue = [...this.#reasoning!.after]
    } else {
      this.#tokens++
      this.#closeIfSpent()
    }
    if (this.#phase === 'between' && this.#queue.length === 0) this.#phase = 'answer'
  }

  #closeIfSpent(): void {
    if (this.#reasoning === null || this.#tokens < this.#reasoning.budget) return
    const { before, end, after } = this.#reasoning
    this.#queue = [...before, end, ...after]
    this.#closedBy = 'budget'
    this.#phase = 'between'
  }
}
