// T17, T21, T22: cost linear in the text and a flat stack, whatever the text is made of.

import { describe, expect, it } from 'vitest'
import { BytePairEncoder } from '../src/bpe.js'
import { IdBuffer } from '../src/id-buffer.js'
import { Tokenizer } from '../src/index.js'
import { mergeLong } from '../src/merge-long.js'
import { MergeReader } from '../src/merges.js'
import { normalizeNfc } from '../src/normalize.js'
import { PieceScanner } from '../src/piece-scanner.js'
import { Vocabulary } from '../src/vocabulary.js'
import { addedToken, fixtureBytes, smallTokenizer } from './fixtures.js'

const tokenizer = Tokenizer.fromJson(fixtureBytes('tokenizer.json'))

/** Milliseconds of the quickest of three runs. */
function timed(run: () => void): number {
  const times = [1, 2, 3].map(() => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return Math.min(...times)
}

const repeated = {
  'T21: A': 'A',
  'T21: spaces': ' ',
  'T21: newlines': '\n',
  'T21: digits': '7',
  'T21: one CJK letter': '一',
  'T21: one combining mark': '\u0301',
  'T21: two combining marks in the wrong order': '\u0301\u0323',
  'T21: ZWJ emoji': '👩‍👩‍👧',
  'T22: space and newline': ' \n',
  'ab, which merges': 'ab',
  'an astral letter': '\u{10400}',
  'the beginning of a control token': '<|im_',
  'characters newer than the pinned Unicode version': '\u{1133b}a',
}

describe.each(Object.entries(repeated))('%s', (_, unit) => {
  const text = (bytes: number): string => unit.repeat(Math.ceil(bytes / new TextEncoder().encode(unit).length))

  it('takes time in proportion to its length', () => {
    const small = timed(() => tokenizer.count(text(100_000), { special: 'all' }))
    const large = timed(() => tokenizer.count(text(800_000), { special: 'all' }))
    // 8 if linear, 64 if quadratic; a floor keeps the noise of small times out.
    expect(large / Math.max(small, 4)).toBeLessThan(30)
  })

  it('ten megabytes give ids that decode to the text', () => {
    const long = text(10_000_000)
    expect(tokenizer.decode(tokenizer.encode(long)) === normalizeNfc(long)).toBe(true)
  })
})

it('T22: 200,000 spaces before a letter are one piece and a space that joins the letter', () => {
  const ids = tokenizer.encode(`${' '.repeat(200_000)}a`)
  expect(ids.subarray(-1)[0]).toBe(tokenizer.idOf(' a'))
  expect([...ids.subarray(0, -1)]).toEqual([...tokenizer.encode(' '.repeat(199_999))])
})

it('T17: 100,000 added tokens with a common beginning, and a text that nearly matches them', () => {
  const json = smallTokenizer()
  const prefix = '<'.repeat(24)
  json.added_tokens = Array.from({ length: 100_000 }, (_, i) => addedToken(1000 + i, `${prefix}${i}>`))
  const many = Tokenizer.fromJson(json)
  expect([...many.encode(`<${prefix}77>x`, { special: 'all' })]).toEqual([0x3c, 1077, 0x78])
  const small = timed(() => many.encode('<'.repeat(100_000), { special: 'all' }))
  const large = timed(() => many.encode('<'.repeat(800_000), { special: 'all' }))
  expect(large / Math.max(small, 4)).toBeLessThan(30)
})

it('ordering marks here gives what the engine gives', () => {
  const marks = ['\u0301', '\u0323', '\u0334', '\u0345', '\u0344', '\u0f73', '\u05b0', '\u093c', '\u0903', 'x']
  let state = 1
  const next = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return state >> 8
  }
  for (let round = 0; round < 200; round++) {
    const text = `a${Array.from({ length: 70 + (next() % 200) }, () => marks[next() % marks.length]).join('')}b`
    expect(normalizeNfc(text)).toBe(text.normalize('NFC'))
  }
})

it('pieces are merged as the plain rule says, also when merges come in an odd order', () => {
  // A result may rank before its parts here, which no trained vocabulary does: the queue has to go back.
  const contents = ['a', 'b', 'c', 'ab', 'bc', 'abc', 'aab', 'cc', 'ccab', 'bca']
  const pairs = [
    ['cc', 'ab'],
    ['bc', 'a'],
    ['a', 'ab'],
    ['b', 'c'],
    ['ab', 'c'],
    ['a', 'b'],
    ['c', 'c'],
  ]
  const vocabulary = new Vocabulary(null, { tokens: 16, bytes: 64 })
  const write = (text: string, at: number): number => {
    const bytes = new TextEncoder().encode(text)
    vocabulary.reserve(at - vocabulary.tail + bytes.length).set(bytes, at)
    return at + bytes.length
  }
  for (const [id, content] of contents.entries()) vocabulary.addText(id, write(content, vocabulary.tail), 'vocab', null)
  const list = new MergeReader(vocabulary, null, 'merges', pairs.length)
  for (const [left, right] of pairs) {
    const middle = write(left!, vocabulary.tail)
    const end = write(right!, middle)
    list.add(vocabulary.reserve(0), vocabulary.tail, middle, end, null)
  }
  const merges = list.table
  const byteIds = new Int32Array(256)
  for (const [id, letter] of ['a', 'b', 'c'].entries()) byteIds[letter.charCodeAt(0)] = id

  const plain = (text: string): string[] => {
    const parts = [...text]
    for (;;) {
      const rank = pairs.findIndex(([l, r]) => parts.some((part, i) => part === l && parts[i + 1] === r))
      if (rank < 0) return parts
      const [left, right] = pairs[rank]!
      const at = parts.findIndex((part, i) => part === left && parts[i + 1] === right)
      parts.splice(at, 2, `${left}${right}`)
    }
  }
  let state = 7
  // It marks early merges after its first few hundred pieces.
  const encoder = new BytePairEncoder(new PieceScanner('qwen35'), byteIds, merges, contents.length)
  for (let round = 0; round < 800; round++) {
    let text = ''
    for (let i = 0; i < 40; i++) {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
      text += 'abc'[(state >> 12) % 3]
    }
    const out = new IdBuffer()
    mergeLong(new TextEncoder().encode(text), 0, text.length, byteIds, merges, out)
    expect(Array.from(out.toArray(), (id) => contents[id])).toEqual(plain(text))
    const short = new IdBuffer()
    encoder.encode(new TextEncoder().encode(text), 0, short, Number.POSITIVE_INFINITY)
    expect(short.toArray()).toEqual(out.toArray())
  }
})
