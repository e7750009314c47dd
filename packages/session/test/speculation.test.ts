// Whatever is guessed, the answer is that of plain decoding: same tokens, same events, same state afterwards.

import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import {
  createSession,
  type DoneEvent,
  type Drafter,
  type GenerateOptions,
  ngramDrafter,
  type SessionEvent,
} from '../src/index.js'
import { toyModel, toyTokenizer } from './toy.js'

const pieces = Array.from({ length: 32 }, (_, id) => String.fromCharCode(97 + (id % 7)) + (id % 5 === 0 ? ' ' : ''))

/** Logits by the last two tokens alone: the text falls into loops, so that guesses come. */
const looping = (tokens: readonly number[], vocabulary: number) => {
  const seed = (tokens.at(-1) ?? 0) % 6
  return Array.from(
    { length: vocabulary },
    (_, id) => ((Math.imul(id * 31 + seed * 7 + 1, 0x9e3779b1) >>> 8) % 1000) / 200,
  )
}

/** Guesses that come now and then: a hash of where it is says how many of the true ones it gets right. */
const liar = (truth: (tokens: readonly number[]) => number, most = 5): Drafter => ({
  name: 'liar',
  most,
  guess: ({ tokens }, wanted) => {
    const all = [...tokens]
    const right = (tokens.length * 7) % (wanted + 1)
    for (let i = 0; i < wanted; i++) all.push(i < right ? truth(all) : (truth(all) + 1) % 30)
    return Uint32Array.from(all.slice(tokens.length))
  },
})

async function answer(
  drafter: Drafter | undefined,
  options: GenerateOptions,
  model: Parameters<typeof toyModel>[0] = {},
) {
  const toy = toyModel({ logits: looping, ...model })
  const session = createSession(toy.prepared, {
    contextLength: 100,
    stopTokens: [31],
    tokenizer: toyTokenizer(pieces),
    ...(drafter && { drafter }),
  })
  const events: SessionEvent[] = []
  for await (const event of session.generate([1, 2, 3, 4], { seed: 1, ...options })) events.push(event)
  const after: SessionEvent[] = []
  if (session.tokens.length < 90) {
    for await (const event of session.generate({ append: [5, 6] }, { maxTokens: 12, seed: 2 })) after.push(event)
  }
  return { events: events.map(plain), after: after.map(plain), done: events.at(-1) as DoneEvent, toy, session }
}

/** An event without what may differ. */
function plain(event: SessionEvent) {
  if (event.type === 'prefill') return { type: event.type }
  if (event.type !== 'done') return event
  const { timings: _, speculation: __, cachedTokens: ___, reuse: ____, ...rest } = event
  return rest
}

const arg = (logits: ArrayLike<number>) =>
  Array.from(logits).reduce((best, x, id, all) => (x > all[best]! ? id : best), 0)
const cases: Record<string, GenerateOptions> = {
  greedy: { maxTokens: 40 },
  sampled: { maxTokens: 40, temperature: 0.3, topK: 4 },
  'sampled with penalties': {
    maxTokens: 40,
    temperature: 0.5,
    repetitionPenalty: 1.3,
    frequencyPenalty: 0.4,
    dry: { multiplier: 0.5 },
  },
  'with logprobs': { maxTokens: 20, logprobs: true, topLogprobs: 3 },
  'to the end of the context': {},
  'to a stop string': { maxTokens: 60, stop: ['bcb', 'ab', 'fe'] },
  'to a stop token': { maxTokens: 60, temperature: 1.5, stopTokens: [3, 9, 12] },
  'one token': { maxTokens: 1 },
  'two tokens': { maxTokens: 2 },
  'a thought with a budget': { maxTokens: 30, reasoning: { end: 7, before: [8], after: [9, 9], budget: 6 } },
}

describe.each(Object.entries(cases))('%s', (_, options) => {
  it.each([
    ['ngram', ngramDrafter()],
    ['ngram of one token', ngramDrafter({ shortest: 1, most: 3 })],
    ['a drafter that is sometimes right', liar((tokens) => arg(looping(tokens, 32)))],
  ])('is the same with %s', async (_name, drafter) => {
    for (const maxTokens of [2, 8, 64]) {
      const expected = await answer(undefined, options, { maxTokens })
      const got = await answer(drafter, options, { maxTokens })
      expect(got.events).toEqual(expected.events)
      expect(got.after).toEqual(expected.after)
      expect(got.session.tokens).toEqual(expected.session.tokens)
      expect(expected.done.speculation).toBeNull()
    }
  })
})

it('brings several tokens with a pass, and says so', async () => {
  const { done, toy } = await answer(
    liar((tokens) => arg(looping(tokens, 32))),
    { maxTokens: 40 },
  )
  const { drafter, passes, drafted, accepted, tokensPerPass } = done.speculation!
  expect(drafter).toBe('liar')
  expect(passes + accepted).toBe(39)
  expect(accepted).toBeGreaterThan(5)
  expect(drafted).toBeGreaterThanOrEqual(accepted)
  expect(tokensPerPass).toBeCloseTo(39 / passes)
  expect(toy.steps.some(({ rows }) => rows > 3)).toBe(true)
})

it('guesses less where nothing comes', async () => {
  const { done } = await answer(
    { name: 'wrong', most: 4, guess: () => Uint32Array.of(30, 30, 30, 30) },
    { maxTokens: 60 },
  )
  expect(done.speculation!.accepted).toBe(0)
  expect(done.speculation!.drafted).toBeLessThan(14)
})

it('never computes beyond the context or the tokens asked for', async () => {
  const eager: Drafter = {
    name: 'eager',
    most: 6,
    guess: ({ tokens }, most) => Uint32Array.from({ length: most }, (_, i) => arg(looping([...tokens, i], 32))),
  }
  for (const options of [{}, { maxTokens: 9 }]) {
    const { toy, done } = await answer(eager, options)
    const end = 4 + (options.maxTokens ?? 96)
    expect(done.promptTokens + done.tokens.length).toBe(end)
    expect(Math.max(...toy.states.map(({ tokens }) => tokens.length))).toBeLessThanOrEqual(100)
  }
})

it('goes on without guesses when one of them led to a number that is none', async () => {
  const fails = (position: number, count: number) => position > 0 && position < 20 && count > 1
  const drafter = liar((tokens) => arg(looping(tokens, 32)), 2)
  const expected = await answer(undefined, { maxTokens: 20 })
  const got = await answer(drafter, { maxTokens: 20 }, { fails, maxTokens: 64 })
  expect(got.events).toEqual(expected.events)
  expect(got.done.speculation!.drafted).toBe(0)
})

it('refuses guesses without a drafter, and too many', () => {
  const { prepared } = toyModel()
  const session = createSession(prepared, { contextLength: 100 })
  expect(() => session.generate([1], { speculate: 2 })).toThrow(FakError)
  const drafting = createSession(prepared, { contextLength: 100, drafter: ngramDrafter() })
  expect(() => drafting.generate([1], { speculate: 65 })).toThrow(/0 to 64/)
})

it('leaves the state where the reader left, whatever was guessed', async () => {
  const drafter = () => liar((tokens) => arg(looping(tokens, 32)))
  for (let read = 1; read < 12; read++) {
    const texts: string[] = []
    for (const own of [undefined, drafter()]) {
      const { prepared } = toyModel({ logits: looping, maxTokens: 16 })
      const session = createSession(prepared, { contextLength: 100, ...(own && { drafter: own }) })
      let seen = 0
      for await (const event of session.generate([1, 2, 3], { maxTokens: 30 })) {
        if (event.type === 'token' && ++seen === read) break
      }
      const row = await session.step(5)
      texts.push(JSON.stringify([session.tokens, [...row]]))
    }
    expect(texts[1]).toBe(texts[0])
  }
})
