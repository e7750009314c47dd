// --speculate: whoever guesses, the answer is the same, text and tokens.

import { describe, expect, it } from 'vitest'
import { fak } from './harness.js'

const done = async (...args: string[]) => {
  const { stdout, stderr, code } = await fak(['chat', '--json', ...args])
  expect(stderr.includes('fak:'), stderr).toBe(false)
  expect(code).toBe(0)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
}

const asked = [
  ['-p', 'List the months of the year.'],
  ['-p', 'Count to 20.', '--temp', '0.9', '--seed', '4'],
  ['-p', 'What is 4 plus 4?', '--think', '--reasoning-budget', '6'],
  ['-p', 'What is the capital of France?', '--temp', '1.3', '--seed', '11', '-n', '9'],
  ['-p', 'What color is the sky?', '--choices', 'green,blue'],
]

const tokensExpected = (args: readonly string[]) => args.includes('List the months of the year.')

describe.each(asked)('%s %s', (...args) => {
  it.each(['mtp', 'ngram'])('says the same with --speculate %s', async (how) => {
    const plain = await done(...args, '--speculate', 'off')
    const guessed = await done(...args, '--speculate', how)
    for (const key of ['text', 'reasoning', 'tokens', 'thought', 'finishReason', 'matched', 'promptTokens', 'seed']) {
      if (key !== 'seed' || args.includes('--seed')) expect(guessed[key], key).toEqual(plain[key])
    }
    expect(plain.speculation).toBeNull()
    const { passes, accepted, drafted, tokensPerPass } = guessed.speculation
    expect(drafted).toBeGreaterThanOrEqual(accepted)
    // What the head was trained for.
    if (how === 'mtp' && tokensExpected(args)) expect(tokensPerPass).toBeGreaterThan(2)
    if (passes > 0) expect(tokensPerPass).toBeCloseTo((passes + accepted) / passes)
  })
})
