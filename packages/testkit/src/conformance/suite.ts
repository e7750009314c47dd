// One suite for every executor: the cases against an expected executor, and the laws that hold whatever the numbers are.

import type { Executor, PreparedProgram, SequenceState } from '@fak/graph'
import { difference } from '@fak/graph/compare'
import { ReferenceExecutor } from '@fak/graph/reference'
import { sameBits } from '../compare.js'
import { CONFORMANCE_MAX_TOKENS, type ConformanceCase, conformanceCases } from './cases.js'

/** How close an executor must come, and to what. */
export interface ConformanceOptions {
  /**
   * Largest allowed distance of a row, measured against its largest magnitude; 0 means the same bits. A function may give each case
   * its own, for example where a kernel quantizes activations.
   */
  readonly tolerance: number | ((conformanceCase: ConformanceCase) => number)
  /** Whom to agree with. Default: the reference executor. */
  readonly expected?: () => Executor | Promise<Executor>
  /** Cases that are known not to hold, by name, each with its reason. A case that holds after all fails, so that its mark goes. */
  readonly skip?: Readonly<Record<string, string>>
}

/** Registers one test, as `it` and `test` of the common runners do. */
export type RegisterTest = (name: string, run: () => Promise<void>) => void

/**
 * Registers a test for every conformance case: outputs agree with the expected executor within the tolerance, and every other way to cut
 * the same tokens into steps gives the same bits.
 *
 * ```ts
 * describe('native', () => executorConformance(it, () => nativeExecutor(), { tolerance: 1e-4 }))
 * ```
 */
export function executorConformance(
  test: RegisterTest,
  makeExecutor: () => Executor | Promise<Executor>,
  options: ConformanceOptions,
): void {
  const makeExpected = options.expected ?? (() => new ReferenceExecutor())
  for (const each of conformanceCases()) {
    const reason = options.skip?.[each.name]
    test(reason === undefined ? each.name : `${each.name} is known to differ: ${reason}`, async () => {
      const failure = await check(each, await makeExecutor(), await makeExpected(), options).catch((error) => error)
      if (reason === undefined && failure !== undefined) throw failure
      if (reason !== undefined && failure === undefined) throw new Error(`holds after all; remove its mark (${reason})`)
    })
  }
}

async function check(
  each: ConformanceCase,
  executor: Executor,
  expectedExecutor: Executor,
  { tolerance }: ConformanceOptions,
): Promise<void> {
  const kvCache = each.kvCache === undefined ? {} : { kvCache: each.kvCache }
  const prepare = (on: Executor) =>
    on.prepare(each.program, each.weights, { maxTokens: CONFORMANCE_MAX_TOKENS, ...kvCache })
  const [prepared, expectedPrepared] = [await prepare(executor), await prepare(expectedExecutor)]
  try {
    const actual = await rowsOf(prepared, each.steps)
    const expected = await rowsOf(expectedPrepared, each.steps)
    const columns = Number(each.program.values[each.program.outputs.y!]!.shape[1])
    const allowed = typeof tolerance === 'number' ? tolerance : tolerance(each)
    const { error, at } = difference(expected, actual, columns)
    if (!(allowed === 0 ? sameBits(actual, expected) : error <= allowed)) {
      throw new Error(
        `row error ${error} is above ${allowed}; row ${at?.row}, column ${at?.column} is ${at?.actual}, expected ${at?.expected}`,
      )
    }
    for (const sizes of [[1], [64], [7, 1, 65, 3]]) {
      if (sameBits(await rowsOf(prepared, recut(each.steps, sizes)), actual)) continue
      throw new Error(
        `steps of ${sizes.join(', ')} tokens give other bits than steps of ${each.steps.map((s) => s.length).join(', ')}`,
      )
    }
    if (!(await forksHold(prepared, each.steps))) {
      throw new Error('a fork and its original, run by turns with other tokens, give other bits than each alone')
    }
    if (!(await restoresHold(prepared, each.steps))) {
      throw new Error('a state that was read and restored goes on to other bits')
    }
    if (!(await batchesHold(prepared, each.steps))) {
      throw new Error(
        'sequences that share passes, among them a fork, one that fails and one that is aborted, give other bits than alone',
      )
    }
  } finally {
    await Promise.all([prepared.dispose(), expectedPrepared.dispose()])
  }
}

/**
 * Whether two sequences that part after the first step, and go on by turns with different tokens, give the bits that each gives alone;
 * and whether the memory of all goes back.
 */
async function forksHold(prepared: PreparedProgram, [first, ...later]: readonly Uint32Array[]): Promise<boolean> {
  const before = prepared.stateBytes
  const turned = later.map((step) => step.toReversed())
  const expected = [await rowsOf(prepared, [first!, ...later]), await rowsOf(prepared, [first!, ...turned])]
  const state = prepared.createState()
  const start = await run(prepared, state, first!)
  const fork = state.fork()
  const [rows, forked] = [[...start], [...start]]
  for (const [i, step] of later.entries()) {
    rows.push(...(await run(prepared, state, step)))
    forked.push(...(await run(prepared, fork, turned[i]!)))
  }
  await Promise.all([state.dispose(), fork.dispose()])
  return (
    [rows, forked].every((all, i) => sameBits(Float32Array.from(all), expected[i]!)) && prepared.stateBytes === before
  )
}

/**
 * Whether a state that was read after the first step goes on as one that was never read: restored from all its bytes, and with the cache
 * rows of the sequence that has gone on meanwhile; and whether the memory of all goes back.
 */
async function restoresHold(prepared: PreparedProgram, [first, ...later]: readonly Uint32Array[]): Promise<boolean> {
  const before = prepared.stateBytes
  const turned = later.map((step) => step.toReversed())
  const expected = [await rowsOf(prepared, [first!, ...later]), await rowsOf(prepared, [first!, ...turned])]
  const original = prepared.createState()
  const start = await run(prepared, original, first!)
  const { position } = original
  const arrays = prepared.stateArrays.map((_, i) => original.read(i))
  const read = (index: number) => arrays[index]!
  for (const step of later) await run(prepared, original, step)

  const whole = await prepared.restoreState({ position, read })
  const beside = await prepared.restoreState({ position, read, caches: original })
  const rest = async (state: SequenceState, steps: readonly Uint32Array[]) => {
    const rows = [...start]
    for (const step of steps) rows.push(...(await run(prepared, state, step)))
    return Float32Array.from(rows)
  }
  const actual = [await rest(whole, later), await rest(beside, turned)]
  await Promise.all([original, whole, beside].map((state) => state.dispose()))
  return actual.every((rows, i) => sameBits(rows, expected[i]!)) && prepared.stateBytes === before
}

/**
 * Whether sequences in steps of different sizes, a fork among them, have the bits in shared passes that each has alone, beside one with a
 * token that does not exist and one that is aborted; and whether the memory of all goes back.
 */
async function batchesHold(prepared: PreparedProgram, steps: readonly Uint32Array[]): Promise<boolean> {
  const { runBatch } = prepared
  if (runBatch === undefined) return true
  const before = prepared.stateBytes
  const [whole, turned] = [steps, steps.map((step) => step.toReversed())]
  const sequences = [
    { todo: recut(whole, [1]), all: whole },
    { todo: recut(turned, [11, 1]), all: turned },
    { todo: recut(whole, [1, 3]), all: whole },
  ].map((sequence) => ({ ...sequence, state: prepared.createState(), rows: [] as number[] }))
  const bad = prepared.createState()
  for (let forked = false; sequences.some(({ todo }) => todo.length > 0); ) {
    const live = sequences.filter(({ todo }) => todo.length > 0)
    const some = live[0]!.todo[0]!
    const outcomes = await runBatch.call(prepared, [
      ...live.map(({ state, todo }) => ({ state, tokens: todo[0]!, rows: todo[0]!.length })),
      { state: bad, tokens: Uint32Array.of(2 ** 32 - 1) },
      { state: bad, tokens: Uint32Array.of(some[0]!, some[0]!), signal: AbortSignal.abort() },
    ])
    if (outcomes.splice(live.length).some(({ status }) => status !== 'rejected') || bad.position > 0) return false
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected') return false
      live[i]!.todo.shift()
      for (const x of outcome.value.outputs.y!) live[i]!.rows.push(x)
    }
    const { todo, all, state, rows } = sequences[0]!
    if (!forked) sequences.push({ todo: [...todo], all, state: state.fork(), rows: [...rows] })
    forked = true
  }
  for (const { state } of sequences) await state.dispose()
  await bad.dispose()
  for (const { all, rows } of sequences)
    if (!sameBits(Float32Array.from(rows), await rowsOf(prepared, all))) return false
  return prepared.stateBytes === before
}

async function run(prepared: PreparedProgram, state: SequenceState, tokens: Uint32Array): Promise<Float32Array> {
  return (await prepared.run({ state, tokens, rows: tokens.length })).outputs.y!
}

/** All rows of `y` for consecutive steps on one fresh sequence. */
async function rowsOf(prepared: PreparedProgram, steps: readonly Uint32Array[]): Promise<Float32Array> {
  const state = prepared.createState()
  const rows: number[] = []
  for (const tokens of steps) {
    for (const x of await run(prepared, state, tokens)) rows.push(x)
  }
  await state.dispose()
  return Float32Array.from(rows)
}

/** The same tokens in steps of the given sizes, over and over. */
function recut(steps: readonly Uint32Array[], sizes: readonly number[]): Uint32Array[] {
  const all = Uint32Array.from(steps.flatMap((step) => [...step]))
  const cut: Uint32Array[] = []
  for (let start = 0, i = 0; start < all.length; i++) {
    const size = sizes[i % sizes.length]!
    cut.push(all.slice(start, start + size))
    start += size
  }
  return cut
}
