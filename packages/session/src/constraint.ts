// What the session knows of constraints: which tokens may come, and whether the text may end. @fak/grammar makes them.

/** A form that an answer must have. One object serves any number of generations. */
export interface Constraint {
  /** Where an answer begins. */
  begin(): ConstraintState
}

/** Where one answer stands in its form. */
export interface ConstraintState {
  /** Whether the answer may end here. */
  readonly complete: boolean
  /**
   * The tokens that may come next: bit `id & 31` of word `id >> 5`; words that are missing are 0. None together with `complete` ends the
   * generation. Whether a stop token may come is not asked of it.
   */
  allowed(): Uint32Array
  /** Takes a token that was allowed. */
  accept(id: number): void
}
