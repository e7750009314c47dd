// Vocabularies to test with, and walks through grammars.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Tokenizer } from '@fak/tokenizer'
import { type Grammar, type GrammarMatcher, TokenGrammar, type TokenSource, TokenTable } from '../src/index.js'

export const END = '<end>'

/** A vocabulary of all single bytes, then these pieces, then added tokens. */
export function pieces(
  texts: readonly (string | Uint8Array)[],
  added: readonly string[] = [END, '<think>', '</think>'],
): TokenSource {
  const encoder = new TextEncoder()
  const tokens = [
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...texts.map((text) => (typeof text === 'string' ? encoder.encode(text) : text)),
    ...added.map((text) => encoder.encode(text)),
  ]
  const firstAdded = tokens.length - added.length
  return {
    vocabSize: tokens.length + 3,
    has: (id) => id < tokens.length,
    isAdded: (id) => id >= firstAdded && id < tokens.length,
    tokenBytes: (id) => tokens[id]!,
    idOf: (text) => {
      const at = added.indexOf(text)
      return at < 0 ? undefined : firstAdded + at
    },
  }
}

/** Pieces that cut JSON and characters wherever one can: ends of strings with what follows, halves of characters, runs of spaces. */
export const AWKWARD: TokenSource = pieces(
  [
    ...[
      '{"',
      '":',
      '": "',
      '",',
      '", "',
      '"}',
      '"]',
      '"}]',
      '},',
      '}}',
      '"},{"',
      '[]',
      '[[',
      ']]',
      '{}',
      '\n',
      '\n  ',
      '  ',
      ' "',
      ': ',
    ],
    ...[
      'name',
      'true',
      'tru',
      'false',
      'null',
      'nul',
      '12',
      '-1',
      '.5',
      '1.5',
      'e1',
      '\\"',
      '\\u',
      '\\u00',
      '00',
      'a"',
      'é',
      '中',
      'é"',
      'x\\',
    ],
    ...[
      Uint8Array.of(0xc3),
      Uint8Array.of(0xa9, 0x22),
      Uint8Array.of(0xe4, 0xb8),
      Uint8Array.of(0xad),
      Uint8Array.of(0xf0, 0x9f),
    ],
    ...[
      Uint8Array.of(0x98, 0x80),
      Uint8Array.of(0x61, 0xf0),
      Uint8Array.of(0xed, 0xa0, 0x80),
      Uint8Array.of(0xc0, 0x80),
    ],
  ].filter((piece) => piece.length > 1),
)

/** 4,000 tokens of Qwen3.5's own vocabulary, and its control tokens. */
export function qwenSlice(): Tokenizer {
  return Tokenizer.fromJson(
    readFileSync(fileURLToPath(new URL('../../../fixtures/tokenizer/tokenizer.json', import.meta.url))),
  )
}

export const has = (mask: Uint32Array, id: number) => ((mask[id >> 5]! >>> (id & 31)) & 1) === 1

export function ids(mask: Uint32Array): number[] {
  const found: number[] = []
  for (let id = 0; id < mask.length * 32; id++) if (has(mask, id)) found.push(id)
  return found
}

/** Reproducible numbers from 0 to below 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const bytesOf = (source: TokenSource, tokens: readonly number[]) =>
  Uint8Array.from(tokens.flatMap((id) => [...source.tokenBytes(id)]))

export const textOf = (source: TokenSource, tokens: readonly number[]) =>
  new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(source, tokens))

/**
 * Says one random text of a grammar, token by token; `null` when it had not ended after `most` tokens. Ends where it may with a chance of
 * one in three, and where it must.
 */
export function say(
  matcher: GrammarMatcher,
  next: () => number,
  { most = 200, see }: { most?: number; see?: (matcher: GrammarMatcher, said: readonly number[]) => void } = {},
): number[] | null {
  const said: number[] = []
  while (said.length < most) {
    see?.(matcher, said)
    const allowed = ids(matcher.allowed())
    if (allowed.length === 0 || (matcher.complete && next() < 1 / 3)) {
      if (!matcher.complete) throw new Error('nothing may come, and the text is not complete')
      return said
    }
    const id = allowed[Math.floor(next() * allowed.length)]!
    matcher.accept(id)
    said.push(id)
  }
  return null
}

export function over(grammar: Grammar, source: TokenSource): TokenGrammar {
  return new TokenGrammar(grammar, new TokenTable(source))
}

/** Whether a text fits a grammar, one byte at a time. */
export function accepts(grammar: Grammar, text: string): boolean {
  const matcher = over(grammar, BYTES).begin()
  for (const byte of new TextEncoder().encode(text)) {
    if (!has(matcher.allowed(), byte)) return false
    matcher.accept(byte)
  }
  return matcher.complete
}

const BYTES = pieces([], [])
