import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expNegative } from '../../src/sampling/exp.js'
import { argmax, topIds, topLogprobs } from '../../src/sampling/logits.js'
import { uniform } from '../../src/sampling/random.js'
import { type Sampling, sample } from '../../src/sampling/sampler.js'
import { open } from './open.js'

/** Logits row. */
const row = (...logits: number[]) => Float32Array.from(logits)
/** A prompt of this many tokens and nothing said yet. */
const at = (position: number) => ({ tokens: new Array<number>(position).fill(0), promptLength: position })

/** The ids that a sampling setting can reach, by drawing at many positions. */
function reachable(logits: Float32Array, sampling: Partial<Sampling>): number[] {
  const seen = new Set<number>()
  for (let position = 0; position < 3000; position++) seen.add(sample(logits, { ...open, ...sampling }, at(position)))
  return [...seen].sort((a, b) => a - b)
}

describe('expNegative', () => {
  it('agrees with Math.exp to a few units in the last place', () => {
    for (let x = 0; x > -708; x -= 0.37) {
      expect(Math.abs(expNegative(x) / Math.exp(x) - 1)).toBeLessThan(1e-15)
    }
    expect(expNegative(0)).toBe(1)
    expect(expNegative(-Infinity)).toBe(0)
  })
})

describe('leaders', () => {
  it('gives ties to the lower id', () => {
    expect(argmax(row(1, 3, 3, 2))).toBe(1)
    expect([...topIds(row(2, 3, 1, 3, 2), 3)]).toEqual([1, 3, 0])
  })

  it('agrees with a full sort', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 60 }),
        fc.nat(70),
        (logits, count) => {
          const ids = logits.map((_, id) => id).sort((a, b) => logits[b]! - logits[a]! || a - b)
          expect([...topIds(row(...logits), count)]).toEqual(ids.slice(0, count))
        },
      ),
    )
  })

  it.each([Number.NaN, Infinity, -Infinity])('refuses a logit of %s wherever it stands', (bad) => {
    for (const logits of [row(bad, 1, 2), row(1, 2, bad)]) {
      expect(() => argmax(logits)).toThrow(expect.objectContaining({ code: 'NON_FINITE' }))
      expect(() => topIds(logits, 1)).toThrow(expect.objectContaining({ code: 'NON_FINITE' }))
      expect(() => sample(logits, open, at(0))).toThrow(expect.objectContaining({ code: 'NON_FINITE' }))
    }
  })

  it('gives log-probabilities that sum to one', () => {
    const all = topLogprobs(row(1, -2, 0.5, 3), 4)
    expect(all.map(({ id }) => id)).toEqual([3, 0, 2, 1])
    expect(all.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 12)
  })
})

describe('sample', () => {
  it('takes the most probable token at temperature 0, and with top-k 1', () => {
    expect(reachable(row(0, 2, 2, 1), { temperature: 0 })).toEqual([1])
    expect(reachable(row(0, 2, 2, 1), { topK: 1 })).toEqual([1])
  })

  it('draws with the model’s own probabilities', () => {
    const logits = row(...[0.5, 0.3, 0.15, 0.05].map(Math.log))
    const counts = [0, 0, 0, 0]
    for (let position = 0; position < 20_000; position++) counts[sample(logits, open, at(position))]!++
    const expected = [10_000, 6000, 3000, 1000]
    // Chi-square with 3 degrees of freedom: 16.3 is the 0.1 % point.
    expect(counts.reduce((sum, n, i) => sum + (n - expected[i]!) ** 2 / expected[i]!, 0)).toBeLessThan(16.3)
  })

  it('divides by the temperature before anything is cut', () => {
    // At temperature 2 the leader has 0.5 of the mass and top-p 0.6 needs a second token; at 0.5 it has 0.94.
    const logits = row(...[9, 4, 1, 0].map((w) => (w === 0 ? -40 : Math.log(w))))
    expect(reachable(logits, { temperature: 2, topP: 0.6 })).toEqual([0, 1])
    expect(reachable(logits, { temperature: 0.5, topP: 0.6 })).toEqual([0])
  })

  it('applies top-k before top-p, and top-p to what is left', () => {
    // Of four equal tokens top-k keeps two; half of their mass is then one token.
    expect(reachable(row(1, 1, 1, 1), { topK: 2, topP: 0.5 })).toEqual([0])
    expect(reachable(row(1, 1, 1, 1), { topP: 0.5 })).toEqual([0, 1])
    expect(reachable(row(1, 1, 1, 1), { topK: 2 })).toEqual([0, 1])
  })

  it('keeps at least the leader, however small top-p is', () => {
    expect(reachable(row(0, 0.1, 0), { topP: 1e-9 })).toEqual([1])
  })

  it('keeps what is at least min-p times as probable as the leader', () => {
    const logits = row(...[0.6, 0.3, 0.06, 0.04].map(Math.log))
    expect(reachable(logits, { minP: 0.49 })).toEqual([0, 1])
    expect(reachable(logits, { minP: 0.51 })).toEqual([0])
    expect(reachable(logits, { minP: 1 })).toEqual([0])
  })

  it('finds the same nucleus in a large vocabulary as a full sort', () => {
    const logits = Float32Array.from({ length: 5000 }, (_, id) => 3 * uniform(11, id))
    const weights = Array.from(logits, (x) => Math.exp(x - 3))
    const order = weights.map((_, id) => id).sort((a, b) => weights[b]! - weights[a]! || a - b)
    const mass = weights.reduce((a, b) => a + b)
    const nucleus = new Set<number>()
    for (let sum = 0, i = 0; sum < 0.3 * mass; i++) {
      nucleus.add(order[i]!)
      sum += weights[order[i]!]!
    }
    expect(nucleus.size).toBeGreaterThan(512)
    for (let position = 0; position < 300; position++) {
      expect(nucleus.has(sample(logits, { ...open, topP: 0.3 }, at(position)))).toBe(true)
    }
  })

  it('is a function of seed and position alone', () => {
    const logits = row(1, 1, 1, 1, 1, 1, 1, 1)
    const draws = (seed: number, positions: number[]) => positions.map((p) => sample(logits, { ...open, seed }, at(p)))
    expect(draws(5, [3, 1, 2])).toEqual([3, 1, 2].map((p) => sample(logits, { ...open, seed: 5 }, at(p))))
    expect(draws(5, [...Array(64).keys()])).not.toEqual(draws(6, [...Array(64).keys()]))
  })
})
