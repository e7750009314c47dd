// Masks against brute force: every token of the vocabulary tried byte by byte, on a machine that makes no masks.

import { describe, expect, it } from 'vitest'
import type { Grammar } from '../src/grammar.js'
import {
  choiceGrammar,
  jsonSchemaGrammar,
  regexGrammar,
  TokenGrammar,
  type TokenSource,
  TokenTable,
} from '../src/index.js'
import { Machine, type State } from '../src/machine.js'
import { AWKWARD, END, ids, over, pieces, qwenSlice, random } from './tokens.js'

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    tag: { type: 'string', minLength: 2, maxLength: 70 },
    code: { type: 'string', pattern: '^[A-Z"é]+$' },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    friends: { type: 'array', items: { $ref: '#' } },
    extra: true,
  },
  required: ['name'],
}

const grammars: [string, Grammar][] = [
  ['any JSON', jsonSchemaGrammar(true)],
  ['a schema that refers to itself', jsonSchemaGrammar(person)],
  ['a schema without white space', jsonSchemaGrammar(person, { whiteSpace: 'none' })],
  [
    'alternatives',
    jsonSchemaGrammar({ anyOf: [{ type: 'string', maxLength: 3 }, { type: 'number' }, { enum: ['abc', 'é', [1]] }] }),
  ],
  ['long strings', jsonSchemaGrammar({ type: 'string', minLength: 100, maxLength: 400 })],
  ['choices', choiceGrammar(['naive', 'naïve', 'née', '中', '中国', '😀'])],
  ['a pattern', regexGrammar('(\\p{L}|[😀-😂])+( \\d{1,3})?')],
  ['anything', regexGrammar('[^]*')],
]

/** The tokens after which the machine still stands somewhere. */
function bruteForce(machine: Machine, state: State, source: TokenSource): number[] {
  const allowed: number[] = []
  for (let id = 0; id < source.vocabSize; id++) {
    if (!source.has(id) || source.isAdded(id)) continue
    const bytes = source.tokenBytes(id)
    let at: State | null = state
    for (const byte of bytes) at = at && machine.step(at, byte)
    if (at !== null && bytes.length > 0) allowed.push(id)
  }
  return allowed
}

/** Walks through a grammar and compares all the way. */
function compare(
  grammar: Grammar,
  source: TokenSource,
  table: TokenTable,
  { walks, most }: { walks: number; most: number },
) {
  const over = new TokenGrammar(grammar, table)
  for (let seed = 0; seed < walks; seed++) {
    const next = random(seed)
    const machine = new Machine(grammar)
    let state = machine.start
    const matcher = over.begin()
    for (let i = 0; i < most; i++) {
      const allowed = ids(matcher.allowed())
      expect(allowed).toEqual(bruteForce(machine, state, source))
      expect(matcher.complete).toBe(state.ends)
      if (allowed.length === 0) break
      // Long tokens as often as short ones, so that walks go deep.
      const id = allowed[Math.floor(next() ** 0.5 * allowed.length)]!
      matcher.accept(id)
      for (const byte of source.tokenBytes(id)) state = machine.step(state, byte)!
    }
  }
}

describe('masks', () => {
  const awkward = new TokenTable(AWKWARD)
  it.each(grammars)('of %s are those of brute force, with tokens that cut characters', (_, grammar) => {
    compare(grammar, AWKWARD, awkward, { walks: 12, most: 60 })
  })

  const qwen = qwenSlice()
  const table = new TokenTable(qwen)
  it.each(grammars)("of %s are those of brute force, with Qwen's tokens", (_, grammar) => {
    compare(grammar, qwen, table, { walks: 2, most: 25 })
  })

  it('are the same however warm the grammar is, and whoever else uses it', () => {
    const grammar = jsonSchemaGrammar(person)
    const shared = new TokenGrammar(grammar, awkward)
    const [a, b] = [shared.begin(), shared.begin()]
    for (const id of [...new TextEncoder().encode('{"name": "Zo')]) {
      a.accept(id)
      if (id !== 0x7b) continue
      b.accept(id)
    }
    const alone = new TokenGrammar(grammar, awkward).begin()
    alone.accept(0x7b)
    expect(ids(b.allowed())).toEqual(ids(alone.allowed()))
    const fork = a.fork()
    const before = ids(a.allowed())
    fork.accept(0x22)
    expect(ids(a.allowed())).toEqual(before)
    expect(ids(fork.allowed())).not.toEqual(before)
  })
})

it('a text deeper than what is remembered goes on', () => {
  const matcher = over(jsonSchemaGrammar(true), AWKWARD).begin()
  const fork = matcher.fork()
  for (let i = 0; i < 25_000; i++) matcher.accept(0x5b)
  fork.accept(0x31)
  for (let i = 0; i < 25_000; i++) matcher.accept(0x5d)
  expect([matcher.complete, ids(matcher.allowed()), fork.complete]).toEqual([true, [], true])
})

describe('added tokens', () => {
  it('are no text: a string cannot hold them', () => {
    const matcher = over(jsonSchemaGrammar({ type: 'string' }), AWKWARD).begin()
    matcher.accept(0x22)
    for (const text of [END, '<think>', '</think>']) {
      const id = AWKWARD.idOf(text)!
      expect(ids(matcher.allowed())).not.toContain(id)
      expect(() => matcher.accept(id)).toThrow(expect.objectContaining({ code: 'GRAMMAR_TOKEN_REFUSED' }))
    }
    for (const byte of new TextEncoder().encode(END)) matcher.accept(byte)
  })

  it('refuse nothing else, and ids without a token never come', () => {
    const matcher = over(regexGrammar('[^]*'), AWKWARD).begin()
    // A surrogate and an overlong form, in bytes, begin no character. A part of one, in the middle, begins none either.
    const isText = (id: number) =>
      id < 0x80 || (id >= 0xc2 && id <= 0xf4) || (id > 0xff && !/^\ufffd/.test(textOfBytes(id)))
    const textOfBytes = (id: number) => new TextDecoder().decode(AWKWARD.tokenBytes(id), { stream: true })
    const texts = Array.from({ length: AWKWARD.idOf(END)! }, (_, id) => id).filter(isText)
    expect(ids(matcher.allowed())).toEqual(texts)
    expect(() => matcher.accept(AWKWARD.vocabSize - 1)).toThrow(
      expect.objectContaining({ code: 'GRAMMAR_TOKEN_REFUSED' }),
    )
    expect(() => matcher.accept(-1)).toThrow(expect.objectContaining({ code: 'GRAMMAR_TOKEN_REFUSED' }))
  })
})

it('a vocabulary that cannot go on leaves an empty mask', () => {
  const noBytes: TokenSource = { ...pieces(['ab']), has: (id) => id === 256 }
  const matcher = over(choiceGrammar(['abc']), noBytes).begin()
  matcher.accept(256)
  expect(matcher.complete).toBe(false)
  expect(ids(matcher.allowed())).toEqual([])
})

it.each([[[]], [['']], [['a', '\ud800']]])('choices %j are refused', (choices) => {
  expect(() => choiceGrammar(choices)).toThrow(expect.objectContaining({ code: 'GRAMMAR_BAD_CHOICES' }))
})
