// States kept for later: what a conversation can come back to without computing it again. A recurrent state cannot be cut back, so a
// prefix is only as good as the nearest state that somebody kept.

import type { PreparedProgram, SequenceState } from '@fak/graph'
import { FakError } from '@fak/tensor'

/** Choices for a {@link StateCache}. */
export interface StateCacheOptions {
  /**
   * Kept states are dropped, the one that was useful longest ago first, until all states of the prepared program, running sessions
   * included, take no more bytes than this. 0 keeps nothing. Default 1 GiB.
   */
  readonly maxBytes?: number
}

/** A state at the end of some tokens. */
export interface KeptState {
  readonly tokens: Uint32Array
  readonly state: SequenceState
  /** Logits for the token after the last one, when they are known. */
  readonly row: Float32Array | null
}

const DEFAULT_MAX_BYTES = 2 ** 30

/** Kept states of one prepared program, for one session or for several that share it. */
export class StateCache {
  readonly maxBytes: number
  readonly #prepared: PreparedProgram
  /** Least recently useful first. */
  #kept: KeptState[] = []

  /** @throws FakError `PARAM_OUT_OF_RANGE` */
  constructor(prepared: PreparedProgram, { maxBytes = DEFAULT_MAX_BYTES }: StateCacheOptions = {}) {
    if (!(Number.isSafeInteger(maxBytes) && maxBytes >= 0)) {
      const reason = `maxBytes is ${maxBytes}, allowed: an integer from 0 to ${Number.MAX_SAFE_INTEGER}`
      throw new FakError('PARAM_OUT_OF_RANGE', { reason, field: 'maxBytes' })
    }
    this.#prepared = prepared
    this.maxBytes = maxBytes
  }

  /** How many states are kept. */
  get size(): number {
    return this.#kept.length
  }

  /** Bytes of all states of the prepared program, and of the logits that are kept with some. */
  get byteLength(): number {
    return this.#kept.reduce((sum, { row }) => sum + (row?.byteLength ?? 0), this.#prepared.stateBytes)
  }

  /** Whether this cache keeps states of `prepared`. */
  serves(prepared: PreparedProgram): boolean {
    return prepared === this.#prepared
  }

  /** The kept state with the most of these tokens, from the first one on; one with all of them counts if its logits are known. */
  longest(tokens: Uint32Array): KeptState | undefined {
    let best: KeptState | undefined
    for (const kept of this.#kept) {
      const { length } = kept.tokens
      if (length > tokens.length || (length === tokens.length && kept.row === null)) continue
      if (length > (best?.tokens.length ?? 0) && startsWith(tokens, kept.tokens)) best = kept
    }
    return best
  }

  /** The kept states whose tokens begin these, shortest first. */
  prefixesOf(tokens: Uint32Array): KeptState[] {
    const prefixes = this.#kept.filter((kept) => startsWith(tokens, kept.tokens))
    return prefixes.sort((a, b) => a.tokens.length - b.tokens.length)
  }

  /** Marks a kept state as useful just now. */
  touch(kept: KeptState): void {
    if (!this.#kept.includes(kept)) return
    this.#kept = [...this.#kept.filter((other) => other !== kept), kept]
  }

  /** Takes a state over and keeps it as long as there is room; one with the same tokens makes way. */
  async keep(kept: KeptState): Promise<void> {
    const same = this.#kept.filter((other) => sameTokens(other.tokens, kept.tokens))
    // Logits are worth more than none.
    const row = kept.row ?? same.find((other) => other.row !== null)?.row ?? null
    this.#kept = [...this.#kept.filter((other) => !same.includes(other)), { ...kept, row }]
    for (const { state } of same) await state.dispose()
    await this.makeRoom()
  }

  /** Drops states until the cap holds; a session calls it as its own state grows. */
  async makeRoom(): Promise<void> {
    while (this.#kept.length > 0 && this.byteLength > this.maxBytes) await this.#kept.shift()!.state.dispose()
  }

  /** Drops everything. */
  async clear(): Promise<void> {
    const states = this.#kept.map(({ state }) => state)
    this.#kept = []
    await Promise.all(states.map((state) => state.dispose()))
  }
}

/** How many of the first tokens are the same. */
export function commonLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.min(a.length, b.length)
  let length = 0
  while (length < most && a[length] === b[length]) length++
  return length
}

const startsWith = (tokens: Uint32Array, prefix: Uint32Array) => commonLength(tokens, prefix) === prefix.length
const sameTokens = (a: Uint32Array, b: Uint32Array) => a.length === b.length && startsWith(a, b)
