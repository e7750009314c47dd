// A sequence on the native executor: the position, who is running on it, and the native memory.

import type { SequenceState } from '@fak/graph'
import { FakError } from '@fak/tensor'
import type { NativeState } from './addon.js'
import { nativeFailure } from './errors.js'

type Adopt = (sequence: NativeSequence) => void

/** Made by the prepared program that owns it; see {@link SequenceState}. */
export class NativeSequence implements SequenceState {
  readonly #native: NativeState
  readonly #adopt: Adopt
  #position: number
  #running: Promise<unknown> | undefined
  #disposed = false

  /** @param adopt Told of every fork. */
  constructor(native: NativeState, adopt: Adopt, position = 0) {
    this.#native = native
    this.#adopt = adopt
    this.#position = position
    adopt(this)
  }

  get position(): number {
    return this.#position
  }

  get byteLength(): number {
    return this.#disposed ? 0 : this.#native.byteLength
  }

  get lost(): boolean {
    return !this.#disposed && this.#native.lost
  }

  fork(): NativeSequence {
    this.#assertIdle()
    if (this.lost) {
      throw new FakError('STATE_LOST', {
        reason: 'a step failed half-way; there is no state to fork until it is reset',
      })
    }
    try {
      return new NativeSequence(this.#native.fork(this.#position), this.#adopt, this.#position)
    } catch (cause) {
      throw nativeFailure(cause)
    }
  }

  reset(): void {
    this.#assertIdle()
    this.#native.reset()
    this.#position = 0
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await this.#running?.catch(() => {})
    this.#native.dispose()
  }

  /** Lends the native state to one step and moves the position on if it succeeds. */
  async advance<T>(tokens: number, step: (native: NativeState) => Promise<T>): Promise<T> {
    this.#assertIdle()
    const running = step(this.#native)
    this.#running = running
    try {
      const result = await running
      this.#position += tokens
      return result
    } finally {
      this.#running = undefined
    }
  }

  #assertIdle(): void {
    if (this.#disposed) throw new FakError('DISPOSED', { reason: 'the sequence state has been disposed of' })
    if (this.#running !== undefined) {
      throw new FakError('STATE_BUSY', { reason: 'a step is running on this sequence state' })
    }
  }
}
