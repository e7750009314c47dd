// Ids, pieces and decoded text against HF `tokenizers`; fixtures/tokenizer/birth.json has the script, versions and seed.

import { describe, expect, it } from 'vitest'
import { Tokenizer } from '../src/index.js'
import { PieceScanner } from '../src/piece-scanner.js'
import { fixtureBytes, fixtureJson } from './fixtures.js'

interface Case {
  name: string
  text: string
  nfc?: string
  ids: number[]
  idsAll?: number[]
  pieces: number[]
  piecesQwen2?: number[]
}

const tokenizer = Tokenizer.fromJson(fixtureBytes('tokenizer.json'), { file: 'tokenizer.json' })
const cases = fixtureJson<Case[]>('cases.json.gz')
const divergent = fixtureJson<Case[]>('divergent.json')

/** Runs `check` on all items and reports those that fail by what they are, not by the hundred. */
function failures<T>(items: readonly T[], check: (item: T) => boolean): T[] {
  return items.filter((item) => !check(item)).slice(0, 5)
}

const equal = (got: ArrayLike<number>, want: readonly number[]): boolean =>
  got.length === want.length && want.every((id, i) => got[i] === id)

describe('ids of HF tokenizers', () => {
  it('are given for every string, with control tokens taken for text', () => {
    expect(cases.length).toBeGreaterThanOrEqual(2000)
    expect(failures(cases, ({ text, ids }) => equal(tokenizer.encode(text), ids))).toEqual([])
  })

  it('are given for every string, with control tokens recognised', () => {
    expect(failures(cases, (c) => equal(tokenizer.encode(c.text, { special: 'all' }), c.idsAll ?? c.ids))).toEqual([])
  })

  it('are given where Unicode versions differ', () => {
    expect(failures(divergent, ({ text, ids }) => equal(tokenizer.encode(text), ids))).toEqual([])
  })

  it('are counted', () => {
    expect(failures(cases, ({ text, ids }) => tokenizer.count(text) === ids.length)).toEqual([])
  })

  it('are given with the tokens that tokenizer_config.json adds', () => {
    const config = fixtureBytes('tokenizer_config.json')
    const whole = Tokenizer.fromJson(fixtureBytes('tokenizer.json'), { config })
    const list = fixtureJson<{ text: string; ids: number[] }[]>('config-cases.json.gz')
    expect(failures(list, ({ text, ids }) => equal(whole.encode(text, { special: 'all' }), ids))).toEqual([])
    expect([whole.eosTokenId, whole.padTokenId]).toEqual([whole.idOf('<|im_end|>'), whole.idOf('<|endoftext|>')])
  })
})

describe('pieces of HF tokenizers', () => {
  const piecesOf = (scanner: PieceScanner, text: string): number[] => {
    const bytes = new TextEncoder().encode(text)
    const pieces: number[] = []
    for (let start = 0; start < bytes.length; ) {
      const end = scanner.pieceEnd(bytes, start, bytes.length)
      pieces.push(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end)).length)
      start = end
    }
    return pieces
  }

  it('are cut by the qwen35 rules', () => {
    const scanner = new PieceScanner('qwen35')
    expect(failures([...cases, ...divergent], (c) => equal(piecesOf(scanner, c.nfc ?? c.text), c.pieces))).toEqual([])
  })

  it('are cut by the qwen2 rules', () => {
    const scanner = new PieceScanner('qwen2')
    const wrong = failures([...cases, ...divergent], (c) => {
      return equal(piecesOf(scanner, c.nfc ?? c.text), c.piecesQwen2 ?? c.pieces)
    })
    expect(wrong).toEqual([])
  })
})

describe('decoding', () => {
  const list = fixtureJson<{ ids: number[]; text: string; textSkipSpecial: string }[]>('decode.json.gz')

  it('gives the text of HF tokenizers, also for broken UTF-8', () => {
    expect(failures(list, ({ ids, text }) => tokenizer.decode(ids) === text)).toEqual([])
    const skipped = failures(list, (c) => tokenizer.decode(c.ids, { skipSpecial: true }) === c.textSkipSpecial)
    expect(skipped).toEqual([])
  })

  it('gives the same text token by token', () => {
    const streamed = (ids: readonly number[], skipSpecial: boolean): string => {
      const decoder = tokenizer.streamDecoder({ skipSpecial })
      return ids.map((id) => decoder.push(id)).join('') + decoder.end()
    }
    expect(failures(list, ({ ids, text }) => streamed(ids, false) === text)).toEqual([])
    expect(failures(list, ({ ids, textSkipSpecial }) => streamed(ids, true) === textSkipSpecial)).toEqual([])
  })

  it('gives back the normalized text of every string', () => {
    expect(failures(cases, ({ text, nfc }) => tokenizer.decode(tokenizer.encode(text)) === (nfc ?? text))).toEqual([])
  })
})
