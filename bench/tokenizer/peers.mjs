// Encoding speed beside other tokenizers in JavaScript, on one core, in one run:
//
//   npm install --prefix bench/tokenizer && node bench/tokenizer/peers.mjs [REPEATS]
//
// This package and @huggingface/tokenizers use the vocabulary of Qwen3, gpt-tokenizer and tiktoken (WASM) theirs of OpenAI, o200k_base,
// since they read no other. All take turns at each text. `first` is the first time a tokenizer sees the text (it has seen others), so
// what it remembers of pieces helps little; `again` is the median of further times, when it helps as much as it can.
// @huggingface/tokenizers is far slower and sees a tenth of each text. Needs the built package.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers'
import { get_encoding } from 'tiktoken'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'
import { median } from '../median.mjs'
import { corpora, vocabularyFile } from './corpora.mjs'

const repeats = Number(process.argv[2] ?? 5)
const require = createRequire(import.meta.url)
const json = readFileSync(vocabularyFile)
const config = readFileSync(vocabularyFile.replace('.json', '_config.json'), 'utf8')
const ours = Tokenizer.fromJson(json)
const hf = new HfTokenizer(JSON.parse(json.toString()), JSON.parse(config))
const gpt = require('gpt-tokenizer/encoding/o200k_base')
const tiktoken = get_encoding('o200k_base')

const encoders = {
  '@fak/tokenizer': (text) => ours.encode(text).length,
  '… special: all': (text) => ours.encode(text, { special: 'all' }).length,
  '… with offsets': (text) => ours.encodeWithOffsets(text).ids.length,
  'gpt-tokenizer': (text) => gpt.encode(text).length,
  'tiktoken WASM': (text) => tiktoken.encode(text).length,
  '@huggingface/tokenizers': (text) => hf.encode(text).ids.length,
}
const peers = ['gpt-tokenizer', 'tiktoken WASM', '@huggingface/tokenizers']

const warm = corpora.code.slice(0, 200_000) + corpora['European languages'].slice(0, 200_000)
for (const [name, encode] of Object.entries(encoders))
  encode(name.startsWith('@hugging') ? warm.slice(0, 20_000) : warm)

const least = { first: Number.POSITIVE_INFINITY, again: Number.POSITIVE_INFINITY }
for (const [corpus, whole] of Object.entries(corpora)) {
  const rates = {}
  for (let i = 0; i <= repeats; i++) {
    for (const [name, encode] of Object.entries(encoders)) {
      const text = name.startsWith('@hugging') ? whole.slice(0, whole.length / 10) : whole
      const start = performance.now()
      const tokens = encode(text)
      const seconds = (performance.now() - start) / 1000
      rates[name] ??= []
      rates[name].push({ bytes: Buffer.byteLength(text) / 1e6 / seconds, tokens: tokens / 1e6 / seconds })
    }
  }
  console.log(`\n${corpus}, ${(Buffer.byteLength(whole) / 1e6).toFixed(2)} MB`)
  const speed = {}
  for (const [name, list] of Object.entries(rates)) {
    const [first, ...again] = list
    speed[name] = { first: first.bytes, again: median(again.map(({ bytes }) => bytes)) }
    const tokens = median(again.map((rate) => rate.tokens))
    const columns = [speed[name].first, speed[name].again].map((rate) => rate.toFixed(1).padStart(6))
    console.log(
      `  ${name.padEnd(24)} first ${columns[0]} MB/s   again ${columns[1]} MB/s, ${tokens.toFixed(1)} M tokens/s`,
    )
  }
  for (const when of ['first', 'again']) {
    const ratio = speed['@fak/tokenizer'][when] / Math.max(...peers.map((peer) => speed[peer][when]))
    least[when] = Math.min(least[when], ratio)
    console.log(`  ${when}: ${ratio.toFixed(2)} times the fastest of the others`)
  }
}
console.log(`\nleast: ${least.first.toFixed(2)} times the first time, ${least.again.toFixed(2)} times again`)
