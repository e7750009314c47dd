import { describe, expect, it } from 'vitest'
import { threefry2x32, uniform } from '../../src/sampling/random.js'

describe('threefry2x32', () => {
  // Known answers for 20 rounds from the authors' Random123 library (kat_vectors).
  it.each([
    { counter: [0, 0], key: [0, 0], out: [0x6b200159, 0x99ba4efe] },
    { counter: [0xffffffff, 0xffffffff], key: [0xffffffff, 0xffffffff], out: [0x1cb996fc, 0xbb002be7] },
    { counter: [0x243f6a88, 0x85a308d3], key: [0x13198a2e, 0x03707344], out: [0xc4923a9c, 0x483df7a0] },
  ] as const)('gives the published answer for key $key', ({ counter, key, out }) => {
    expect(threefry2x32([...key], [...counter])).toEqual([...out])
  })
})

describe('uniform', () => {
  it('depends on every bit of a large seed and of the position', () => {
    const seen = new Set(
      [0, 1, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER].flatMap((n) => [uniform(n, 5), uniform(3, n)]),
    )
    expect(seen.size).toBe(10)
  })

  it('is evenly spread over [0, 1)', () => {
    const bins = new Array(10).fill(0)
    for (let position = 0; position < 20_000; position++) bins[Math.floor(uniform(7, position) * 10)]++
    // Chi-square with 9 degrees of freedom: 27.9 is the 0.1 % point.
    expect(bins.reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0)).toBeLessThan(27.9)
  })
})
