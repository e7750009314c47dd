// What a session knows of drafters: they guess what comes next, and the model says whether it does.

/** What a drafter has to go by. */
export interface DraftContext {
  /** Every token so far. */
  readonly tokens: readonly number[]
  /** How many of the last ones no step of the model has taken yet, 1 or more. */
  readonly waiting: number
}

/** Guesses tokens for the sequences of one session. A bad guess costs time and changes nothing. */
export interface Drafter {
  /** `ngram`, `mtp`, … */
  readonly name: string
  /** Most guesses that are worth a pass. */
  readonly most: number
  /**
   * Sees tokens that the model has computed, in order and each once, with the outputs of the step, `[T, …]` row-major; more rows than tokens
   * belong to guesses that did not come. Copies what it keeps.
   */
  take?(tokens: Uint32Array, outputs: Readonly<Record<string, Float32Array>>): void
  /** Does what {@link Drafter.take} left to do; called after each step of a prompt. */
  settle?(): Promise<void>
  /** At most `most` guesses at what follows; none where it has no idea. */
  guess(context: DraftContext, most: number): Promise<Uint32Array> | Uint32Array
  /** The sequence is another one now, of which {@link Drafter.take} has seen nothing. */
  reset?(): void
  /** Frees what it holds; waits for a running step. Safe to call twice. */
  dispose?(): Promise<void>
}

/** What guessing came to in one generation. */
export interface SpeculationFigures {
  /** Name of the drafter. */
  readonly drafter: string
  /** Steps of the model after the prompt, those without guesses included. */
  readonly passes: number
  /** Guesses that the model computed. */
  readonly drafted: number
  /** Guesses that came. */
  readonly accepted: number
  /** Tokens that one pass brought on average; `null` when there was none. */
  readonly tokensPerPass: number | null
}
