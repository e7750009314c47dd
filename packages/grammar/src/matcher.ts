// A grammar at work on one generation: which tokens may come, and what was accepted so far.

import { FakError, quote } from '@fak/tensor'
import type { Grammar } from './grammar.js'
import { Machine, type State } from './machine.js'
import { Masks } from './masks.js'
import type { TokenTable } from './vocabulary.js'

/**
 * A grammar over a vocabulary. The `grammar` option of a generation takes one. It may serve any number of generations, one after another or
 * at once, and gets faster as it is used: masks are made when they are first needed, and kept. Holds no memory outside of JavaScript's.
 */
export class TokenGrammar {
  readonly #machine: Machine
  readonly #masks: Masks
  readonly #table: TokenTable

  /** @throws FakError `GRAMMAR_BAD_VOCABULARY` when the grammar needs a control token that the vocabulary lacks */
  constructor(grammar: Grammar, table: TokenTable) {
    for (const text of grammar.controlTokens) {
      if (table.added.has(text)) continue
      throw new FakError('GRAMMAR_BAD_VOCABULARY', { reason: `the vocabulary has no token ${quote(text)}` })
    }
    grammar.alike(table.longest)
    this.#machine = new Machine(grammar)
    this.#masks = new Masks(this.#machine, table)
    this.#table = table
  }

  /** A matcher at the beginning of a text. */
  begin(): GrammarMatcher {
    return new GrammarMatcher(this.#machine, this.#masks, this.#table, this.#machine.start)
  }
}

/** Where one text stands in a grammar. */
export class GrammarMatcher {
  readonly #machine: Machine
  readonly #masks: Masks
  readonly #table: TokenTable
  #state: State

  /** @internal */
  constructor(machine: Machine, masks: Masks, table: TokenTable, state: State) {
    this.#machine = machine
    this.#masks = masks
    this.#table = table
    this.#state = state
  }

  /** Whether the text may end here. */
  get complete(): boolean {
    return this.#state.ends
  }

  /**
   * The tokens that may come next: bit `id & 31` of word `id >> 5`. Added tokens, such as `<|im_end|>`, are among them only where the grammar
   * names them. Do not write to it; it holds until the next call.
   */
  allowed(): Uint32Array {
    return this.#masks.of(this.#state)
  }

  /** Takes a token. @throws FakError `GRAMMAR_TOKEN_REFUSED` when it is none of the allowed ones */
  accept(id: number): void {
    const next = this.#after(id)
    if (next === null) {
      throw new FakError('GRAMMAR_TOKEN_REFUSED', {
        reason: `token ${id} does not fit the grammar here`,
        field: 'token',
      })
    }
    this.#state = next
  }

  #after(id: number): State | null {
    const added = this.#table.addedText(id)
    if (added !== undefined) return this.#machine.stepToken(this.#state, added)
    const bytes = this.#table.bytesOf(id)
    if (bytes === undefined || bytes.length === 0) return null
    let state: State | null = this.#state
    for (let i = 0; i < bytes.length && state !== null; i++) state = this.#machine.step(state, bytes[i]!)
    return state
  }

  /** A matcher at the same place that goes its own way: what was accepted is never changed, so this costs nothing. */
  fork(): GrammarMatcher {
    return new GrammarMatcher(this.#machine, this.#masks, this.#table, this.#state)
  }
}
