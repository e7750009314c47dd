// One pass: the steps of some sequences on their way through one native call, and what each of them gets back.

import type { Program, Step, StepResult, ValueId } from '@fak/graph'
import { FakError } from '@fak/tensor'
import type { NativeRequest, NativeState } from './addon.js'
import { errorOf, neverBegan } from './errors.js'

/** A step in the pass, and who waits for it. */
interface Joined {
  readonly request: NativeRequest
  readonly signal: AbortSignal | undefined
  /** Rows of inputs that it brings. */
  readonly given: ReadonlyMap<ValueId, Float32Array>
  resolve(result: StepResult): void
  reject(error: unknown): void
}

/** What {@link Pass.settle} takes results from. */
interface Results {
  /** Of outputs and taps: the rows of all sequences that began. */
  readonly arrays: ReadonlyMap<ValueId, Float32Array>
  readonly taps: ReadonlyMap<string, ValueId>
  /** Mapped weight files. */
  readonly files: readonly string[]
}

/** A run of rows in the arrays of a pass. */
interface Rows {
  readonly T: { readonly first: number; readonly count: number }
  readonly R: { readonly first: number; readonly count: number }
}

/** See the file's header. Steps join until it is run. */
export class Pass {
  readonly #program: Program
  readonly #joined: Joined[] = []
  #tokens = 0
  #rows = 0

  constructor(program: Program) {
    this.#program = program
  }

  get empty(): boolean {
    return this.#joined.length === 0
  }

  get requests(): NativeRequest[] {
    return this.#joined.map(({ request }) => request)
  }

  /** For a profile. */
  get size(): { sequences: number; tokens: number; rows: number; position: number } {
    const position = this.#joined[0]!.request.position
    return { sequences: this.#joined.length, tokens: this.#tokens, rows: this.#rows, position }
  }

  /** Resolves when the pass is over. `rows`: R. */
  async add(
    { state: { position }, tokens, ...step }: Step,
    state: NativeState,
    rows: number,
    given: ReadonlyMap<ValueId, Float32Array>,
  ): Promise<StepResult> {
    const signal = tokens.length > 1 ? step.signal : undefined
    const abort = signal === undefined ? undefined : new Int32Array([signal.aborted ? 1 : 0])
    this.#tokens += tokens.length
    this.#rows += rows
    const onAbort = () => Atomics.store(abort!, 0, 1)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await new Promise<StepResult>((resolve, reject) => {
        this.#joined.push({ request: { state, position, tokens, rows, abort }, signal, given, resolve, reject })
      })
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Room for the rows of all sequences, with those of an input in their places. @throws FakError `OUT_OF_MEMORY` */
  arrayFor(id: ValueId): Float32Array {
    const [dim, columns] = this.#shapeOf(id)
    const floats = (dim === 'T' ? this.#tokens : dim === 'R' ? this.#rows : dim) * columns
    const given = this.#joined.flatMap((one) => one.given.get(id) ?? [])
    if (given.length === 1 && given[0]!.length === floats) return given[0]!
    try {
      const array = new Float32Array(floats)
      let at = 0
      for (const part of given) {
        array.set(part, at)
        at += part.length
      }
      return array
    } catch (cause) {
      throw new FakError('OUT_OF_MEMORY', { reason: `no room for ${floats} floats of results`, cause })
    }
  }

  /** Gives everyone what came of it. */
  settle(outcomes: Int32Array, results: Results): void {
    const began = outcomes.filter((outcome, i) => i % 2 === 0 && !neverBegan(outcome)).length
    let [T, R] = [0, 0]
    for (const [i, { request, signal, resolve, reject }] of this.#joined.entries()) {
      const [outcome, op] = [outcomes[2 * i]!, outcomes[2 * i + 1]!]
      const error = errorOf(outcome, op, this.#program, { files: results.files, signal })
      const { tokens, rows: count } = request
      const rows = { T: { first: T, count: tokens.length }, R: { first: R, count } }
      if (error !== undefined) reject(error)
      else resolve(this.#resultOf(rows, results, began > 1))
      if (neverBegan(outcome)) continue
      T += tokens.length
      R += count
    }
  }

  /** Nobody gets anything. */
  fail(error: unknown): void {
    for (const { reject } of this.#joined) reject(error)
  }

  /** @param shared Whether the arrays hold rows of others as well. */
  #resultOf(rows: Rows, { arrays, taps }: Results, shared: boolean): StepResult {
    const taken = new Set<ValueId>()
    const take = (id: ValueId): Float32Array => {
      const array = arrays.get(id)!
      // Two names for one value get an array each.
      const first = !taken.has(id)
      taken.add(id)
      const [dim, columns] = this.#shapeOf(id)
      const part = typeof dim === 'number' ? { first: 0, count: dim } : rows[dim]
      if (!shared && first && part.count * columns === array.length) return array
      return array.slice(part.first * columns, (part.first + part.count) * columns)
    }
    return {
      outputs: Object.fromEntries(Object.entries(this.#program.outputs).map(([name, id]) => [name, take(id)])),
      taps: new Map([...taps].map(([label, id]) => [label, take(id)])),
    }
  }

  #shapeOf(id: ValueId): readonly [number | 'T' | 'R', number] {
    return this.#program.values[id]!.shape as readonly [number | 'T' | 'R', number]
  }
}
