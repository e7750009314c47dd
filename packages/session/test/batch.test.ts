// What batchSteps does with steps that meet: who goes first, who waits, who leaves. The passes themselves are the executors' (testkit,
// kernels-native).

import type { PreparedProgram, Step } from '@fak/graph'
import { describe, expect, it } from 'vitest'
import { type BatchOptions, batchSteps } from '../src/batch.js'
import { createSession } from '../src/index.js'
import { type ToyOptions, toyModel } from './toy.js'

/** A toy that takes passes, and the lengths of the steps of each. `hold()` keeps the next passes from ending until its result is called. */
function toyBatch(options: ToyOptions & { batch?: BatchOptions; noBatch?: boolean } = {}) {
  const { prepared, states } = toyModel({ maxTokens: 8, ...options })
  const passes: number[][] = []
  let held: Promise<void> = Promise.resolve()
  const runBatch = async (steps: readonly Step[]) => {
    passes.push(steps.map(({ tokens }) => tokens.length))
    if (steps.reduce((sum, { tokens }) => sum + tokens.length, 0) > prepared.maxTokens)
      throw new Error('too long a pass')
    await held
    return Promise.allSettled(steps.map((step) => prepared.run(step)))
  }
  const whole: PreparedProgram = options.noBatch ? prepared : { ...prepared, runBatch }
  const hold = () => {
    let release!: () => void
    held = new Promise((resolve) => {
      release = resolve
    })
    return release
  }
  return { batched: batchSteps(whole, options.batch), alone: prepared, passes, states, hold }
}

const step = (prepared: PreparedProgram, length: number, more: Partial<Step> = {}): Step => ({
  state: prepared.createState(),
  tokens: Uint32Array.from({ length }, (_, i) => i),
  ...more,
})
const turns = async (n = 5) => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe('batchSteps', () => {
  it('runs steps that meet in one pass, those of one token before chunks, within the room there is', async () => {
    const { batched, passes } = toyBatch()
    expect(batched.maxTokens).toBe(4)
    await Promise.all([4, 4, 1, 3, 1, 1].map((length) => batched.run(step(batched, length))))
    // Five are taken by the one-token steps and the first chunk that fits beside them; the others were left out, so they go first.
    expect(passes).toEqual([
      [4, 1, 1, 1],
      [4, 3],
    ])
  })

  it('nobody starves: a step that was left out goes before all others', async () => {
    const { batched, passes, hold } = toyBatch({ batch: { maxTokens: 8 } })
    const release = hold()
    const running = [batched.run(step(batched, 1))]
    await turns()
    running.push(batched.run(step(batched, 8)))
    for (let i = 0; i < 3; i++) running.push(batched.run(step(batched, 1)))
    release()
    await Promise.all(running)
    expect(passes).toEqual([[1], [1, 1, 1], [8]])
  })

  it('takes no more long steps than allowed into one pass', async () => {
    const { batched, passes } = toyBatch({ batch: { longSteps: 2 } })
    await Promise.all(Array.from({ length: 5 }, () => batched.run(step(batched, 2))))
    expect(passes.map((pass) => pass.length)).toEqual([2, 2, 1])
  })

  it('sessions share passes, step by step, and say what they say alone', async () => {
    const { batched, alone, passes } = toyBatch({ maxTokens: 16 })
    const answers = (prepared: PreparedProgram, together: boolean) => {
      const answer = async (i: number) => {
        const session = createSession(prepared, { contextLength: 64 })
        const ids: number[] = []
        const events = session.generate([i, 2, 3], { maxTokens: 10 })
        for await (const event of events) if (event.type === 'token') ids.push(event.id)
        await session.dispose()
        return ids
      }
      const numbers = [1, 2, 3, 4]
      if (together) return Promise.all(numbers.map(answer))
      return numbers.reduce<Promise<number[][]>>(
        async (all, i) => [...(await all), await answer(i)],
        Promise.resolve([]),
      )
    }
    const shared = await answers(batched, true)
    expect(shared).toEqual(await answers(alone, false))
    // Nobody ran by itself while others could have come along.
    expect(passes.filter((pass) => pass.length === 4).length).toBeGreaterThan(passes.length - 3)
    expect(batched.stateBytes).toBe(0)
  })

  it('one that is slow to come back holds up nobody', async () => {
    const { batched, passes } = toyBatch()
    const [slow, fast] = [batched.createState(), batched.createState()]
    const one = (state: typeof slow) => batched.run({ state, tokens: Uint32Array.of(1) })
    await Promise.all([one(slow), one(fast)])
    for (let i = 0; i < 5; i++) await one(fast)
    expect(passes).toEqual([[1, 1], [1], [1], [1], [1], [1]])
    await Promise.all([one(slow), one(fast)])
    expect(passes.at(-1)).toEqual([1, 1])
  })

  it('an aborted step leaves the queue at once, or its pass', async () => {
    const { batched, passes, hold } = toyBatch()
    const [waits, runs] = [new AbortController(), new AbortController()]
    const release = hold()
    const first = batched.run(step(batched, 2, { signal: runs.signal }))
    const beside = batched.run(step(batched, 1))
    await turns()
    const second = batched.run(step(batched, 1, { signal: waits.signal }))
    waits.abort('why')
    await expect(second).rejects.toMatchObject({ code: 'ABORTED', cause: 'why' })
    runs.abort()
    release()
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' })
    await beside
    await expect(batched.run(step(batched, 1, { signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'ABORTED',
    })
    expect(passes).toEqual([[2, 1]])
  })

  it('one that fails is nothing to the others (R-K)', async () => {
    const { batched } = toyBatch({ fails: (_, count) => count === 3 })
    const outcomes = await Promise.allSettled([batched.run(step(batched, 3)), batched.run(step(batched, 1))])
    expect(outcomes[0]).toMatchObject({ reason: { code: 'NON_FINITE' } })
    expect(outcomes[1]).toMatchObject({ status: 'fulfilled' })
  })

  it('refuses what it can see, and what would wait without end', async () => {
    const { batched, hold } = toyBatch({ batch: { maxWaiting: 1 } })
    for (const bad of [{ maxTokens: 9 }, { maxTokens: 0 }, { longSteps: 1.5 }, { maxWaiting: NaN }]) {
      expect(() => toyBatch({ batch: bad })).toThrow(expect.objectContaining({ code: 'BATCH_BAD_OPTION' }))
    }
    await expect(batched.run(step(batched, 5))).rejects.toMatchObject({ code: 'STEP_TOO_LONG' })
    const release = hold()
    const state = batched.createState()
    const running = batched.run({ state, tokens: Uint32Array.of(1) })
    await expect(batched.run({ state, tokens: Uint32Array.of(1) })).rejects.toMatchObject({ code: 'STATE_BUSY' })
    await turns()
    const waiting = batched.run(step(batched, 1))
    await expect(batched.run(step(batched, 1))).rejects.toMatchObject({ code: 'BATCH_FULL' })
    const disposal = batched.dispose()
    await expect(waiting).rejects.toMatchObject({ code: 'DISPOSED' })
    release()
    await Promise.all([running, disposal])
    await expect(batched.run(step(batched, 1))).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  it('runs one after the other where the executor has no passes', async () => {
    const { batched } = toyBatch({ noBatch: true })
    const results = await Promise.all([1, 3, 2].map((length) => batched.run(step(batched, length))))
    expect(results.map(({ outputs }) => outputs.logits!.length)).toEqual([32, 32, 32])
  })
})
