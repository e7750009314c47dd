// Where tokens come from, and the ways to encode that depend on it: against the offsets of HF `tokenizers`, and by definition
// where those leave parts of the text out.

import { describe, expect, it } from 'vitest'
import { type Encoding, Tokenizer } from '../src/index.js'
import { clusterEnd, normalizeNfc } from '../src/normalize.js'
import { addedToken, fixtureBytes, fixtureJson, smallTokenizer } from './fixtures.js'

interface Case {
  text: string
  ids: number[]
  spans: number[]
  stable: boolean
}

const tokenizer = Tokenizer.fromJson(fixtureBytes('tokenizer.json'))
const small = Tokenizer.fromJson(smallTokenizer())
const cases = fixtureJson<Case[]>('offsets.json.gz')
const special = 'all' as const

const pairs = ({ starts, ends }: Encoding): [number, number][] => Array.from(starts, (start, i) => [start, ends[i]!])
const spansOf = (text: string, options = {}): [number, number][] => pairs(small.encodeWithOffsets(text, options))
const bytesOf = (text: string): number => new TextEncoder().encode(text).length

describe('offsets', () => {
  it('are those of HF tokenizers in every text that normalization leaves alone', () => {
    const stable = cases.filter((c) => c.stable)
    expect(stable.length).toBeGreaterThan(300)
    for (const { text, ids, spans } of stable) {
      const encoding = tokenizer.encodeWithOffsets(text, { special })
      expect([...encoding.ids]).toEqual(ids)
      expect(pairs(encoding).flat()).toEqual(spans)
    }
  })

  it('hold those of HF tokenizers elsewhere, and leave out nothing', () => {
    const changed = cases.filter((c) => !c.stable)
    expect(changed.length).toBeGreaterThan(50)
    let larger = 0
    for (const { text, spans } of changed) {
      const found = pairs(tokenizer.encodeWithOffsets(text, { special }))
      for (const [i, [start, end]] of found.entries()) {
        expect(start).toBeLessThanOrEqual(spans[i * 2]!)
        expect(end).toBeGreaterThanOrEqual(spans[i * 2 + 1]!)
        if (end - start > spans[i * 2 + 1]! - spans[i * 2]!) larger++
      }
    }
    expect(larger).toBeGreaterThan(0)
  })

  it('never go back, cover the text, and span what they were made from', () => {
    for (const { text } of cases) {
      const { ids, starts, ends } = tokenizer.encodeWithOffsets(text, { special })
      let covered = 0
      for (let i = 0; i < ids.length; i++) {
        expect(starts[i]).toBeLessThanOrEqual(covered)
        expect(ends[i]).toBeGreaterThanOrEqual(covered)
        expect(starts[i]).toBeLessThan(ends[i]!)
        covered = ends[i]!
        // The bytes of a token stand in the normal form of its span.
        const token = Buffer.from(tokenizer.tokenBytes(ids[i]!))
        expect(Buffer.from(normalizeNfc(text.slice(starts[i], ends[i]))).includes(token)).toBe(true)
      }
      expect(covered).toBe(text.length)
    }
  })

  it('count bytes of the text as given on request', () => {
    for (const { text } of cases) {
      const units = tokenizer.encodeWithOffsets(text, { special })
      const bytes = tokenizer.encodeWithOffsets(text, { special, unit: 'utf8' })
      const position = (at: number): number => bytesOf(text.slice(0, at))
      expect([...bytes.starts]).toEqual(Array.from(units.starts, position))
      expect([...bytes.ends]).toEqual(Array.from(units.ends, position))
    }
  })

  it('give every part of a character the span of the character', () => {
    expect(spansOf('a中b')).toEqual([
      [0, 1],
      [1, 2],
      [1, 2],
      [1, 2],
      [2, 3],
    ])
    expect(spansOf('\u{1f600}')).toEqual([0, 0, 0, 0].map(() => [0, 2]))
    expect(spansOf('\ud800x')).toEqual([...[0, 0, 0].map(() => [0, 1]), [1, 2]])
  })

  it('give every part of what normalization changed the span of the whole', () => {
    // One letter from two characters.
    expect(spansOf('xe\u0301y')).toEqual([
      [0, 1],
      [1, 3],
      [1, 3],
      [3, 4],
    ])
    // Marks that change places; the letter before belongs to them.
    expect(new Set(spansOf('q\u0307\u0323z').map(String))).toEqual(new Set(['0,3', '3,4']))
    // The same marks in order: nothing changes, and each stands for itself.
    expect(new Set(spansOf('q\u0323\u0307z').map(String))).toEqual(new Set(['0,1', '1,2', '2,3', '3,4']))
    // Hangul letters that make one syllable, one character that becomes two, and one that becomes another.
    expect(new Set(spansOf('\u1100\u1161\u11a8x').map(String))).toEqual(new Set(['0,3', '3,4']))
    expect(new Set(spansOf('\u0958\u212b').map(String))).toEqual(new Set(['0,1', '1,2']))
  })

  it('are those of the text as given without normalization', () => {
    const json = smallTokenizer()
    const plain = Tokenizer.fromJson(json, { normalize: 'none' })
    expect(pairs(plain.encodeWithOffsets('e\u0301'))).toEqual([
      [0, 1],
      [1, 2],
      [1, 2],
    ])
  })

  it('span added tokens, found in the text as given or in the normalized one', () => {
    const json = smallTokenizer()
    json.added_tokens.push(
      addedToken(300, '\u00e9!', { normalized: true }),
      addedToken(301, 'o\u0302', { normalized: true }),
    )
    const some = Tokenizer.fromJson(json)
    const text = 'a<think>e\u0301!o\u0302b\u{1f600}<|im_end|>c'
    const { ids, starts, ends } = some.encodeWithOffsets(text, { special })
    const spans = new Map(Array.from(ids, (id, i) => [id, text.slice(starts[i], ends[i])]))
    expect(spans.get(260)).toBe('<think>')
    expect(spans.get(259)).toBe('<|im_end|>')
    expect(spans.get(300)).toBe('e\u0301!')
    expect(spans.get(301)).toBe('o\u0302')
    expect(spans.get(0x62)).toBe('b')
    expect(spans.get(0x63)).toBe('c')
  })

  it('cover long runs of anything', () => {
    for (const unit of [
      'a',
      ' ',
      '\u0301',
      '\u0301\u0323',
      'e\u0301',
      '\u{1f600}',
      '<|im_',
      '<think>',
      '\u1100\u1161',
    ]) {
      const text = unit.repeat(Math.ceil(100_000 / unit.length))
      const { ends } = tokenizer.encodeWithOffsets(text, { special })
      expect(ends[ends.length - 1]).toBe(text.length)
    }
  })

  it('refuse an unknown unit', () => {
    expect(() => small.encodeWithOffsets('', { unit: 'bytes' as 'utf8' })).toThrow(/unit.*TOK_BAD_INPUT/)
  })
})

describe('clusters', () => {
  it('can be normalized one by one, whatever the characters', () => {
    // Every character that composes with one before it has to belong to the cluster of that one.
    for (let code = 0; code < 0x110000; code++) {
      if (code >= 0xd800 && code < 0xe000) continue
      const character = String.fromCodePoint(code)
      if (normalizeNfc(character.normalize('NFD')) === character.normalize('NFD')) continue
      const decomposed = character.normalize('NFD')
      expect(clusterEnd(decomposed, 0)).toBe(decomposed.length)
    }
  })

  it('give the normal form of a text when they are put together', () => {
    for (const { text } of cases) {
      let together = ''
      for (let start = 0; start < text.length; ) {
        const end = clusterEnd(text, start)
        together += normalizeNfc(text.slice(start, end))
        start = end
      }
      expect(together).toBe(normalizeNfc(text))
    }
  })
})

describe('truncation', () => {
  const texts = cases.map(({ text }) => text).filter((text, i) => i % 4 === 0 && text.length < 50)

  it('keeps tokens of whole characters, from either end, and as many as fit', () => {
    for (const text of texts) {
      const { ids, ends, starts } = tokenizer.encodeWithOffsets(text, { special })
      for (let maxTokens = 0; maxTokens <= ids.length + 1; maxTokens++) {
        const right = tokenizer.encode(text, { special, truncate: { maxTokens } })
        const left = tokenizer.encode(text, { special, truncate: { maxTokens, side: 'left' } })
        expect(right.length).toBeLessThanOrEqual(maxTokens)
        expect(left.length).toBeLessThanOrEqual(maxTokens)
        expect(right).toEqual(ids.subarray(0, right.length))
        expect(left).toEqual(ids.subarray(ids.length - left.length))
        const isCut = (at: number): boolean => at === 0 || at === ids.length || ends[at - 1]! <= starts[at]!
        expect(isCut(right.length) && isCut(ids.length - left.length)).toBe(true)
        for (let n = right.length + 1; n <= Math.min(maxTokens, ids.length); n++) expect(isCut(n)).toBe(false)
        for (let n = left.length + 1; n <= Math.min(maxTokens, ids.length); n++)
          expect(isCut(ids.length - n)).toBe(false)
        expect(tokenizer.decode(ids).startsWith(tokenizer.decode(right))).toBe(true)
        expect(tokenizer.decode(ids).endsWith(tokenizer.decode(left))).toBe(true)
      }
    }
  })

  it('shortens offsets with the ids, in places of the whole text', () => {
    const { ids, starts, ends } = small.encodeWithOffsets('ab中cd', { truncate: { maxTokens: 4, side: 'left' } })
    expect([[...ids], [...starts], [...ends]]).toEqual([
      [0x63, 0x64],
      [3, 4],
      [4, 5],
    ])
  })

  it('of a batch shortens each text', () => {
    const batch = small.encodeBatch(new Set(['abc', '', '中']), { truncate: { maxTokens: 2 } })
    expect(batch.map((ids) => [...ids])).toEqual([[0x61, 0x62], [], []])
    expect(small.encodeBatch(['abc', 'the']).map((ids) => ids.length)).toEqual([3, small.count('the')])
  })

  it.each([-1, 1.5, Number.NaN, '3' as unknown as number])('refuses %s tokens', (maxTokens) => {
    expect(() => small.encode('abc', { truncate: { maxTokens } })).toThrow(/truncate\.maxTokens.*TOK_BAD_INPUT/)
    expect(() => small.count('abc', { limit: maxTokens })).toThrow(/limit.*TOK_BAD_INPUT/)
  })

  it('refuses a third side', () => {
    const truncate = { maxTokens: 1, side: 'middle' as 'left' }
    expect(() => small.encode('abc', { truncate })).toThrow(/truncate\.side.*TOK_BAD_INPUT/)
  })
})

describe('encodeInto', () => {
  it('writes what fits and says how far it came', () => {
    for (const { text, ids } of cases) {
      for (const room of [0, 1, 2, 3, 5, 8, ids.length - 1, ids.length, ids.length + 3]) {
        const target = new Uint32Array(Math.max(room, 0)).fill(0xffffffff)
        const { read, written, complete } = tokenizer.encodeInto(text, target, { special })
        const kept = tokenizer.encode(text, { special, truncate: { maxTokens: target.length } })
        expect(target.subarray(0, written)).toEqual(kept)
        expect(target.subarray(written).every((id) => id === 0xffffffff)).toBe(true)
        expect(complete).toBe(written === ids.length)
        const readText = normalizeNfc(text.slice(0, read)).replace(/\p{Surrogate}/gu, '\ufffd')
        expect(tokenizer.decode(kept)).toBe(readText)
        expect(read === text.length).toBe(complete)
      }
    }
  })

  it('can go on with what is left', () => {
    const text = 'Grüße, 中文! '.repeat(50)
    const target = new Int32Array(64)
    let rest = text
    let decoded = ''
    while (rest !== '') {
      const { read, written } = tokenizer.encodeInto(rest, target)
      decoded += tokenizer.decode(target.subarray(0, written))
      rest = rest.slice(read)
    }
    expect(decoded).toBe(text)
  })

  it('refuses other targets', () => {
    for (const target of [[], new Float32Array(4), new Uint8Array(4), undefined]) {
      expect(() => tokenizer.encodeInto('a', target as unknown as Uint32Array)).toThrow(/target.*TOK_BAD_INPUT/)
    }
  })
})

describe('count', () => {
  it('stops behind a limit', () => {
    expect(small.count('abcdef', { limit: 3 })).toBe(4)
    expect(small.count('abcdef', { limit: 6 })).toBe(6)
    expect(small.count('a'.repeat(10_000), { limit: 0 })).toBe(1)
    expect(small.count('', { limit: 0 })).toBe(0)
    for (const { text, ids } of cases)
      expect(tokenizer.count(text, { special, limit: 20 })).toBe(Math.min(ids.length, 21))
  })
})
