// Fixture files, and a small valid tokenizer.json that the malformed cases break in one place each.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { knownPatterns } from '../src/piece-scanner.js'
import { byteOfCharacter } from '../src/spelling.js'

const folder = new URL('../../../fixtures/tokenizer/', import.meta.url)

/** Bytes of a file of fixtures/tokenizer. */
export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(name, folder))
}

/** A JSON fixture, unpacked when its name says so. */
export function fixtureJson<T>(name: string): T {
  const bytes = fixtureBytes(name)
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : Buffer.from(bytes)).toString('utf8')) as T
}

/** The pattern of the `qwen35` rules as tokenizer.json spells it. */
export const qwen35Pattern = [...knownPatterns].find(([, rules]) => rules === 'qwen35')![0]

/** Characters of GPT-2's alphabet by the byte they spell. */
export const characterOfByte: string[] = []
byteOfCharacter.forEach((byte, character) => {
  if (byte >= 0) characterOfByte[byte] = String.fromCharCode(character)
})

/** Spells UTF-8 text in GPT-2's alphabet. */
export function spell(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => characterOfByte[byte]!).join('')
}

/** An added token as tokenizer.json lists it. */
export function addedToken(id: number, content: string, more: object = {}): Record<string, unknown> {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more }
}

/** A small tokenizer.json, parsed: the 256 bytes in order of value, ` t`, `he`, ` the`, and two added tokens. */
export function smallTokenizer() {
  const vocab: Record<string, unknown> = {}
  for (let byte = 0; byte < 256; byte++) vocab[characterOfByte[byte]!] = byte
  Object.assign(vocab, { Ġt: 256, he: 257, Ġthe: 258 })
  return {
    version: '1.0',
    truncation: null as unknown,
    padding: null as unknown,
    added_tokens: [addedToken(259, '<|im_end|>'), addedToken(260, '<think>', { special: false })] as unknown[],
    normalizer: { type: 'NFC' } as unknown,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: qwen35Pattern }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null as unknown,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false } as unknown,
    model: {
      type: 'BPE' as unknown,
      dropout: null as unknown,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: vocab as unknown,
      merges: ['Ġ t', ['h', 'e'], 'Ġt he'] as unknown[],
    } as Record<string, unknown>,
  }
}
