// Several sequences in one pass: random schedules in which each sequence must get the bits that it gets alone, whoever joins, leaves,
// forks, is aborted or fails beside it. FAK_TEST_SCHEDULES says how many; the default is a slice.

import { KV_CACHE_TYPES, type PreparedProgram, type SequenceState, type Step } from '@fak/graph'
import { readWeight } from '@fak/tensor'
import { f32Tensor, Random, sameBits, tinyModel } from '@fak/testkit'
import { afterAll, describe, expect, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'
import { isas, logitsOf } from './helpers.js'

const MAX_TOKENS = 48
const SCHEDULES = Number(process.env.FAK_TEST_SCHEDULES ?? 24)
const BAD_TOKEN = 3

/** Models whose embedding has one row that is not a number. */
const models = [false, true].map((experts) => {
  const { program, weights, config } = tinyModel(9, { experts, dtype: experts ? 'Q8_0' : 'F32' })
  const embedding = program.ops.find(({ kind }) => kind === 'embedding')!
  const value = program.values[embedding.inputs[1]!]!
  return {
    program,
    weights,
    vocabulary: config.vocabularySize,
    embedding,
    table: value.kind === 'weight' ? value : undefined,
  }
})

const prepared = new Map<string, Promise<PreparedProgram>>()
afterAll(async () => {
  for (const one of prepared.values()) await (await one).dispose()
})

/** One of every kind of cache, model, instruction set and number of threads, kept for the next schedule. */
function prepare(seed: number) {
  const [model, kvCache] = [models[seed % 2]!, KV_CACHE_TYPES[seed % 3]!]
  const [isa, threads] = [isas[Math.floor(seed / 2) % isas.length]!, 1 + (Math.floor(seed / 4) % 3)]
  const key = `${seed % 2 === 1 ? 'experts' : 'dense'}, ${kvCache}, ${isa}, ${threads} threads`
  if (!prepared.has(key)) {
    const executor = new NativeExecutor({ isa, threads })
    prepared.set(key, executor.prepare(model.program, model.weights, { kvCache, maxTokens: MAX_TOKENS }))
  }
  return { key, prepared: prepared.get(key)!, vocabulary: model.vocabulary }
}

interface Sequence {
  readonly tokens: Uint32Array
  readonly alone: Float32Array
  readonly state: SequenceState
}

async function runSchedule(seed: number): Promise<{ passes: number; mixed: number; aborted: number; forks: number }> {
  const { key, prepared: pending, vocabulary } = prepare(seed)
  const program = await pending
  const random = new Random(1000 + seed)
  const below = (n: number) => random.integer(n)
  const counts = { passes: 0, mixed: 0, aborted: 0, forks: 0 }
  let live: Sequence[] = []
  let toJoin = 3 + below(4)
  const join = async (shared?: Uint32Array, fork?: SequenceState) => {
    const prefix = shared ?? new Uint32Array()
    const tokens = Uint32Array.from([...prefix, ...random.tokens(10 + below(110), vocabulary)])
    live.push({
      tokens,
      alone: await logitsOf(program, tokens, 1 + below(MAX_TOKENS)),
      state: fork ?? program.createState(),
    })
  }
  while (toJoin > 0 || live.length > 0) {
    if (toJoin > 0 && (live.length === 0 || below(3) === 0)) {
      await join()
      toJoin--
    }
    const forked = live[below(live.length)]!
    if (toJoin > 0 && forked.state.position > 0 && below(6) === 0) {
      await join(forked.tokens.subarray(0, forked.state.position), forked.state.fork())
      toJoin--
      counts.forks++
    }
    let room = MAX_TOKENS
    const steps: { sequence: Sequence; step: Step; from: number }[] = []
    for (const sequence of live) {
      const from = sequence.state.position
      const wanted = below(2) === 0 ? 1 : 1 + below(20)
      const count = Math.min(wanted, sequence.tokens.length - from, room)
      if (count === 0 || below(4) === 0) continue
      room -= count
      const rows = below(count + 1)
      const signal = count > 1 && below(8) === 0 ? AbortSignal.abort() : undefined
      const tokens = sequence.tokens.slice(from, from + count)
      steps.push({ sequence, from, step: { state: sequence.state, tokens, rows, ...(signal && { signal }) } })
    }
    if (steps.length === 0) continue
    const outcomes = await program.runBatch!(steps.map(({ step }) => step))
    counts.passes++
    const lengths = steps.map(({ step }) => step.tokens.length)
    if (steps.length > 1 && lengths.includes(1) && Math.max(...lengths) > 1) counts.mixed++
    for (const [i, { sequence, step, from }] of steps.entries()) {
      const outcome = outcomes[i]!
      if (step.signal !== undefined) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED' } })
        expect(sequence.state.position).toBe(from)
        counts.aborted++
        continue
      }
      const end = from + step.tokens.length
      if (outcome.status === 'rejected') throw outcome.reason
      const expected = sequence.alone.subarray((end - step.rows!) * vocabulary, end * vocabulary)
      expect(
        sameBits(outcome.value.outputs.logits!, expected),
        `${key}, schedule ${seed}, tokens ${from} to ${end}`,
      ).toBe(true)
    }
    for (const { state, tokens } of live) if (state.position === tokens.length) await state.dispose()
    live = live.filter(({ state, tokens }) => state.position < tokens.length)
  }
  expect(program.stateBytes).toBe(0)
  return counts
}

describe('several sequences in one pass', () => {
  it(`each has the bits that it has alone: ${SCHEDULES} random schedules`, { timeout: 0 }, async () => {
    const sum = { passes: 0, mixed: 0, aborted: 0, forks: 0 }
    for (let seed = 0; seed < SCHEDULES; seed++) {
      const counts = await runSchedule(seed)
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name]
    }
    if (process.env.FAK_TEST_SCHEDULES !== undefined) console.log(SCHEDULES, 'schedules:', sum)
    // Otherwise nothing would have been shown.
    expect(Math.min(...Object.values(sum))).toBeGreaterThan(0)
  })

  it.each([0, 1])('equal prompts have one answer (model %i)', async (which) => {
    const { program, weights, vocabulary } = models[which]!
    const native = await new NativeExecutor({ threads: 2 }).prepare(program, weights, { maxTokens: MAX_TOKENS })
    const states = Array.from({ length: 6 }, () => native.createState())
    const prompt = new Random(4).tokens(8, vocabulary)
    let next = states.map(() => prompt)
    const answers: number[][] = states.map(() => [])
    for (let n = 0; n < 40; n++) {
      const outcomes = await native.runBatch!(states.map((state, i) => ({ state, tokens: next[i]! })))
      next = outcomes.map((outcome, i) => {
        if (outcome.status === 'rejected') throw outcome.reason
        const logits = outcome.value.outputs.logits!
        const best = logits.indexOf(Math.max(...logits))
        answers[i]!.push(best)
        return Uint32Array.of(best)
      })
    }
    expect(new Set(answers.map((answer) => answer.join())).size).toBe(1)
    expect(new Set(answers[0]).size).toBeGreaterThan(1)
    await native.dispose()
  })

  it('what is wrong with one is nothing to the others (R-K)', async () => {
    const { program, weights, vocabulary, embedding, table } = models[0]!
    const data = (await readWeight(weights.get(table!.label)!)).slice()
    data.fill(NaN, (BAD_TOKEN * data.length) / vocabulary, ((BAD_TOKEN + 1) * data.length) / vocabulary)
    const bad = new Map(weights).set(table!.label, f32Tensor(table!.shape, data))
    const native = await new NativeExecutor({ threads: 2 }).prepare(program, bad, { maxTokens: MAX_TOKENS })
    const other = await new NativeExecutor({ threads: 2 }).prepare(program, weights, { maxTokens: MAX_TOKENS })
    const tokens = new Random(8).tokens(20, vocabulary).map((id) => (id === BAD_TOKEN ? 4 : id))
    const alone = await logitsOf(native, tokens, 20)
    const damaged = Uint32Array.from(tokens.subarray(0, 5)).fill(BAD_TOKEN, 2, 3)

    const lost = native.createState()
    await expect(native.run({ state: lost, tokens: Uint32Array.of(BAD_TOKEN) })).rejects.toMatchObject({
      code: 'NON_FINITE',
    })
    expect(lost.lost).toBe(true)
    const gone = native.createState()
    await gone.dispose()
    const [first, last, undone, dying] = Array.from({ length: 4 }, () => native.createState())
    const outcomes = await native.runBatch!([
      { state: first!, tokens: tokens.slice(0, 10) },
      { state: undone!, tokens: damaged },
      { state: lost, tokens: tokens.slice(0, 2) },
      { state: dying!, tokens: Uint32Array.of(BAD_TOKEN) },
      { state: gone, tokens: tokens.slice(0, 2) },
      { state: other.createState(), tokens: tokens.slice(0, 2) },
      { state: first!, tokens: tokens.slice(0, 1) },
      { state: native.createState(), tokens: Uint32Array.of(vocabulary) },
      { state: native.createState(), tokens: new Uint32Array() },
      { state: last!, tokens: tokens.slice(0, 1) },
    ])
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'))
    expect(codes).toEqual([
      'done',
      'NON_FINITE',
      'STATE_LOST',
      'NON_FINITE',
      'DISPOSED',
      'STATE_MISMATCH',
      'STATE_BUSY',
      'TOKEN_OUT_OF_RANGE',
      'STEP_EMPTY',
      'done',
    ])
    expect(outcomes[1]).toMatchObject({ reason: { field: embedding.label } })
    expect([undone!.lost, undone!.position, dying!.lost]).toEqual([false, 0, true])
    const rowOf = (outcome: (typeof outcomes)[number]) =>
      outcome.status === 'fulfilled' && outcome.value.outputs.logits!
    const want = (position: number) => alone.subarray((position - 1) * vocabulary, position * vocabulary)
    expect(sameBits(rowOf(outcomes[0]!) as Float32Array, want(10))).toBe(true)
    expect(sameBits(rowOf(outcomes[9]!) as Float32Array, want(1))).toBe(true)
    // Everyone goes on.
    const then = await native.runBatch!([
      { state: undone!, tokens: tokens.slice(0, 20) },
      { state: first!, tokens: tokens.slice(10) },
    ])
    for (const outcome of then) expect(sameBits(rowOf(outcome) as Float32Array, want(20))).toBe(true)

    const long = [first!, last!].map((state) => ({ state, tokens: tokens.slice(0, 20) }))
    const tooLong = [...long, { state: native.createState(), tokens: tokens.slice(0, 20) }]
    await expect(native.runBatch!(tooLong)).rejects.toMatchObject({ code: 'STEP_TOO_LONG' })
    expect(first!.position).toBe(20)
    expect(await native.runBatch!([])).toEqual([])
    await native.dispose()
    await expect(native.runBatch!([])).rejects.toMatchObject({ code: 'DISPOSED' })
    await other.dispose()
  })

  it('an abort of one ends it within its pass, and the others go on', async () => {
    const { program, weights, vocabulary } = models[0]!
    const native = await new NativeExecutor({ threads: 2 }).prepare(program, weights, { maxTokens: MAX_TOKENS })
    const tokens = new Random(8).tokens(24, vocabulary)
    const alone = await logitsOf(native, tokens, 24)
    const [one, two] = [native.createState(), native.createState()]
    const controller = new AbortController()
    const running = native.runBatch!([
      { state: one, tokens, signal: controller.signal },
      { state: two, tokens, rows: 24 },
    ])
    controller.abort('enough')
    const [aborted, done] = await running
    expect(aborted).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED', cause: 'enough' } })
    expect(done!.status === 'fulfilled' && sameBits(done!.value.outputs.logits!, alone)).toBe(true)
    expect([one.position, two.position]).toEqual([0, 24])
    await native.dispose()
  })
})
