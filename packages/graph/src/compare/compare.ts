// Where do two executors part? Every value of a run put side by side, in the order of the ops, and each op judged by its own error: what
// it makes of the values that it was really given, beside what the trusted executor makes of the same values. The error that the values
// had before is not its fault.

import { FakError } from '@fak/tensor'
import type { OpNode, Program, ValueId } from '../program.js'
import { type Difference, type DifferingElement, difference } from './difference.js'
import { isolate } from './isolate.js'
import { firstOps, type Pair, pairPrograms } from './pair.js'
import { type CompareSide, readTaps, type Values } from './run.js'
import { type ComparedOp, defaultTolerance, matrixTypes } from './tolerance.js'

/** Choices of {@link compare}. */
export interface CompareOptions {
  /** Token ids of one step, or of several in a row. */
  readonly tokens: Uint32Array | readonly Uint32Array[]
  /** Largest own error that is no drift, for all ops or by op; 0 demands the same bits. Default {@link defaultTolerance}. */
  readonly tolerance?: number | ((op: ComparedOp) => number)
  /** Largest accumulated error; the first op beyond it is {@link Comparison.grown}. Default: any. */
  readonly accumulated?: number
  /** Compare every op, not only those up to the first drift. */
  readonly all?: boolean
  /**
   * Bytes of op outputs that one executor returns in one pass, at least one op's; default 128 MiB. When the outputs of all ops take
   * more, they are compared in several passes, and each runs the ops before it again. Some six times as much is used at the peak: the
   * values of both sides, what their ops read, and the executors' arenas.
   */
  readonly maxBytes?: number
  /**
   * For values whose columns stand in another order in `b`: by label of an op's output, for each column of `a` the column of `b` that
   * means the same.
   */
  readonly columnOrder?: (label: string) => Uint32Array | undefined
  readonly signal?: AbortSignal
  /** Sees how many of the ops have been compared, and what is being run. */
  readonly onProgress?: (done: number, total: number, running: string) => void
}

/** One op in both runs. Rows of a {@link Difference} are positions in the sequence; `a` is what is expected. */
export interface OpComparison extends ComparedOp {
  /** In {@link Program.ops}. */
  readonly index: number
  /** The outputs of the two runs: errors of all ops before, and this one's. */
  readonly accumulated: Difference
  /**
   * The output in `b` against what `a` makes of `b`'s inputs: this op's fault alone, its states included. The accumulated difference for
   * an op that reads the tokens or shares a state with another op, which cannot be run alone.
   */
  readonly own: Difference
  readonly tolerance: number
}

/** An op that gave NaN or infinity, where that ended a run. */
export interface NonFiniteOp extends ComparedOp {
  readonly index: number
  /** In which of the runs. */
  readonly side: 'a' | 'b' | 'both'
  /** The element and what the other run has there, where both runs returned the value. */
  readonly at?: DifferingElement
}

/** What {@link compare} found. */
export interface Comparison {
  /** The ops compared, in order: all of them, or those of the passes up to the first drift. */
  readonly ops: readonly OpComparison[]
  /** The first op in order of execution that drifts: its own error is beyond its tolerance. */
  readonly drift?: OpComparison
  /** The first op whose accumulated error is beyond {@link CompareOptions.accumulated}. */
  readonly grown?: OpComparison
  /** Where a run ended early; a drift when only one did, and what follows could not be compared. */
  readonly nonFinite?: NonFiniteOp
  /** Of the ops compared up to `grown`, the one whose own error is largest beside its tolerance: where to look when none drifts. */
  readonly suspect?: OpComparison
}

const DEFAULT_MAX_BYTES = 128 * 2 ** 20

/**
 * Runs a Program on two executors and reports the first op that drifts.
 *
 * ```ts
 * const { drift } = await compare(program, { executor: reference, weights }, { executor: native, weights }, { tokens })
 * if (drift) console.log(drift.label, drift.own.error, drift.own.at)
 * ```
 *
 * @param a The side to trust, such as the reference executor: it also runs single ops on the other's values.
 * @param b The side to judge.
 * @throws FakError `COMPARE_MISMATCH` for programs that are not of one model, `COMPARE_NO_TOKENS`, `ABORTED`, and what preparing and
 * running throws, except `NON_FINITE`, which is a finding.
 */
export async function compare(
  program: Program,
  a: CompareSide,
  b: CompareSide,
  options: CompareOptions,
): Promise<Comparison> {
  const steps = options.tokens instanceof Uint32Array ? [options.tokens] : options.tokens
  if (steps.length === 0 || steps.some((tokens) => tokens.length === 0)) {
    throw new FakError('COMPARE_NO_TOKENS', { reason: 'a comparison needs steps of 1 or more tokens', field: 'tokens' })
  }
  const pair = pairPrograms(a.program ?? program, b.program ?? program)
  return new Run(pair, a, b, steps, options).all()
}

/** One comparison on its way. */
class Run {
  readonly #ops: OpComparison[] = []
  /** Ops whose outputs are the same bits on both sides. */
  readonly #same = new Set<number>()
  readonly #sharedStates: ReadonlySet<number>
  readonly #rows: number

  constructor(
    readonly pair: Pair,
    readonly a: CompareSide,
    readonly b: CompareSide,
    readonly steps: readonly Uint32Array[],
    readonly options: CompareOptions,
  ) {
    this.#rows = steps.reduce((sum, tokens) => sum + tokens.length, 0)
    const seen = new Set<number>()
    this.#sharedStates = new Set(pair.a.ops.flatMap((op) => op.states.filter((i) => seen.size === seen.add(i).size)))
  }

  async all(): Promise<Comparison> {
    const { ops } = this.pair.a
    let nonFinite: NonFiniteOp | undefined
    let end = ops.length
    for (let begin = 0; begin < end; begin = this.#ops.length) {
      const failure = await this.#pass(begin, Math.min(end, this.#windowEnd(begin)))
      if (failure !== undefined) {
        nonFinite = failure
        end = failure.index
      } else if (this.options.all !== true && this.#ops.some(drifts)) {
        return this.#result(undefined)
      }
    }
    return this.#result(nonFinite)
  }

  #result(nonFinite: NonFiniteOp | undefined): Comparison {
    const ops = this.#ops
    const drift = ops.find(drifts)
    const { accumulated = Infinity } = this.options
    const grown = ops.find((op) => op.accumulated.error > accumulated)
    const differing = ops.slice(0, grown && grown.index + 1).filter((op) => op.own.differing > 0)
    const suspect = differing.reduce<OpComparison | undefined>(
      (most, op) => (most === undefined || excess(op) > excess(most) ? op : most),
      undefined,
    )
    return {
      ops,
      ...(drift && { drift }),
      ...(grown && { grown }),
      ...(nonFinite && { nonFinite }),
      ...(suspect && { suspect }),
    }
  }

  /** Compares ops `begin` to `end` - 1, or says which op ended a run before them all were done. */
  async #pass(begin: number, end: number): Promise<NonFiniteOp | undefined> {
    const { a } = this.pair
    const indices = Array.from({ length: end - begin }, (_, i) => begin + i)
    const read = new Set(indices.flatMap((index) => this.#readBy(a.ops[index]!)))
    const fromB = [...new Set([...indices, ...read])].sort((x, y) => x - y)
    this.#progress(begin, end, 0, this.a.executor.description)
    const valuesA = await this.#values('a', end, indices)
    this.#progress(begin, end, 1, this.b.executor.description)
    const valuesB = await this.#values('b', end, fromB)
    const [failedA, failedB] = [firstNonFinite(valuesA), firstNonFinite(valuesB)]
    const failed = Math.min(failedA, failedB)
    if (failed !== Infinity || typeof valuesA === 'number' || typeof valuesB === 'number') {
      const side = failedA > failed ? 'b' : failedB > failed ? 'a' : 'both'
      const [inA, inB] = [valuesA, valuesB].map((values) => (values instanceof Map ? values.get(failed) : undefined))
      const at = inA && inB && difference(inA, inB, this.#columns(failed)).at
      return { ...this.#describe(failed), index: failed, side, ...(at && { at }) }
    }
    const accumulated = new Map(
      indices.map((index) => [index, difference(valuesA.get(index)!, valuesB.get(index)!, this.#columns(index))]),
    )
    for (const [index, { differing }] of accumulated) if (differing === 0) this.#same.add(index)

    const alone = indices.filter((index) => this.#canRunAlone(index) && !this.#readsTheSame(index))
    this.#progress(begin, end, 2, 'single ops')
    const remade = await this.#remake(alone, valuesB)
    for (const index of indices) {
      const values = remade.get(index)
      const both = accumulated.get(index)!
      const own = values === undefined ? both : difference(values, valuesB.get(index)!, this.#columns(index))
      const described = this.#describe(index)
      const { tolerance = defaultTolerance } = this.options
      const allowed = typeof tolerance === 'number' ? tolerance : tolerance(described)
      this.#ops.push({ ...described, index, accumulated: both, own, tolerance: allowed })
    }
    this.#progress(end, end, 0, 'done')
    return undefined
  }

  /** Outputs of ops by index, in `a`'s order of columns; or the index of the op that gave a value that is not finite. */
  async #values(side: 'a' | 'b', end: number, indices: readonly number[]): Promise<Map<number, Float32Array> | number> {
    const program = this.pair[side]
    const labelOf = (index: number) => program.values[program.ops[index]!.output]!.label
    let taps: Values
    try {
      taps = await readTaps(this[side], firstOps(program, end), this.steps, indices.map(labelOf), this.options)
    } catch (error) {
      const failed = failedOp(error, program)
      if (failed === undefined) throw error
      return failed
    }
    return new Map(
      indices.map((index) => {
        const values = taps.get(labelOf(index))!
        const order = side === 'b' ? this.options.columnOrder?.(labelOf(index)) : undefined
        return [index, order === undefined ? values : reordered(values, order)]
      }),
    )
  }

  /** What `a` makes of `b`'s values, by index of the op. Where that is not finite, NaN. */
  async #remake(
    indices: readonly number[],
    valuesB: ReadonlyMap<number, Float32Array>,
  ): Promise<Map<number, Float32Array>> {
    if (indices.length === 0) return new Map()
    const { a, writerOf } = this.pair
    const given = (id: ValueId) => valuesB.get(writerOf.get(id)!)!
    const { program, weights } = isolate(a, indices, this.a.weights, given)
    let position = 0
    const steps = this.steps.map(({ length }) => Uint32Array.from({ length }, () => position++))
    const labels = indices.map((index) => a.values[a.ops[index]!.output]!.label)
    try {
      const values = await readTaps({ ...this.a, weights }, program, steps, labels, this.options)
      return new Map(indices.map((index, i) => [index, values.get(labels[i]!)!]))
    } catch (error) {
      const failed = failedOp(error, a)
      if (failed === undefined || !indices.includes(failed)) throw error
      const others = indices.filter((index) => index !== failed)
      const nothing = new Float32Array(valuesB.get(failed)!.length).fill(Number.NaN)
      return (await this.#remake(others, valuesB)).set(failed, nothing)
    }
  }

  /** One past the last op whose output fits into a pass that begins at `begin`. */
  #windowEnd(begin: number): number {
    const { maxBytes = DEFAULT_MAX_BYTES } = this.options
    const size = (index: number) => this.#rows * this.#columns(index) * Float32Array.BYTES_PER_ELEMENT
    let end = begin + 1
    let bytes = size(begin)
    while (end < this.pair.a.ops.length && bytes + size(end) <= maxBytes) bytes += size(end++)
    return end
  }

  #describe(index: number): ComparedOp {
    const [a, b] = [this.pair.a, this.pair.b]
    const { kind, output } = a.ops[index]!
    const dtypes = [...new Set([...matrixTypes(a, a.ops[index]!), ...matrixTypes(b, b.ops[index]!)])]
    return { label: a.values[output]!.label, kind, columns: this.#columns(index), dtypes }
  }

  #columns(index: number): number {
    const { a } = this.pair
    return Number(a.values[a.ops[index]!.output]!.shape[1])
  }

  /** Indices of the ops that wrote what an op reads. */
  #readBy(op: OpNode): number[] {
    return op.inputs.flatMap((id) => this.pair.writerOf.get(id) ?? [])
  }

  #readsTheSame(index: number): boolean {
    return this.#readBy(this.pair.a.ops[index]!).every((writer) => this.#same.has(writer))
  }

  #canRunAlone(index: number): boolean {
    const { a } = this.pair
    const { inputs, states } = a.ops[index]!
    return (
      inputs.every((id) => a.values[id]!.kind !== 'tokens') && states.every((state) => !this.#sharedStates.has(state))
    )
  }

  #progress(begin: number, end: number, thirds: number, running: string): void {
    this.options.onProgress?.(begin + ((end - begin) * thirds) / 3, this.pair.a.ops.length, running)
  }
}

/** Whether an op's own error is beyond its tolerance; a tolerance of 0 is about bits. */
const drifts = ({ own, tolerance }: OpComparison): boolean =>
  tolerance === 0 ? own.differing > 0 : !(own.error <= tolerance)

/** An op's own error in units of its tolerance; the error itself where none is allowed. */
const excess = ({ own, tolerance }: OpComparison): number => (tolerance === 0 ? own.error : own.error / tolerance)

/** The lowest op with a value that is not finite, or that ended the run. */
function firstNonFinite(values: ReadonlyMap<number, Float32Array> | number): number {
  if (typeof values === 'number') return values
  const broken = [...values].filter(([, array]) => !array.every(Number.isFinite))
  return Math.min(Infinity, ...broken.map(([index]) => index))
}

/** The op that a run's `NON_FINITE` error names. */
function failedOp(error: unknown, program: Program): number | undefined {
  if (!FakError.isInstance(error, 'NON_FINITE')) return undefined
  const index = program.ops.findIndex((op) => op.label === error.field)
  return index < 0 ? undefined : index
}

function reordered(values: Float32Array, order: Uint32Array): Float32Array {
  const columns = order.length
  const out = new Float32Array(values.length)
  for (let row = 0; row < values.length; row += columns) {
    for (let c = 0; c < columns; c++) out[row + c] = values[row + order[c]!]!
  }
  return out
}
