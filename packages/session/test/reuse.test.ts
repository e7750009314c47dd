import { describe, expect, it } from 'vitest'
import { createSession, type DoneEvent, type SessionOptions, StateCache } from '../src/index.js'
import { toyModel } from './toy.js'

/** Begins a message, as `<|im_start|>` does. */
const START = 0
const message = (...body: number[]) => [START, ...body]

function conversation(options: Partial<SessionOptions> = {}) {
  const { prepared, steps, states } = toyModel({ maxTokens: 8 })
  const cache = new StateCache(prepared)
  const session = createSession(prepared, { contextLength: 1000, messageStart: START, cache, ...options })
  const answer = async (prompt: readonly number[], maxTokens = 5) => {
    let done: DoneEvent | undefined
    for await (const event of session.generate(prompt, { maxTokens, stopTokens: [] })) {
      if (event.type === 'done') done = event
    }
    return done!
  }
  return { prepared, steps, states, cache, session, answer }
}

/** What a model that has seen nothing before says. */
const cold = (prompt: readonly number[], maxTokens = 5) => conversation().answer(prompt, maxTokens)

describe('coming back to an earlier place', () => {
  const user = message(4, 5, 6, 7)
  const prompt = [...message(1, 2, 3), ...user, ...message(8)]

  it('answers again without computing a token of the prompt', async () => {
    const { answer } = conversation()
    const first = await answer(prompt)
    const again = await answer(prompt)
    expect(again.tokens).toEqual(first.tokens)
    expect(again).toMatchObject({ cachedTokens: prompt.length, reuse: { from: 'kept', brokeAt: prompt.length } })
  })

  it('computes an edited message from where it begins', async () => {
    const { answer } = conversation()
    await answer(prompt)
    const edited = [...message(1, 2, 3), ...message(4, 9, 9), ...message(8)]
    const done = await answer(edited)
    expect(done).toMatchObject({ cachedTokens: 4, reuse: { from: 'kept', brokeAt: 6 } })
    expect(done.tokens).toEqual((await cold(edited)).tokens)
  })

  it('computes from the beginning of an answer whose thoughts are left out of the next prompt', async () => {
    const { answer } = conversation()
    const { tokens } = await answer([...prompt, 20, 21])
    const next = [...prompt, ...tokens.slice(2), ...message(5), ...message(8)]
    const done = await answer(next)
    expect(done).toMatchObject({ cachedTokens: prompt.length - 2, reuse: { from: 'kept', brokeAt: prompt.length } })
    expect(done.tokens).toEqual((await cold(next)).tokens)
  })

  it('computes the new turn alone when the conversation goes on', async () => {
    const { answer } = conversation()
    const { tokens } = await answer(prompt)
    const next = [...prompt, ...tokens, ...message(5), ...message(8)]
    const done = await answer(next)
    // The last token of an answer is computed with what follows it.
    expect(done).toMatchObject({
      cachedTokens: prompt.length + tokens.length - 1,
      reuse: { from: 'held', brokeAt: null },
    })
  })

  it('finds what was held before another conversation took its place', async () => {
    const { answer, session } = conversation()
    const { tokens } = await answer(prompt)
    await answer(message(9, 9, 9))
    expect(await session.sync([...prompt, ...tokens])).toMatchObject({
      cachedTokens: prompt.length + tokens.length - 1,
      computedTokens: 1,
      reuse: { from: 'kept', brokeAt: 1 },
    })
  })

  it('says when there is nothing to use', async () => {
    const { answer } = conversation()
    expect(await answer(prompt)).toMatchObject({ cachedTokens: 0, reuse: { from: 'nothing', brokeAt: null } })
    expect(await answer([3, 3])).toMatchObject({ cachedTokens: 0, reuse: { from: 'nothing', brokeAt: 0 } })
  })

  it('evaluates from the first token, whatever is kept', async () => {
    const { answer, session, steps } = conversation()
    await answer(prompt)
    steps.length = 0
    for await (const _ of session.evaluate(prompt)) void _
    expect(steps.reduce((sum, { tokens }) => sum + tokens.length, 0)).toBe(prompt.length)
  })
})

describe('the cache', () => {
  it('serves several sessions on one model', async () => {
    const first = conversation()
    const prompt = [...message(1, 2, 3), ...message(4)]
    const { tokens } = await first.answer(prompt)
    const { prepared, cache } = first
    const other = createSession(prepared, { contextLength: 100, cache })
    expect(await other.sync([...prompt, tokens[0]!, 30])).toMatchObject({
      cachedTokens: prompt.length,
      computedTokens: 2,
    })
  })

  it('refuses to serve another model', () => {
    const cache = new StateCache(toyModel().prepared)
    expect(() => createSession(toyModel().prepared, { contextLength: 9, cache })).toThrow(
      expect.objectContaining({ code: 'STATE_MISMATCH', field: 'cache' }),
    )
  })

  it.each([-1, 1.5, Number.NaN])('refuses a cap of %s', (maxBytes) => {
    expect(() => new StateCache(toyModel().prepared, { maxBytes })).toThrow(
      expect.objectContaining({ code: 'PARAM_OUT_OF_RANGE' }),
    )
  })

  it('holds its cap while sessions grow, and drops what was useful longest ago', async () => {
    const { prepared } = toyModel({ maxTokens: 4 })
    // Four bytes a token, and 128 for the logits of a prompt's end.
    const cache = new StateCache(prepared, { maxBytes: 700 })
    const session = createSession(prepared, { contextLength: 500, cache })
    for (let round = 0; round < 12; round++) {
      await session.sync(Array.from({ length: 10 }, (_, i) => (round * i) % 30))
      expect(cache.byteLength).toBeLessThanOrEqual(700)
    }
    const [last, first] = [11, 0].map((round) => Array.from({ length: 10 }, (_, i) => (round * i) % 30))
    expect((await session.sync([...last!, 1])).cachedTokens).toBe(10)
    expect((await session.sync([...first!, 1])).cachedTokens).toBe(0)
    await session.sync(Array.from({ length: 160 }, (_, i) => i % 30))
    expect(cache.size).toBe(0)
  })

  it('keeps nothing with a cap of 0', async () => {
    const { prepared, states } = toyModel()
    const session = createSession(prepared, { contextLength: 100, cache: new StateCache(prepared, { maxBytes: 0 }) })
    await session.sync([1, 2, 3])
    await session.sync([4])
    expect(states.filter(({ disposed }) => !disposed)).toHaveLength(1)
  })

  it('gives all memory back with the session that it belongs to', async () => {
    const { prepared, states } = toyModel()
    const session = createSession(prepared, { contextLength: 100 })
    await session.sync([1, 2, 3])
    await session.sync([1, 2, 4])
    await session.dispose()
    expect(states.length).toBeGreaterThan(2)
    expect(states.every(({ disposed }) => disposed)).toBe(true)
    expect(prepared.stateBytes).toBe(0)
  })
})

describe('a random walk over a conversation', () => {
  it('gives after every edit what a cold run gives', async () => {
    const { prepared } = toyModel({ maxTokens: 8 })
    const walker = createSession(prepared, {
      contextLength: 1000,
      messageStart: START,
      cache: new StateCache(prepared, { maxBytes: 4000 }),
    })
    let seed = 12345
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 8) % below
    }
    let tokens = message(1, 2)
    let reused = 0
    for (let edit = 0; edit < 500; edit++) {
      const cut = random(4) === 0 ? random(tokens.length + 1) : tokens.length
      const added = message(...Array.from({ length: random(6) }, () => 1 + random(29)))
      tokens = [...tokens.slice(0, cut), ...added].slice(-400)
      const { cachedTokens } = await walker.sync(tokens)
      reused += cachedTokens
      const next = await walker.step(random(30))
      tokens = walker.tokens
      const check = createSession(toyModel({ maxTokens: 8 }).prepared, { contextLength: 1000 })
      await check.sync(tokens.slice(0, -1))
      expect([...next]).toEqual([...(await check.step(tokens.at(-1)!))])
    }
    expect(reused).toBeGreaterThan(0)
  })
})
