import { describe, expect, it } from 'vitest'
import { type GgufTokenizerMetadata, Tokenizer } from '../src/index.js'
import { addedToken, fixtureBytes, smallTokenizer, spell } from './fixtures.js'

const tokenizer = Tokenizer.fromJson(fixtureBytes('tokenizer.json'))
const imEnd = tokenizer.idOf('<|im_end|>')!
const think = tokenizer.idOf('<think>')!

describe('the policy for added tokens', () => {
  const text = 'a<|im_end|>b<think>c'

  it('T25: takes control tokens in a text for text unless asked', () => {
    const ids = [...tokenizer.encode(text)]
    expect(ids).not.toContain(imEnd)
    expect(ids).not.toContain(think)
    expect(tokenizer.decode(ids)).toBe(text)
  })

  it('recognises all of them, or those named, in the middle of a text too', () => {
    expect([...tokenizer.encode(text, { special: 'all' })].filter((id) => id === imEnd || id === think)).toEqual([
      imEnd,
      think,
    ])
    const some = [...tokenizer.encode(text, { special: new Set(['<think>']) })]
    expect(some).toContain(think)
    expect(some).not.toContain(imEnd)
  })

  it('refuses a name that is no added token, and an unknown policy', () => {
    expect(() => tokenizer.encode('', { special: new Set(['<nothing>']) })).toThrow(/TOK_UNKNOWN_TOKEN/)
    expect(() => tokenizer.encode('', { special: 'some' as 'all' })).toThrow(/TOK_BAD_INPUT/)
  })

  it('takes the longest of several that begin at one place, and the first of those that overlap', () => {
    const json = smallTokenizer()
    json.added_tokens = ['<a', '<a>', 'a><b', '<b>'].map((content, i) => addedToken(300 + i, content))
    const small = Tokenizer.fromJson(json)
    expect([...small.encode('<a><b><a', { special: 'all' })]).toEqual([301, 303, 300])
  })

  it('can be looked at without encoding', () => {
    expect(tokenizer.splitAdded(text)).toEqual([
      { text: 'a' },
      { text: '<|im_end|>', id: imEnd },
      { text: 'b' },
      { text: '<think>', id: think },
      { text: 'c' },
    ])
    expect(tokenizer.splitAdded('')).toEqual([])
  })

  it('finds tokens marked as normalized in the normalized text, others in the text as given', () => {
    const json = smallTokenizer()
    json.added_tokens = [addedToken(300, '\u00e9', { normalized: true }), addedToken(301, '\u00f4')]
    const small = Tokenizer.fromJson(json)
    expect([...small.encode('e\u0301', { special: 'all' })]).toEqual([300])
    expect([...small.encode('o\u0302', { special: 'all' })]).not.toContain(301)
    expect([...small.encode('\u00f4', { special: 'all' })]).toEqual([301])
  })

  it('tells control tokens from tokens that are merely added', () => {
    expect([tokenizer.isSpecial(imEnd), tokenizer.isSpecial(think), tokenizer.isSpecial(0)]).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('single tokens', () => {
  it('have bytes, and are found by their text', () => {
    const id = tokenizer.idOf(' the')!
    expect(new TextDecoder().decode(tokenizer.tokenBytes(id))).toBe(' the')
    expect(tokenizer.idOf('no such token in any vocabulary')).toBeUndefined()
  })

  it('give bytes that the caller may change', () => {
    const id = tokenizer.idOf(' the')!
    tokenizer.tokenBytes(id).fill(0)
    expect(tokenizer.decode([id])).toBe(' the')
  })

  it('T6: may be missing between others; only decoding the hole fails', () => {
    const json = smallTokenizer()
    json.added_tokens = [addedToken(400, '<|im_end|>')]
    const small = Tokenizer.fromJson(json)
    expect([small.vocabSize, small.has(400), small.has(300)]).toEqual([401, true, false])
    expect(() => small.decode([300])).toThrow(/TOK_UNKNOWN_ID/)
  })

  it.each([-1, 1.5, Number.NaN, 10 ** 9, '7' as unknown as number])('T26: %s is no id', (id) => {
    expect(() => tokenizer.decode([id])).toThrow(/TOK_UNKNOWN_ID/)
    expect(() => tokenizer.tokenBytes(id)).toThrow(/TOK_UNKNOWN_ID/)
    expect(() => tokenizer.streamDecoder().push(id)).toThrow(/TOK_UNKNOWN_ID/)
    expect(tokenizer.has(id)).toBe(false)
  })
})

describe('streaming', () => {
  it('T27: never emits half a character, and flushes what was never finished as U+FFFD at the end', () => {
    const small = Tokenizer.fromJson(smallTokenizer())
    const [a, b, c, d] = new TextEncoder().encode('\u{1f600}')
    const decoder = small.streamDecoder()
    expect([a!, b!, c!].map((id) => decoder.push(id))).toEqual(['', '', ''])
    expect(decoder.push(d!)).toBe('\u{1f600}')
    expect(decoder.push(a!)).toBe('')
    expect(decoder.end()).toBe('\ufffd')
    expect(decoder.push(0x41)).toBe('A')
    expect(decoder.end()).toBe('')
  })
})

describe('unusual text', () => {
  it('T23: NUL, U+FFFD, byte order marks, private use and non-characters come back as they were', () => {
    const text = '\ufeffa\0b\ufffd\ufeff\ue000\u{f0000}\ufdd0\uffff\u{10ffff}\ufeff'
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
  })

  it('T24: a lone surrogate is encoded as U+FFFD, wherever it stands', () => {
    for (const [text, same] of [
      ['\ud800', '\ufffd'],
      ['a\udc00b', 'a\ufffdb'],
      ['\udc00\ud800', '\ufffd\ufffd'],
      ['\u0301\ud800\u0323', '\u0301\ufffd\u0323'],
    ] as const) {
      expect(tokenizer.encode(text)).toEqual(tokenizer.encode(same))
      expect(tokenizer.encode(text, { special: 'all' })).toEqual(tokenizer.encode(same))
    }
  })

  it('is refused when it is no string', () => {
    expect(() => tokenizer.encode(7 as unknown as string)).toThrow(/TOK_BAD_INPUT/)
    expect(() => tokenizer.count(undefined as unknown as string)).toThrow(/TOK_BAD_INPUT/)
  })
})

describe('normalization', () => {
  it('follows the file, and the option before it', () => {
    const json = smallTokenizer()
    const decomposed = 'e\u0301'
    const lengthOf = (options = {}): number => Tokenizer.fromJson(json, options).encode(decomposed).length
    expect([lengthOf(), lengthOf({ normalize: 'none' })]).toEqual([2, 3])
    json.normalizer = null
    expect([lengthOf(), lengthOf({ normalize: 'nfc' })]).toEqual([3, 2])
  })
})

describe('GGUF metadata', () => {
  const values = (): Record<string, unknown> => {
    const { model, added_tokens } = smallTokenizer()
    const tokens = ['<|im_end|>', '<think>', '[PAD261]']
    const byId = Object.entries(model.vocab as Record<string, number>).sort(([, a], [, b]) => a - b)
    tokens.unshift(...byId.map(([token]) => token))
    expect(added_tokens.length).toBe(2)
    return {
      model: 'gpt2',
      pre: 'qwen35',
      tokens,
      token_type: tokens.map((_, id) => (id < 259 ? 1 : id === 259 ? 3 : id === 260 ? 4 : 5)),
      merges: ['Ġ t', 'h e', 'Ġt he'],
      eos_token_id: 259,
      padding_token_id: 261,
      add_bos_token: false,
    }
  }
  const metadata = (changes: Record<string, unknown> = {}): GgufTokenizerMetadata => {
    const all: Record<string, unknown> = { ...values(), ...changes }
    const get = (key: string): never => all[key.replace('tokenizer.ggml.', '')] as never
    return { string: get, number: get, boolean: get, strings: get, numbers: get }
  }

  it('gives the same tokenizer as the same vocabulary in JSON', () => {
    const fromGguf = Tokenizer.fromGguf(metadata())
    const fromJson = Tokenizer.fromJson(smallTokenizer())
    for (const text of ['the the<think>\n', 'e\u0301\u4e2d 12', '<|im_end|>', '[PAD261]']) {
      expect(fromGguf.encode(text)).toEqual(fromJson.encode(text))
      expect(fromGguf.encode(text, { special: 'all' })).toEqual(fromJson.encode(text, { special: 'all' }))
    }
    expect([fromGguf.eosTokenId, fromGguf.padTokenId, fromGguf.bosTokenId]).toEqual([259, 261, undefined])
    expect([259, 260, 261].map((id) => fromGguf.isSpecial(id))).toEqual([true, false, false])
    expect(fromGguf.decode([261])).toBe('[PAD261]')
  })

  it.each([
    ['TOK_UNSUPPORTED_MODEL', { model: 'llama' }],
    ['TOK_MISSING', { tokens: undefined }],
    ['TOK_UNSUPPORTED_PRE', { pre: 'default' }],
    ['TOK_UNSUPPORTED_BOS', { add_bos_token: true }],
    ['TOK_BAD_TOKEN_TYPE', { token_type: [1] }],
    ['TOK_UNKNOWN_TOKEN', { eos_token_id: 999 }],
    ['TOK_UNKNOWN_TOKEN', { padding_token_id: -1 }],
    ['TOK_BAD_MERGE', { merges: ['Ġ t', 'he'] }],
    ['TOK_BAD_MERGE', { merges: ['Ġ t', 'Ġt h e'] }],
    ['TOK_BAD_MERGE', { merges: [' t'] }],
    ['TOK_BAD_MERGE', { merges: ['t x'] }],
    ['TOK_DUPLICATE_MERGE', { merges: ['h e', 'Ġ t', 'h e'] }],
  ])('%s: %j', (code, change) => {
    expect(() => Tokenizer.fromGguf(metadata(change), { file: 'x.gguf' })).toThrow(new RegExp(`^x.gguf: .*${code}`))
  })

  it('refuses a token type that no byte-level vocabulary has, a token twice, and missing bytes', () => {
    const changed = (at: number, token: string, type = 1): GgufTokenizerMetadata => {
      const { tokens, token_type } = values()
      const list = [...(tokens as string[])]
      const types = [...(token_type as number[])]
      list[at] = token
      types[at] = type
      return metadata({ tokens: list, token_type: types })
    }
    expect(() => Tokenizer.fromGguf(changed(0, 'Ā', 6))).toThrow(/TOK_BAD_TOKEN_TYPE/)
    expect(() => Tokenizer.fromGguf(changed(261, spell('a')))).toThrow(/TOK_DUPLICATE_TOKEN/)
    expect(() => Tokenizer.fromGguf(changed(0, 'xyz'))).toThrow(/TOK_INCOMPLETE_BYTES/)
  })
})
