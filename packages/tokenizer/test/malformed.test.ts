// Hostile tokenizer.json files. Each case breaks a valid file in one place; the numbers T1-T20 name the kinds.

import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { Tokenizer } from '../src/index.js'
import { MergeReader } from '../src/merges.js'
import { Vocabulary } from '../src/vocabulary.js'
import { addedToken, characterOfByte, qwen35Pattern, smallTokenizer } from './fixtures.js'

type Json = ReturnType<typeof smallTokenizer>

/** The error of loading `input`; anything but a FakError fails the test. */
function errorOf(input: string | Uint8Array | object, config?: object): FakError {
  try {
    Tokenizer.fromJson(input, { file: 'tokenizer.json', ...(config ? { config } : {}) })
  } catch (error) {
    if (FakError.isInstance(error)) return error
    throw error
  }
  throw new Error('it loaded')
}

function broken(change: (json: Json) => void): Json {
  const json = smallTokenizer()
  change(json)
  return json
}

const text = JSON.stringify(smallTokenizer())

describe('a malformed tokenizer.json', () => {
  it('has a valid sibling', () => {
    const tokenizer = Tokenizer.fromJson(text)
    expect([...tokenizer.encode(' the then')]).toEqual([258, 258, 110])
    expect(text.length).toBeLessThan(4096)
  })

  it.each([
    ['', 0],
    ['not JSON', 0],
    ['[]', 0],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['{"a":01}', 5],
    ['{"a":1} x', 8],
    ['{"a":"\\x"}', 6],
    ['{"a":"\u0001"}', 6],
    ['{"a":1,"a":2}', 7],
    ['\ufeff{}', 0],
  ])('T1: %j is TOK_BAD_JSON at its offset', (input, offset) => {
    expect(errorOf(input)).toMatchObject({ code: 'TOK_BAD_JSON', file: 'tokenizer.json', offset })
  })

  it('T2: refuses deep nesting without deep recursion', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const nested = (depth: number): string => `{"x":${open.repeat(depth)}1${close.repeat(depth)},${text.slice(1)}`
      expect(errorOf(nested(100_000)).code).toBe('TOK_TOO_DEEP')
      expect(errorOf(nested(64)).code).toBe('TOK_TOO_DEEP')
      expect(Tokenizer.fromJson(nested(63)).vocabSize).toBe(261)
    }
  })

  it.each(['Unigram', 'x', undefined, null, 7])('T3: model type %j', (type) => {
    expect(errorOf(broken((json) => Object.assign(json.model, { type }))).code).toBe('TOK_UNSUPPORTED_MODEL')
    const late = smallTokenizer()
    const { type: _, vocab: __, ...rest } = late.model
    late.model = { vocab: [['a', 0]], ...rest, type }
    expect(errorOf(late).code).toBe('TOK_UNSUPPORTED_MODEL')
  })

  it.each(['dropout', 'unk_token', 'continuing_subword_prefix', 'byte_fallback', 'ignore_merges'])(
    'a model with %s',
    (key) => {
      expect(errorOf(broken((json) => Object.assign(json.model, { [key]: true })))).toMatchObject({
        code: 'TOK_UNSUPPORTED_MODEL',
        field: `model.${key}`,
      })
    },
  )

  it('T4: names both tokens that have one id', () => {
    const error = errorOf(broken((json) => Object.assign(json.model.vocab as object, { xy: 257 })))
    expect(error).toMatchObject({ code: 'TOK_DUPLICATE_ID', offset: expect.any(Number) })
    expect(error.reason).toMatch(/"he".*"xy"/)
  })

  it('a token listed twice', () => {
    expect(errorOf(text.replace('"he":257', '"he":257,"he":300')).code).toBe('TOK_DUPLICATE_TOKEN')
  })

  it.each(['-1', '1.5', '2147483648', '1000000000000000', '"7"', '1e2', '007', 'null', '99999999999999999999'])(
    'T5: id %s',
    (id) => {
      expect(errorOf(text.replace('"he":257', `"he":${id}`)).code).toBe('TOK_BAD_ID')
      expect(errorOf(text.replace('"id":260', `"id":${id}`)).code).toBe('TOK_BAD_ID')
    },
  )

  it('T7: says how many single-byte tokens are missing', () => {
    const json = broken(({ model }) => {
      for (const byte of [0, 200]) delete (model.vocab as Record<string, unknown>)[characterOfByte[byte]!]
    })
    expect(errorOf(json)).toMatchObject({
      code: 'TOK_INCOMPLETE_BYTES',
      reason: expect.stringMatching(/^2 of the 256/),
    })
  })

  it.each([
    ['T8: of a token that does not exist', ['hh', 'e']],
    ['T9: whose result does not exist', ['t', 'h']],
    ['T10: whose result is longer than any token', ['Ġthe', 'Ġthe']],
    ['T11: with one part', 'he'],
    ['T11: with one part in a list', ['he']],
    ['T11: with three parts', 'h e e'],
    ['T11: with three parts in a list', ['h', 'e', 'e']],
    ['T11: with an empty part', 'h '],
    ['T11: with an empty first part', ' e'],
    ['T11: with an empty part in a list', ['', 'he']],
    ['T11: with a space in a part', ['h', 'e e']],
    ['that is no string', ['h', 7]],
    ['that is a number', 7],
    ['of characters outside the alphabet', ['你', 'e']],
  ])('a merge %s', (_, merge) => {
    const error = errorOf(broken(({ model }) => (model.merges as unknown[]).push(merge)))
    expect(error).toMatchObject({ code: 'TOK_BAD_MERGE', offset: expect.any(Number), field: 'model.merges' })
    expect(error.reason).toMatch(/^merge 3: /)
  })

  it('T12: the same merge twice', () => {
    expect(errorOf(broken(({ model }) => (model.merges as unknown[]).push('h e'))).code).toBe('TOK_DUPLICATE_MERGE')
  })

  it('T13: five million merges, without reading them all', () => {
    const many = text.replace(/"merges":\[/, `$&${'"h e",'.repeat(5_000_000)}`)
    const bytes = new TextEncoder().encode(many)
    const start = performance.now()
    const error = errorOf(bytes)
    // A small vocabulary has few pairs: the list must repeat itself long before the limit.
    expect(error).toMatchObject({ code: 'TOK_DUPLICATE_MERGE', offset: expect.any(Number) })
    expect(error.reason).toMatch(/^merge 1: .* merge 0 already$/)
    // Under a second on a quiet machine; this only notices when all are read.
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  it('T13: one merge more than the limit', () => {
    // 524,288 tokens of three bytes, each the result of two merges.
    const vocabulary = new Vocabulary(null, { tokens: 600_000, bytes: 2_000_000 })
    const scratch = (bytes: readonly number[]): Uint8Array => {
      const room = vocabulary.reserve(bytes.length)
      room.set(bytes, vocabulary.tail)
      return room
    }
    let next = 0
    const add = (...bytes: number[]): void => {
      scratch(bytes)
      vocabulary.addText(next++, vocabulary.tail + bytes.length, 'vocab', null)
    }
    for (let a = 0; a < 256; a++) add(a)
    for (let a = 0; a < 256; a++) for (let b = 0; b < 256; b++) add(a, b)
    for (let a = 0; a < 9; a++) for (let b = 0; b < 256; b++) for (let c = 0; c < 256; c++) add(a, b, c)
    const merges = new MergeReader(vocabulary, null, 'merges', 100)
    const from = vocabulary.tail
    const merge = (left: number, ...bytes: number[]): void => {
      merges.add(scratch(bytes), from, from + left, from + bytes.length, null)
    }
    for (let a = 0; a < 8; a++) {
      for (let b = 0; b < 256; b++) {
        for (let c = 0; c < 256; c++) {
          merge(1, a, b, c)
          merge(2, a, b, c)
        }
      }
    }
    expect(merges.table.count).toBe(1_048_576)
    expect(() => merge(1, 8, 0, 0)).toThrow(/TOK_TOO_LARGE/)
  })

  it.each(['(a+)+$', '(.*)*x', `${qwen35Pattern}|x`, ''])('T14: pattern %j is shown, never executed', (pattern) => {
    const error = errorOf(
      broken((json) => Object.assign(json.pre_tokenizer.pretokenizers[0]!, { pattern: { Regex: pattern } })),
    )
    expect(error.code).toBe('TOK_UNSUPPORTED_PATTERN')
    expect(error.reason).toContain(JSON.stringify(pattern.slice(0, 60)).slice(0, -1))
  })

  it.each([
    ['another behaviour', (json: Json) => Object.assign(json.pre_tokenizer.pretokenizers[0]!, { behavior: 'Removed' })],
    ['a prefix space', (json: Json) => Object.assign(json.pre_tokenizer.pretokenizers[1]!, { add_prefix_space: true })],
    ['a second regex', (json: Json) => Object.assign(json.pre_tokenizer.pretokenizers[1]!, { use_regex: true })],
    ['one stage missing', (json: Json) => json.pre_tokenizer.pretokenizers.pop()],
    ['one stage more', (json: Json) => json.pre_tokenizer.pretokenizers.push({ type: 'Digits' } as never)],
    ['another kind', (json: Json) => Object.assign(json, { pre_tokenizer: { type: 'Whitespace' } })],
    ['nothing', (json: Json) => Object.assign(json, { pre_tokenizer: null })],
    ['no entry', (json: Json) => Object.assign(json, { pre_tokenizer: undefined })],
  ])('a pre-tokenizer with %s', (_, change) => {
    expect(errorOf(broken(change)).code).toBe('TOK_UNSUPPORTED_PRE_TOKENIZER')
  })

  it.each([
    ['T15: with empty content', addedToken(300, ''), 'TOK_BAD_ADDED_TOKEN'],
    ['with content that another has', addedToken(300, '<think>'), 'TOK_BAD_ADDED_TOKEN'],
    ['without content', { id: 300 }, 'TOK_BAD_ADDED_TOKEN'],
    ['that is no object', 'x', 'TOK_BAD_ADDED_TOKEN'],
    ['with a flag that is no boolean', addedToken(300, 'x', { special: 1 }), 'TOK_BAD_ADDED_TOKEN'],
    ['T16: with an id of the vocabulary', addedToken(257, 'x'), 'TOK_DUPLICATE_ID'],
    ['T16: with an id of another', addedToken(259, 'x'), 'TOK_DUPLICATE_ID'],
    ['that strips', addedToken(300, 'x', { lstrip: true }), 'TOK_UNSUPPORTED_ADDED_TOKEN'],
    ['that matches words only', addedToken(300, 'x', { single_word: true }), 'TOK_UNSUPPORTED_ADDED_TOKEN'],
  ])('an added token %s', (_, token, code) => {
    expect(errorOf(broken((json) => json.added_tokens.push(token)))).toMatchObject({ code, offset: expect.any(Number) })
  })

  it('an added token may stand in the vocabulary under the same id', () => {
    const json = broken(({ added_tokens }) => added_tokens.push(addedToken(257, 'he')))
    expect([...Tokenizer.fromJson(json).encode('xhe', { special: 'all' })]).toEqual([0x78, 257])
  })

  it('T18: a post-processor that names a token that does not exist, or would add one', () => {
    const template = (id: string): object => ({
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    })
    const codeFor = (value: object): string =>
      errorOf(broken((json) => Object.assign(json, { post_processor: value }))).code
    expect(codeFor(template('<s>'))).toBe('TOK_BAD_POST_PROCESSOR')
    expect(codeFor(template('<think>'))).toBe('TOK_UNSUPPORTED_POST_PROCESSOR')
    expect(codeFor({ type: 'BertProcessing' })).toBe('TOK_UNSUPPORTED_POST_PROCESSOR')
    const harmless = { type: 'Sequence', processors: [{ type: 'ByteLevel', trim_offsets: false }] }
    expect(Tokenizer.fromJson(broken((json) => Object.assign(json, { post_processor: harmless }))).vocabSize).toBe(261)
  })

  it.each([
    ['TOK_UNSUPPORTED_TRUNCATION', { truncation: { max_length: 4, stride: 4 } }],
    ['TOK_UNSUPPORTED_PADDING', { padding: { strategy: { Fixed: 0 } } }],
    ['TOK_UNSUPPORTED_DECODER', { decoder: { type: 'Strip', content: ' ', start: 3, stop: 1 } }],
    ['TOK_UNSUPPORTED_DECODER', { decoder: null }],
    ['TOK_UNSUPPORTED_NORMALIZER', { normalizer: { type: 'NFKC' } }],
    [
      'TOK_UNSUPPORTED_NORMALIZER',
      { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] } },
    ],
  ])('T19: %s for %j', (code, change) => {
    expect(errorOf(broken((json) => Object.assign(json, change))).code).toBe(code)
  })

  it('T20: a token with an unpaired surrogate escape, or bytes that are not UTF-8', () => {
    for (const bad of ['\\ud800', '\\udc00', '\\ud800\\u0041', '\\ud800x']) {
      expect(errorOf(text.replace('"he":257', `"he${bad}":257`)).code).toBe('TOK_BAD_UTF8')
      expect(errorOf(text.replace('<think>', `<think>${bad}`)).code).toBe('TOK_BAD_UTF8')
    }
    const bytes = new TextEncoder().encode(text)
    bytes[bytes.indexOf(0x3c)] = 0xff
    expect(errorOf(bytes).code).toBe('TOK_BAD_UTF8')
    const paired = Tokenizer.fromJson(text.replace('<think>', '\\ud83d\\ude00'))
    expect(paired.idOf('\u{1f600}')).toBe(260)
  })

  it('reads a vocabulary that comes after its merges', () => {
    const json = smallTokenizer()
    const { vocab, merges, ...rest } = json.model
    json.model = { merges, ...rest, vocab }
    expect([...Tokenizer.fromJson(json).encode(' the')]).toEqual([258])
  })

  it('reads escapes in the spelling of tokens', () => {
    const escaped = text.replaceAll('Ġ', '\\u0120')
    expect([...Tokenizer.fromJson(escaped).encode(' the')]).toEqual([258])
  })
})

describe('a malformed tokenizer_config.json', () => {
  it.each([
    ['TOK_BAD_JSON', []],
    ['TOK_BAD_ID', { added_tokens_decoder: { x: { content: 'x' } } }],
    ['TOK_BAD_ID', { added_tokens_decoder: { '01': { content: 'x' } } }],
    ['TOK_BAD_ID', { added_tokens_decoder: { 4000000000: { content: 'x' } } }],
    ['TOK_BAD_ADDED_TOKEN', { added_tokens_decoder: { 300: 'x' } }],
    ['TOK_BAD_ADDED_TOKEN', { added_tokens_decoder: { 300: { content: '<think>' } } }],
    ['TOK_DUPLICATE_ID', { added_tokens_decoder: { 257: { content: 'x' } } }],
    ['TOK_UNKNOWN_TOKEN', { eos_token: '<nothing>' }],
    ['TOK_UNKNOWN_TOKEN', { pad_token: { content: '<nothing>' } }],
  ])('%s: %j', (code, config) => {
    expect(errorOf(text, config).code).toBe(code)
  })

  it('has a valid sibling, whose tokenizer class is not believed', () => {
    const config = {
      tokenizer_class: 'LlamaTokenizer',
      added_tokens_decoder: { 260: { content: '<think>' }, 300: { content: '<|audio|>', special: true } },
      eos_token: { content: '<|im_end|>' },
      bos_token: null,
    }
    const tokenizer = Tokenizer.fromJson(text, { config })
    expect([tokenizer.eosTokenId, tokenizer.bosTokenId, tokenizer.idOf('<|audio|>')]).toEqual([259, undefined, 300])
  })
})

describe('every small damage to a valid file', () => {
  // What must not happen is anything but a typed error or a tokenizer that works.
  const loads = (bytes: Uint8Array): void => {
    let tokenizer: Tokenizer
    try {
      tokenizer = Tokenizer.fromJson(bytes)
    } catch (error) {
      if (!FakError.isInstance(error)) throw error
      expect(error.code).toMatch(/^TOK_/)
      return
    }
    tokenizer.decode(tokenizer.encode(' the <think>', { special: 'all' }))
  }

  it('truncated at any length', () => {
    const bytes = new TextEncoder().encode(text)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => Tokenizer.fromJson(bytes.subarray(0, length))).toThrow(/TOK_/)
    }
  })

  it('with any one bit flipped', () => {
    const bytes = new TextEncoder().encode(text)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      loads(bytes)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
    }
  })
})
