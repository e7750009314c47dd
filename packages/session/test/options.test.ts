import { describe, expect, it } from 'vitest'
import { createSession, type DoneEvent, type GenerateOptions, type SessionEvent } from '../src/index.js'
import { resolveOptions } from '../src/options.js'
import { scripted, toyModel, toyTokenizer } from './toy.js'

const context = {
  vocabSize: 32,
  stopTokens: [],
  guesses: 0,
  textOf: (id: number) => (id === 9 ? '\n' : id === 8 ? '' : `${id}`),
}
const resolved = (options: GenerateOptions) => resolveOptions(options, context).sampling

async function eventsOf(options: GenerateOptions, logits?: (tokens: readonly number[], v: number) => number[]) {
  const { prepared } = toyModel(logits === undefined ? {} : { logits })
  const session = createSession(prepared, { contextLength: 64, tokenizer: toyTokenizer([]) })
  const events: SessionEvent[] = []
  for await (const event of session.generate([1, 2, 3], { maxTokens: 6, seed: 4, ...options })) events.push(event)
  return events
}

describe('options of a generation', () => {
  it.each<[string, GenerateOptions]>([
    ['repetitionPenalty', { repetitionPenalty: 0 }],
    ['repetitionPenalty', { repetitionPenalty: Number.NaN }],
    ['presencePenalty', { presencePenalty: 2.1 }],
    ['frequencyPenalty', { frequencyPenalty: -3 }],
    ['penaltyWindow', { penaltyWindow: -1 }],
    ['typicalP', { typicalP: 0 }],
    ['typicalP', { typicalP: 1.5 }],
    ['topLogprobs', { topLogprobs: 2000 }],
    ['logitBias', { logitBias: null as never }],
    ['logitBias[3]', { logitBias: { 3: 101 } }],
    ['logitBias[3]', { logitBias: { 3: Infinity } }],
    ['logitBias[3]', { logitBias: { 3: '1' as never } }],
    ['dry', { dry: null as never }],
    ['dry.multiplier', { dry: {} as never }],
    ['dry.multiplier', { dry: { multiplier: 0 } }],
    ['dry.base', { dry: { multiplier: 1, base: 0.5 } }],
    ['dry.allowedLength', { dry: { multiplier: 1, allowedLength: 0 } }],
    ['dry.breakers', { dry: { multiplier: 1, breakers: [''] } }],
  ])('refuses a bad %s: %o', (field, options) => {
    expect(() => resolved(options)).toThrow(expect.objectContaining({ code: 'PARAM_OUT_OF_RANGE', field }))
  })

  it('refuses a bias for something that is no token', () => {
    for (const logitBias of [{ 32: 1 }, { '-1': 1 }, { x: 1 }, new Map([[1.5, 1]])] as const) {
      expect(() => resolved({ logitBias })).toThrow(expect.objectContaining({ code: 'TOKEN_OUT_OF_RANGE' }))
    }
  })

  it('refuses options that nobody knows, inside dry as well', () => {
    expect(() => resolved({ dry: { multiplier: 1, length: 2 } as never })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_OPTION', field: '"dry.length"' }),
    )
  })

  it('needs a tokenizer for breakers, and none without them', () => {
    const bare = { ...context, guesses: 0, textOf: undefined }
    expect(() => resolveOptions({ dry: { multiplier: 1 } }, bare)).toThrow(
      expect.objectContaining({ code: 'PARAM_OUT_OF_RANGE', field: 'dry.breakers' }),
    )
    const { dry } = resolveOptions({ dry: { multiplier: 1, breakers: [] } }, bare).sampling
    expect(dry!.breaks(9)).toBe(false)
  })

  it('takes tokens with a breaker in their text, or without text, as breakers', () => {
    const { dry } = resolved({ dry: { multiplier: 1 } })
    expect([7, 8, 9].map((id) => dry!.breaks(id))).toEqual([false, true, true])
  })

  it('fills in the usual defaults', () => {
    expect(resolved({ dry: { multiplier: 0.8 } })).toMatchObject({
      logitBias: new Map(),
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      penaltyWindow: 0,
      typicalP: 1,
      dry: { multiplier: 0.8, base: 1.75, allowedLength: 2, window: 0 },
    })
  })
})

describe('a generation with penalties', () => {
  const alwaysSeven = scripted([7, 7, 7, 7, 7, 7], 3)
  const done = (events: SessionEvent[]) => events.at(-1) as DoneEvent

  it('counts what the answer itself says', async () => {
    expect(done(await eventsOf({}, alwaysSeven)).tokens).toEqual([7, 7, 7, 7, 7, 7])
    // Five points of lead, two a time: the fourth 7 would stand at -1.
    expect(done(await eventsOf({ frequencyPenalty: 2 }, alwaysSeven)).tokens).toEqual([7, 7, 7, 0, 1, 2])
    expect(done(await eventsOf({ logitBias: { 7: -Infinity } }, alwaysSeven)).tokens).not.toContain(7)
  })

  it('gives probabilities of the model itself, whatever was asked for', async () => {
    const [plain, changed] = [
      await eventsOf({ logprobs: true, topLogprobs: 2 }, alwaysSeven),
      await eventsOf({ logprobs: true, topLogprobs: 2, logitBias: { 7: -100 }, temperature: 2 }, alwaysSeven),
    ].map((events) => events.filter((event) => event.type === 'token'))
    expect(changed![0]!.topLogprobs).toEqual(plain![0]!.topLogprobs)
    expect(plain![0]!.topLogprobs!.map(({ id }) => id)).toEqual([7, 0])
    expect(plain![0]!.logprob).toBe(plain![0]!.topLogprobs![0]!.logprob)
    expect(changed![0]!.logprob).toBeCloseTo(plain![0]!.logprob! - 5, 5)
  })
})
