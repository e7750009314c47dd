import { describe, expect, it } from 'vitest'
import {
  type Constraint,
  createSession,
  type DoneEvent,
  type GenerateOptions,
  type SessionEvent,
  type TokenEvent,
} from '../src/index.js'
import { scripted, type ToyOptions, toyModel } from './toy.js'

const [STOP, END] = [30, 29]
const code = (name: string) => expect.objectContaining({ code: name })

function maskOf(ids: Iterable<number>): Uint32Array {
  const mask = new Uint32Array(1)
  for (const id of ids) mask[0]! |= 1 << id
  return mask
}

/** Exactly one of these sequences. */
function oneOf(...sequences: number[][]): Constraint {
  return {
    begin() {
      const said: number[] = []
      const open = () => sequences.filter((ids) => said.every((id, i) => ids[i] === id))
      return {
        get complete() {
          return open().some((ids) => ids.length === said.length)
        },
        allowed: () => maskOf(open().flatMap((ids) => ids[said.length] ?? [])),
        accept(id) {
          said.push(id)
          if (open().length === 0) throw new Error(`${id} was not allowed`)
        },
      }
    },
  }
}

async function generate(options: GenerateOptions, toy: ToyOptions = {}) {
  const { prepared, steps } = toyModel(toy)
  const session = createSession(prepared, { contextLength: 100, stopTokens: [STOP] })
  const events: SessionEvent[] = []
  for await (const event of session.generate([1, 2, 3], options)) events.push(event)
  const tokens = events.filter((event): event is TokenEvent => event.type === 'token')
  return { done: events.at(-1) as DoneEvent, tokens, session, steps }
}

describe('a constraint', () => {
  it.each([0, 1.5])('is kept at temperature %d, whatever the other options say', async (temperature) => {
    for (let seed = 0; seed < 60; seed++) {
      const sampling = {
        temperature,
        seed,
        topK: seed % 3,
        topP: 0.9,
        minP: 0.05,
        typicalP: seed % 2 === 0 ? 1 : 0.7,
        repetitionPenalty: 1.5,
      }
      const { done } = await generate({ grammar: oneOf([4, 5, 6], [4, 7], [8]), ...sampling })
      expect([[4, 5, 6], [4, 7], [8]]).toContainEqual(done.tokens)
      expect(done).toMatchObject({ finishReason: 'stop', matched: null, thought: null })
    }
  })

  it('comes before top-k: the most probable tokens may all be refused', async () => {
    const { done } = await generate({ grammar: oneOf([3]), topK: 1, temperature: 1 })
    expect(done.tokens).toEqual([3])
  })

  it('leaves the end to the model where the answer may go on', async () => {
    const grammar = oneOf([4], [4, 5])
    const ends = await generate({ grammar }, { logits: scripted([4, STOP], 3) })
    expect(ends.done).toMatchObject({ tokens: [4], finishReason: 'stop', matched: STOP })
    const goes = await generate({ grammar }, { logits: scripted([4, 5], 3) })
    expect(goes.done).toMatchObject({ tokens: [4, 5], finishReason: 'stop', matched: null })
  })

  it('does not end before the answer is complete, even where a stop token is part of the form', async () => {
    const { done } = await generate(
      { grammar: oneOf([4, STOP, 5]) },
      { logits: scripted([STOP, STOP, STOP], 3) },
    ).catch((error) => ({ done: error }))
    expect(done).toMatchObject({ code: 'CONSTRAINT_DEAD_END' })
  })

  it('says when there was no room for all of it', async () => {
    expect((await generate({ grammar: oneOf([4, 5, 6]), maxTokens: 2 })).done).toMatchObject({
      tokens: [4, 5],
      finishReason: 'length',
    })
    expect((await generate({ grammar: oneOf([4, 5, 6]), maxTokens: 3 })).done).toMatchObject({ finishReason: 'stop' })
  })

  it('computes nothing behind the last token', async () => {
    const { steps, session } = await generate({ grammar: oneOf([4, 5]) })
    expect(steps.map(({ tokens }) => tokens)).toEqual([[1, 2, 3], [4]])
    expect(session.tokens).toEqual([1, 2, 3, 4, 5])
  })

  it("leaves probabilities the model's own", async () => {
    const free = await generate({ logprobs: true, topLogprobs: 2, maxTokens: 1 })
    const held = await generate({ logprobs: true, topLogprobs: 2, grammar: oneOf([4]) })
    expect(held.tokens[0]!.topLogprobs).toEqual(free.tokens[0]!.topLogprobs)
    expect(held.tokens[0]!.logprob).toBeLessThan(free.tokens[0]!.logprob!)
  })

  it('that allows nothing is an error, and the session goes on', async () => {
    const { prepared } = toyModel()
    const session = createSession(prepared, { contextLength: 100 })
    const dead: Constraint = { begin: () => ({ complete: false, allowed: () => new Uint32Array(1), accept() {} }) }
    await expect(async () => {
      for await (const _ of session.generate([1, 2], { grammar: dead }));
    }).rejects.toThrow(code('CONSTRAINT_DEAD_END'))
    for await (const event of session.generate([1, 2], { maxTokens: 2 }))
      if (event.type === 'done') expect(event.tokens).toHaveLength(2)
  })

  it('cannot be met when a bias bans what it asks for', async () => {
    await expect(generate({ grammar: oneOf([4]), logitBias: { 4: -Infinity } })).rejects.toThrow(
      code('EVERY_TOKEN_BANNED'),
    )
  })

  it('does not hide a logit that is no number', async () => {
    const logits = (_: unknown, count: number) => Array.from({ length: count }, (_, id) => (id === 9 ? Number.NaN : 0))
    await expect(generate({ grammar: oneOf([4]) }, { logits })).rejects.toThrow(code('NON_FINITE'))
  })
})

describe('a thought', () => {
  const script = (ids: number[]) => ({ logits: scripted(ids, 3) })

  it('is closed when its budget is spent, and the answer goes on', async () => {
    const reasoning = { end: END, before: [20], after: [21, 22], budget: 2 }
    const { done, tokens, steps } = await generate({ reasoning, maxTokens: 8 }, script([5, 6, 7, 8, 9, 10, 11, STOP]))
    // What was set is seen by the model: the answer begins where the script stands behind it.
    expect(done.tokens).toEqual([5, 6, 20, END, 21, 22, 11])
    expect(done).toMatchObject({ finishReason: 'stop', thought: { tokens: 2, closedBy: 'budget' } })
    expect(tokens.map(({ forced }) => forced ?? false)).toEqual([false, false, true, true, true, true, false])
    expect(steps.map((step) => step.tokens)).toEqual([[1, 2, 3], [5], [6, 20, END, 21, 22], [11]])
  })

  it('that was closed goes on as if it had been said', async () => {
    const reasoning = { end: END, before: [20], after: [21, 22], budget: 3 }
    const { done } = await generate({ reasoning, maxTokens: 20, temperature: 1, seed: 4 })
    const { prepared } = toyModel()
    const session = createSession(prepared, { contextLength: 100, stopTokens: [STOP] })
    let again: DoneEvent | undefined
    const begun = done.tokens.slice(0, 7)
    for await (const event of session.generate([1, 2, 3, ...begun], { maxTokens: 13, temperature: 1, seed: 4 })) {
      if (event.type === 'done') again = event
    }
    expect([...begun, ...again!.tokens]).toEqual(done.tokens)
  })

  it('that ends by itself is left alone', async () => {
    const reasoning = { end: END, before: [20], after: [21, 22], budget: 5 }
    const { done } = await generate({ reasoning }, script([5, END, 6, STOP]))
    expect(done.tokens).toEqual([5, END, 6])
    expect(done.thought).toEqual({ tokens: 1, closedBy: 'model' })
  })

  it('of no tokens is closed at once', async () => {
    const { done } = await generate({ reasoning: { end: END, budget: 0 } }, script([5, 6, STOP]))
    expect(done.tokens).toEqual([END, 6])
    expect(done.thought).toEqual({ tokens: 0, closedBy: 'budget' })
  })

  it('comes before the form of the answer, which begins behind what the template writes', async () => {
    const grammar = oneOf([4, 5])
    const own = await generate({ grammar, reasoning: { end: END, after: [21] } }, script([5, STOP, END]))
    // The stop token of the script is refused, for the answer has not come yet; the next best is token 0.
    expect(own.done.tokens).toEqual([5, 0, END, 21, 4, 5])
    const spent = await generate({ grammar, reasoning: { end: END, after: [21], budget: 1 } }, script([5]))
    expect(spent.done.tokens).toEqual([5, END, 21, 4, 5])
    expect(spent.done.finishReason).toBe('stop')
  })

  it('counts among the most tokens, and may fill them', async () => {
    const reasoning = { end: END, before: [20], after: [21, 22], budget: 2 }
    const cut = await generate({ reasoning, maxTokens: 4 }, script([5, 6]))
    expect(cut.done).toMatchObject({ tokens: [5, 6, 20, END], finishReason: 'length' })
    const open = await generate({ reasoning: { end: END }, maxTokens: 2 }, script([5, 6]))
    expect(open.done.thought).toEqual({ tokens: 2, closedBy: null })
  })
})

it.each<[GenerateOptions, string]>([
  [{ grammar: 1 as never }, 'PARAM_OUT_OF_RANGE'],
  [{ grammar: {} as never }, 'PARAM_OUT_OF_RANGE'],
  [{ reasoning: true as never }, 'PARAM_OUT_OF_RANGE'],
  [{ reasoning: { end: 99 } }, 'TOKEN_OUT_OF_RANGE'],
  [{ reasoning: { end: 1, before: [-1] } }, 'TOKEN_OUT_OF_RANGE'],
  [{ reasoning: { end: 1, budget: 1.5 } }, 'PARAM_OUT_OF_RANGE'],
  [{ reasoning: { end: 1, most: 3 } as never }, 'UNKNOWN_OPTION'],
])('options %j are refused', (options, name) => {
  const session = createSession(toyModel().prepared, { contextLength: 10 })
  expect(() => session.generate([1], options)).toThrow(code(name))
})
