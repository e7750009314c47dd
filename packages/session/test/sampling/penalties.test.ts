import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DrySampling, dryPenalties } from '../../src/sampling/dry.js'
import { BANNED } from '../../src/sampling/logits.js'
import { type Penalties, withPenalties } from '../../src/sampling/penalties.js'
import { sample } from '../../src/sampling/sampler.js'
import { open } from './open.js'

const changed = (logits: number[], penalties: Partial<Penalties>, tokens: number[] = [], promptLength = 0) => [
  ...withPenalties(Float32Array.from(logits), { ...open, ...penalties }, { tokens, promptLength }),
]
const noBreaks = { multiplier: 1, base: 2, allowedLength: 2, window: 0, breaks: () => false } satisfies DrySampling

describe('penalties', () => {
  it('adds a bias, and -Infinity bans a token for good', () => {
    const logitBias = new Map([
      [0, 2],
      [2, -Infinity],
    ])
    const [first, second, banned] = changed([1, 1, 9], { logitBias, repetitionPenalty: 0.1 }, [2])
    expect([first, second]).toEqual([3, 1])
    expect(banned).toBeLessThan(-1e38)
    for (let position = 0; position < 500; position++) {
      const history = { tokens: new Array(position).fill(2), promptLength: 0 }
      expect(sample(Float32Array.of(1, 1, 9), { ...open, logitBias, temperature: 2 }, history)).not.toBe(2)
    }
    expect(
      sample(Float32Array.of(1, 1, 9), { ...open, logitBias, temperature: 0 }, { tokens: [], promptLength: 0 }),
    ).toBe(0)
  })

  it('refuses a bias that bans everything', () => {
    const logitBias = new Map([0, 1].map((id) => [id, -Infinity]))
    expect(() => changed([1, 2], { logitBias })).toThrow(expect.objectContaining({ code: 'EVERY_TOKEN_BANNED' }))
    // A hole of the vocabulary stands as banned already.
    expect(() => changed([1, 2, BANNED], { logitBias })).toThrow(
      expect.objectContaining({ code: 'EVERY_TOKEN_BANNED' }),
    )
  })

  it('weakens every token of prompt and answer once, by its sign', () => {
    expect(changed([2, -2, 2, -2], { repetitionPenalty: 2 }, [0, 1, 1, 0], 3)).toEqual([1, -4, 2, -2])
  })

  it('counts presence and frequency in the answer alone', () => {
    const tokens = [0, 0, 1, 2, 2, 2]
    expect(changed([5, 5, 5, 5], { presencePenalty: 1, frequencyPenalty: 0.5 }, tokens, 2)).toEqual([5, 3.5, 2.5, 5])
    expect(changed([5, 5, 5, 5], { presencePenalty: -1 }, tokens, 2)).toEqual([5, 6, 6, 5])
  })

  it('looks at the last tokens when a window is given', () => {
    const tokens = [0, 1, 2, 3]
    expect(changed([4, 4, 4, 4], { repetitionPenalty: 2, penaltyWindow: 2 }, tokens, 4)).toEqual([4, 4, 2, 2])
    expect(changed([4, 4, 4, 4], { presencePenalty: 1, penaltyWindow: 1 }, tokens, 1)).toEqual([4, 4, 4, 3])
  })

  it('leaves the row of the model as it is', () => {
    const logits = Float32Array.of(1, 2, 3)
    sample(logits, { ...open, presencePenalty: 2 }, { tokens: [0, 1, 2], promptLength: 0 })
    expect([...logits]).toEqual([1, 2, 3])
  })
})

describe('DRY', () => {
  it('grows with the length of the repetition', () => {
    expect([...dryPenalties([1, 2, 9, 1, 2], noBreaks)]).toEqual([[9, 1]])
    expect([...dryPenalties([1, 2, 3, 4, 9, 1, 2, 3, 4], noBreaks)]).toEqual([[9, 4]])
    expect([...dryPenalties([2, 9, 2], noBreaks)]).toEqual([])
  })

  it('ends repetitions at breakers, and never punishes one', () => {
    const breaks = (id: number) => id === 0
    expect([...dryPenalties([1, 0, 2, 9, 1, 0, 2], { ...noBreaks, allowedLength: 1, breaks })]).toEqual([[9, 1]])
    expect([...dryPenalties([1, 2, 0, 1, 2], { ...noBreaks, breaks })]).toEqual([])
    expect([...dryPenalties([5, 1, 2, 7, 5, 1, 2, 0], { ...noBreaks, breaks })]).toEqual([])
  })

  it('does not overflow', () => {
    const [entry] = dryPenalties(new Array(5000).fill(3), { ...noBreaks, base: 8 })
    expect(entry).toEqual([3, 1e6])
  })

  it('agrees with the plain definition', () => {
    const token = fc.integer({ min: 0, max: 3 })
    fc.assert(
      fc.property(
        fc.array(token, { maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(12),
        (tokens, allowedLength, window) => {
          const dry = { ...noBreaks, allowedLength, window, breaks: (id: number) => id === 0 }
          const recent = window === 0 ? tokens : tokens.slice(-window)
          const expected = new Map<number, number>()
          for (let i = 0; i + 1 < recent.length; i++) {
            let length = 0
            while (length <= i && recent[i - length] !== 0 && recent[i - length] === recent[recent.length - 1 - length])
              length++
            const next = recent[i + 1]!
            if (length < allowedLength || next === 0) continue
            expected.set(next, Math.max(2 ** (length - allowedLength), expected.get(next) ?? 0))
          }
          expect(dryPenalties(tokens, dry)).toEqual(expected)
        },
      ),
    )
  })
})
