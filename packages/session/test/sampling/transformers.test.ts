import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Sampling, sample } from '../../src/sampling/sampler.js'
import { open } from './open.js'

interface Case {
  readonly options: Partial<Sampling>
  readonly logits: readonly number[]
  readonly tokens: readonly number[]
  readonly probabilities: readonly number[]
}

const cases: Case[] = JSON.parse(
  readFileSync(new URL('../../../../fixtures/sampling/cases.json', import.meta.url), 'utf8'),
)
const DRAWS = 4000

describe('chains of sampling rules, against the logits processors of transformers', () => {
  it.each(cases.map((each, i) => [`${i}: ${JSON.stringify(each.options)}`, each] as const))('%s', (_, each) => {
    const { options, logits, tokens, probabilities } = each
    const history = { tokens, promptLength: tokens.length }
    const counts = logits.map(() => 0)
    for (let seed = 0; seed < DRAWS; seed++) {
      counts[sample(Float32Array.from(logits), { ...open, ...options, seed }, history)]!++
    }
    for (const [id, count] of counts.entries()) {
      const p = probabilities[id]!
      if (p === 0) expect(count, `token ${id} was cut`).toBe(0)
      // Five standard deviations of a binomial count, and one draw for the rounding of rare ones.
      const spread = 5 * Math.sqrt(DRAWS * p * (1 - p)) + 1
      expect(Math.abs(count - DRAWS * p), `token ${id}`).toBeLessThanOrEqual(spread)
    }
  })
})
