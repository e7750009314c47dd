// llama.cpp's own test strings for the pre-tokenizers qwen2 and qwen35, under the ids of its vocabulary. `make_llama_vocab.py` cut
// that down to what the strings need; bench/tokenizer/llama-vocab.mjs runs them on the whole files.

import { describe, expect, it } from 'vitest'
import { Tokenizer } from '../src/index.js'
import { knownPatterns } from '../src/piece-scanner.js'
import { characterOfByte, fixtureJson } from './fixtures.js'

interface Case {
  text: string
  ids: number[]
  idsNfc?: number[]
}

const { vocab, merges, cases } = fixtureJson<{
  vocab: Record<string, number>
  merges: string[]
  cases: Record<string, Case[]>
}>('llama-vocab.json.gz')

function tokenizerOf(rules: string, normalize: 'nfc' | 'none'): Tokenizer {
  expect(characterOfByte.every((character) => vocab[character] !== undefined)).toBe(true)
  const [pattern] = [...knownPatterns].find(([, name]) => name === rules)!
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false }
  const split = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated' }
  const json = {
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, bytes] },
    decoder: bytes,
    model: { type: 'BPE', vocab, merges },
  }
  return Tokenizer.fromJson(json, { normalize })
}

describe.each([
  ['qwen2', 46],
  ['qwen35', 50],
] as const)('llama.cpp, %s', (rules, count) => {
  it('gives the same ids for each of its strings, not normalized', () => {
    const tokenizer = tokenizerOf(rules, 'none')
    expect(cases[rules]).toHaveLength(count)
    for (const { text, ids } of cases[rules]!) expect([...tokenizer.encode(text)]).toEqual(ids)
  })

  it('gives other ids than HF tokenizers, and this package, where NFC composes letters and marks', () => {
    const tokenizer = tokenizerOf(rules, 'nfc')
    for (const { text, ids, idsNfc = ids } of cases[rules]!) expect([...tokenizer.encode(text)]).toEqual(idsNfc)
    const changed = cases[rules]!.filter(({ idsNfc }) => idsNfc).map(({ text }) => text)
    expect(changed).toEqual(
      rules === 'qwen2' ? [] : ['e\u0301', 're\u0301sume\u0301', 'a\u0300'.repeat(changed[2]!.length / 2)],
    )
  })
})
