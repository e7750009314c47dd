// State of one sequence on the reference executor: plain arrays, grown as the sequence grows.

import { FakError } from '@fak/tensor'
import type { SequenceState, StateArray, StateContent } from '../executor.js'
import type { StateInfo } from '../program.js'
import { readStateArray } from '../state-arrays.js'

const elements = (info: StateInfo) => info.shape.reduce((product, dimension) => product * dimension, 1)

/** How the reference holds states: everything in F32. */
export function referenceArrays(infos: readonly StateInfo[]): readonly StateArray[] {
  return infos.map(({ label, kind, shape }) => ({ label, kind, dtype: 'F32', shape }))
}

/** `length` zeros. @throws FakError `OUT_OF_MEMORY` */
export function allocate(length: number): Float32Array {
  try {
    return new Float32Array(length)
  } catch (cause) {
    throw new FakError('OUT_OF_MEMORY', { reason: `no room for ${length} floats`, cause })
  }
}

/** The sequences of one prepared program. Those that nobody refers to any more leave by themselves. */
export class StateFamily {
  readonly #members = new WeakSet<ReferenceState>()
  readonly #refs = new Set<WeakRef<ReferenceState>>()

  add(state: ReferenceState): void {
    this.#members.add(state)
    this.#refs.add(new WeakRef(state))
  }

  has(state: ReferenceState): boolean {
    return this.#members.has(state)
  }

  get byteLength(): number {
    let sum = 0
    for (const ref of this.#refs) {
      const state = ref.deref()
      if (state === undefined || state.disposed) this.#refs.delete(ref)
      else sum += state.byteLength
    }
    return sum
  }
}

/** Made by the prepared program that owns it; see {@link SequenceState}. */
export class ReferenceState implements SequenceState {
  readonly #infos: readonly StateInfo[]
  readonly #family: StateFamily
  #arrays: Float32Array[]
  /** Never: a step works on copies. */
  readonly lost = false
  #position = 0
  #running: Promise<unknown> | undefined
  #disposed = false

  /** @param family The sequences of the prepared program; the new one joins them. */
  constructor(infos: readonly StateInfo[], family: StateFamily) {
    this.#infos = infos
    this.#family = family
    this.#arrays = this.#fresh()
    family.add(this)
  }

  get position(): number {
    return this.#position
  }

  get disposed(): boolean {
    return this.#disposed
  }

  get byteLength(): number {
    return this.#arrays.reduce((sum, array) => sum + array.byteLength, 0)
  }

  fork(): ReferenceState {
    this.#assertIdle()
    const fork = new ReferenceState(this.#infos, this.#family)
    // A step never writes into the recurrent arrays that it was lent, so they need no copy.
    fork.#arrays = this.#infos.map((info, i) => {
      const held = this.#arrays[i]!
      return info.kind === 'recurrent' ? held : held.slice(0, this.#position * elements(info))
    })
    fork.#position = this.#position
    return fork
  }

  read(index: number): Uint8Array {
    this.#assertIdle()
    const info = this.#infos[index]!
    const length = info.kind === 'recurrent' ? elements(info) : this.#position * elements(info)
    return new Uint8Array(this.#arrays[index]!.slice(0, length).buffer)
  }

  /** See {@link PreparedProgram.restoreState}: fills this state, which nobody uses yet. */
  async restore(content: StateContent): Promise<void> {
    const { position, caches } = content
    const arrays = referenceArrays(this.#infos)
    for (const [i, { kind }] of arrays.entries()) {
      const rows = kind === 'kv' && caches instanceof ReferenceState ? caches : undefined
      const bytes = rows === undefined ? await readStateArray(content, arrays, i) : rows.#rows(i, position)
      this.#arrays[i] = new Float32Array(bytes.slice().buffer)
    }
    this.#position = position
  }

  #rows(index: number, position: number): Uint8Array {
    this.#assertIdle()
    if (position > this.#position) {
      const reason = `the state whose caches are to be used has ${this.#position} positions, not ${position}`
      throw new FakError('STATE_MISMATCH', { reason, field: 'caches' })
    }
    return new Uint8Array(this.#arrays[index]!.slice(0, position * elements(this.#infos[index]!)).buffer)
  }

  reset(): void {
    this.#assertIdle()
    this.#arrays = this.#fresh()
    this.#position = 0
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    await this.#running?.catch(() => {})
    this.#arrays = []
  }

  /**
   * Lends the arrays to one step of `tokens` tokens and keeps what it wrote only if it succeeds. Recurrent arrays are copies; cache
   * rows beyond the position do not count, so caches are lent as they are.
   */
  async advance<T>(tokens: number, step: (arrays: readonly Float32Array[]) => Promise<T>): Promise<T> {
    this.#assertIdle()
    const run = async () => {
      const arrays = this.#infos.map((info, i) => this.#lend(info, this.#arrays[i]!, tokens))
      const result = await step(arrays)
      this.#arrays = arrays
      this.#position += tokens
      return result
    }
    this.#running = run()
    try {
      return (await this.#running) as T
    } finally {
      this.#running = undefined
    }
  }

  #lend(info: StateInfo, held: Float32Array, tokens: number): Float32Array {
    if (info.kind === 'recurrent') return held.slice()
    const needed = (this.#position + tokens) * elements(info)
    if (needed <= held.length) return held
    const grown = allocate(Math.max(needed, 2 * held.length))
    grown.set(held)
    return grown
  }

  #fresh(): Float32Array[] {
    return this.#infos.map((info) => allocate(info.kind === 'recurrent' ? elements(info) : 0))
  }

  #assertIdle(): void {
    if (this.#disposed) throw new FakError('DISPOSED', { reason: 'the sequence state has been disposed of' })
    if (this.#running !== undefined) {
      throw new FakError('STATE_BUSY', { reason: 'a step is running on this sequence state' })
    }
  }
}
