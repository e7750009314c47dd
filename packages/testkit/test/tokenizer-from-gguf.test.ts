// The same vocabulary as tokenizer.json and as GGUF (by the official converter) gives the same ids.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { parseGguf } from '@fak/gguf'
import { Tokenizer } from '@fak/tokenizer'
import { expect, it } from 'vitest'

const folder = new URL('../../../fixtures/tokenizer/', import.meta.url)

it('a GGUF vocabulary gives the ids of HF tokenizers', () => {
  const { metadata } = parseGguf(readFileSync(new URL('vocab.gguf', folder)))
  const tokenizer = Tokenizer.fromGguf(metadata)
  const json = gunzipSync(readFileSync(new URL('cases.json.gz', folder))).toString('utf8')
  const cases = JSON.parse(json) as { text: string; ids: number[] }[]
  const wrong = cases.filter(({ text, ids }) => {
    const got = tokenizer.encode(text)
    return got.length !== ids.length || ids.some((id, i) => got[i] !== id)
  })
  expect(cases.length).toBeGreaterThan(2000)
  expect(wrong).toEqual([])
  expect(tokenizer.eosTokenId).toBe(tokenizer.idOf('<|im_end|>'))
})
