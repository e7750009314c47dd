// A sequence on the native executor: the position, who is running on it, and the native memory.

import {
  type KvCacheType,
  type Program,
  readStateArray,
  type SequenceState,
  type StateArray,
  type StateContent,
  stateArrayBytes,
} from '@fak/graph'
import { FakError } from '@fak/tensor'
import type { NativeState } from './addon.js'
import { headsOf } from './encode.js'
import { nativeFailure } from './errors.js'

/** How states are held: recurrent arrays in F32; rows of caches as asked, those of Q8_0 with whole blocks for every head. */
export function stateArraysOf(program: Program, kvCache: KvCacheType): readonly StateArray[] {
  return program.states.map(({ label, kind, shape }, id): StateArray => {
    if (kind !== 'kv' || kvCache === 'f32') return { label, kind, dtype: 'F32', shape }
    if (kvCache === 'f16') return { label, kind, dtype: 'F16', shape }
    const heads = headsOf(program, id)
    return { label, kind, dtype: 'Q8_0', shape: [heads, Math.ceil(shape[0]! / heads / 32) * 32] }
  })
}

type Adopt = (sequence: NativeSequence) => void

/** Made by the prepared program that owns it; see {@link SequenceState}. */
export class NativeSequence implements SequenceState {
  readonly #native: NativeState
  readonly #arrays: readonly StateArray[]
  readonly #adopt: Adopt
  #position: number
  #running: Promise<unknown> | undefined
  #disposed = false

  /** @param adopt Told of every fork. */
  constructor(native: NativeState, arrays: readonly StateArray[], adopt: Adopt, position = 0) {
    this.#native = native
    this.#arrays = arrays
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
    return this.#forkAt(this.#position)
  }

  /** A sequence with the first `position` rows of the caches; its recurrent arrays are of this sequence's own position. */
  #forkAt(position: number): NativeSequence {
    this.#assertReadable()
    try {
      return new NativeSequence(this.#native.fork(position), this.#arrays, this.#adopt, position)
    } catch (cause) {
      throw nativeFailure(cause)
    }
  }

  read(index: number): Uint8Array {
    this.#assertReadable()
    const bytes = this.#bytesFor(index)
    this.#native.read(index, this.#position, bytes)
    return bytes
  }

  #bytesFor(index: number): Uint8Array {
    const length = stateArrayBytes(this.#arrays[index]!, this.#position)
    try {
      return new Uint8Array(length)
    } catch (cause) {
      throw new FakError('OUT_OF_MEMORY', { reason: `no room for ${length} bytes of state`, cause })
    }
  }

  /** See {@link PreparedProgram.restoreState}: fills this sequence, which is new and nobody else's yet. */
  async restore(content: StateContent): Promise<void> {
    this.#position = content.position
    for (const [i, { kind }] of this.#arrays.entries()) {
      if (kind === 'kv' && content.caches !== undefined) continue
      const bytes = await readStateArray(content, this.#arrays, i)
      try {
        if (kind === 'kv') this.#native.reserve(content.position)
      } catch (cause) {
        throw nativeFailure(cause)
      }
      this.#native.write(i, content.position, bytes)
    }
  }

  /** A sequence to restore into, with this one's first cache rows. @throws FakError `STATE_MISMATCH` when there are fewer */
  lendCaches(position: number): NativeSequence {
    if (position <= this.#position) return this.#forkAt(position)
    const reason = `the state whose caches are to be used has ${this.#position} positions, not ${position}`
    throw new FakError('STATE_MISMATCH', { reason, field: 'caches' })
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

  #assertReadable(): void {
    this.#assertIdle()
    if (!this.lost) return
    throw new FakError('STATE_LOST', {
      reason: 'a step failed half-way; there is no state to copy until it is reset',
    })
  }

  #assertIdle(): void {
    if (this.#disposed) throw new FakError('DISPOSED', { reason: 'the sequence state has been disposed of' })
    if (this.#running !== undefined) {
      throw new FakError('STATE_BUSY', { reason: 'a step is running on this sequence state' })
    }
  }
}
