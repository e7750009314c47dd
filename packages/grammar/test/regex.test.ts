import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { regexGrammar } from '../src/index.js'
import { AWKWARD, accepts, over, random, say, textOf } from './tokens.js'

const patterns = [
  ...[
    'abc',
    'a|b|cd',
    'a*',
    '(ab)+c?',
    '[a-c]{2,4}',
    '[^a-y\\s]',
    '\\d+(\\.\\d+)?',
    '^a$|^b',
    'a$b|c',
    '(a|b)*abb',
    '(?:x|y){3}',
  ],
  ...[
    '(?<year>\\d{4})-\\d\\d',
    '\\p{Lu}\\p{Ll}*',
    '[\\w-]+@\\w+',
    '.',
    '[^]',
    '\\u{1F600}+',
    '[é中😀]{1,3}',
    '\\x41\\u0042\\cJ?',
    '(a{0,3}){2}',
  ],
  ...[
    '(|a)b',
    'a{2}',
    'a{2,}',
    '[a\\-z]',
    '[-a]',
    '[a-]',
    '\\[\\]\\{\\}',
    '$^',
    '(^a|b)c',
    '[\\0-\\x1f]',
    '\\P{L}',
    'a+?b*?',
    '[\\b]',
    '\\s\\S',
  ],
]

describe('patterns', () => {
  it.each(patterns)('allow what JavaScript matches from beginning to end: %s', (pattern) => {
    const grammar = regexGrammar(pattern)
    const whole = new RegExp(`^(?:${pattern})$`, 'u')
    const letters = [
      'a',
      'b',
      'c',
      'd',
      'x',
      'y',
      'z',
      'A',
      'B',
      '1',
      '2',
      '.',
      '-',
      '@',
      'é',
      '中',
      '😀',
      '\n',
      ' ',
      '[',
      ']',
      '{',
      '}',
      '\0',
      '\b',
      '\t',
    ]
    const next = random(1)
    for (let i = 0; i < 300; i++) {
      const text = Array.from(
        { length: Math.floor(next() * 6) },
        () => letters[Math.floor(next() * letters.length)]!,
      ).join('')
      expect([text, accepts(grammar, text)]).toEqual([text, whole.test(text)])
    }
  })

  it.each(patterns)('lead to texts that JavaScript matches: %s', (pattern) => {
    const grammar = over(regexGrammar(pattern), AWKWARD)
    const whole = new RegExp(`^(?:${pattern})$`, 'u')
    let finished = 0
    for (let seed = 0; seed < 20; seed++) {
      const said = say(grammar.begin(), random(seed))
      if (said === null) continue
      finished++
      expect(textOf(AWKWARD, said)).toMatch(whole)
    }
    expect(finished).toBeGreaterThan(0)
  })

  it('random patterns', () => {
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { maxDepth: 3, depthIdentifier: 'pattern' },
        fc.constantFrom('a', 'b', '[ab]', '[^a]', '.', '\\w', 'é', '^', '$', ''),
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(${a})(${b})`),
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(${a}|${b})`),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,1}?'))
          .map(([a, q]) => `(${a})${q}`),
      ),
    }))
    fc.assert(
      fc.property(pattern, fc.array(fc.constantFrom('a', 'b', 'é', 'c', '\n'), { maxLength: 5 }), (source, letters) => {
        const text = letters.join('')
        let allowed = false
        try {
          allowed = accepts(regexGrammar(source), text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'GRAMMAR_EMPTY' })
        }
        expect(allowed).toBe(new RegExp(`^(?:${source})$`, 'u').test(text))
      }),
      { numRuns: 400, seed: 5 },
    )
  })

  it('takes expressions with the flags u and s', () => {
    expect(accepts(regexGrammar(/a.b/s), 'a\nb')).toBe(true)
    expect(accepts(regexGrammar(/a.b/u), 'a\nb')).toBe(false)
    expect(() => regexGrammar(/a/i)).toThrow(expect.objectContaining({ code: 'GRAMMAR_UNSUPPORTED' }))
  })

  it.each([
    ['a(b', 1],
    ['a)b', 1],
    ['é[a', 2],
    ['[b-a]', 1],
    ['a**', 2],
    ['*a', 0],
    ['a{3,1}', 1],
    ['\\', 0],
    ['(?<a', 0],
    ['x\\q', 1],
    ['\\u{110000}', 0],
    ['\\ud800', 0],
    ['\\p{Nonsense}', 0],
    ['{', 0],
    ['[\\d-z]', 1],
    ['^*', 1],
    [`${'('.repeat(300)}`, 200],
  ])('says where %s is not well-formed', (pattern, offset) => {
    expect(() => regexGrammar(pattern)).toThrow(expect.objectContaining({ code: 'GRAMMAR_BAD_REGEX', offset }))
  })

  it.each(['a(?=b)', 'a(?<!b)', '(a)\\1', '\\bword', '(?<x>a)\\k<x>'])('refuses what is not regular: %s', (pattern) => {
    expect(() => regexGrammar(pattern)).toThrow(expect.objectContaining({ code: 'GRAMMAR_UNSUPPORTED' }))
  })

  it.each(['[]', 'a[]', 'a$b'])('refuses what matches nothing: %s', (pattern) => {
    expect(() => regexGrammar(pattern)).toThrow(expect.objectContaining({ code: 'GRAMMAR_EMPTY' }))
  })

  it.each(['(a{1000}){1000}', '[ab]*a[ab]{20}', 'a'.repeat(10_001)])('refuses what takes too much', (pattern) => {
    expect(() => regexGrammar(pattern)).toThrow(expect.objectContaining({ code: 'GRAMMAR_TOO_LARGE' }))
  })
})
