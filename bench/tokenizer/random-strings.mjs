// Compares ids with those of HF `tokenizers` for a long list of random strings:
//
//   python fixtures/scripts/random_strings.py 100000 random.jsonl.gz
//   node bench/tokenizer/random-strings.mjs random.jsonl.gz
//
// Needs the built package. Exit status 1 and the first few strings when any ids differ.

import { createReadStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'

const [path] = process.argv.slice(2)
if (!path) {
  console.error('usage: node bench/tokenizer/random-strings.mjs STRINGS.jsonl.gz')
  process.exit(2)
}
const tokenizer = Tokenizer.fromJson(readFileSync(new URL('../../fixtures/tokenizer/tokenizer.json', import.meta.url)))
const equal = (got, want) => got.length === want.length && want.every((id, i) => got[i] === id)

let strings = 0
let wrong = 0
for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
  const { text, ids, idsAll = ids } = JSON.parse(line)
  strings++
  if (equal(tokenizer.encode(text), ids) && equal(tokenizer.encode(text, { special: 'all' }), idsAll)) continue
  if (wrong++ < 10) console.error(JSON.stringify(text))
}
console.log(`${strings} strings, ${wrong} with other ids`)
process.exit(wrong === 0 && strings > 0 ? 0 : 1)
