// Load time and encode speed of a tokenizer.json on a text:
//
//   node bench/tokenizer/speed.mjs tokenizer.json text.txt
//
// Needs the built package. Prints the best of several runs, because other work on the machine only ever adds time.

import { readFileSync } from 'node:fs'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'

const [vocabularyPath, textPath] = process.argv.slice(2)
if (!vocabularyPath || !textPath) {
  console.error('usage: node bench/tokenizer/speed.mjs TOKENIZER.json TEXT')
  process.exit(2)
}

function best(runs, action) {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < runs; i++) {
    const start = performance.now()
    action()
    least = Math.min(least, performance.now() - start)
  }
  return least
}

const bytes = readFileSync(vocabularyPath)
const first = best(1, () => Tokenizer.fromJson(bytes))
const load = best(5, () => Tokenizer.fromJson(bytes))
const tokenizer = Tokenizer.fromJson(bytes)
const text = readFileSync(textPath, 'utf8')
const megabytes = Buffer.byteLength(text) / 1e6
const ids = tokenizer.encode(text)
const encode = best(7, () => tokenizer.count(text))
const special = best(7, () => tokenizer.count(text, { special: 'all' }))
const decode = best(7, () => tokenizer.decode(ids))

console.log(
  `load    ${first.toFixed(0)} ms the first time, ${load.toFixed(0)} ms at best (${tokenizer.vocabSize} tokens)`,
)
console.log(
  `encode  ${(megabytes / (encode / 1e3)).toFixed(1)} MB/s, ${(megabytes / (special / 1e3)).toFixed(1)} MB/s with special tokens`,
)
console.log(`decode  ${(ids.length / (decode * 1e3)).toFixed(1)} million tokens/s`)
