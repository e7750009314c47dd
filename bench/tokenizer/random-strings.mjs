// Compares ids and offsets with those of HF `tokenizers` for a long list of random strings:
//
//   python fixtures/scripts/random_strings.py 1000000 random.jsonl.gz
//   node bench/tokenizer/random-strings.mjs random.jsonl.gz
//
// Needs the built package. Exit status 1 and the first few strings when anything differs. The other ways to the same tokens
// (counting, `encodeInto`, truncation) are compared with the first on every 16th string.

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
const special = 'all'
const target = new Uint32Array(1 << 16)

const counts = { strings: 0, tokens: 0, withOffsets: 0, changedByNormalization: 0, withLoneSurrogates: 0, otherWays: 0 }

/** Offsets as HF gives them where normalization changes nothing; elsewhere they hold HF's, never go back, and cover the text. */
function sameSpans(text, spans, stable) {
  counts.withOffsets++
  if (!stable) counts.changedByNormalization++
  const { starts, ends } = tokenizer.encodeWithOffsets(text, { special })
  let covered = 0
  for (let i = 0; i < starts.length; i++) {
    const [start, end] = [spans[i * 2], spans[i * 2 + 1]]
    if (stable ? starts[i] !== start || ends[i] !== end : starts[i] > start || ends[i] < end) return false
    if (starts[i] > covered || ends[i] < covered || (i > 0 && starts[i] < starts[i - 1])) return false
    covered = ends[i]
  }
  return starts.length * 2 === spans.length && covered === text.length
}

function sameOtherWays(text, ids) {
  counts.otherWays++
  const cut = text.length % (ids.length + 2)
  const { read, written, complete } = tokenizer.encodeInto(text, target.subarray(0, cut), { special })
  const left = tokenizer.encode(text, { special, truncate: { maxTokens: cut, side: 'left' } })
  const right = tokenizer.encode(text, { special, truncate: { maxTokens: cut } })
  const whole = tokenizer.decode(ids)
  return (
    tokenizer.count(text, { special }) === ids.length &&
    equal(tokenizer.encodeWithOffsets(text, { special }).ids, ids) &&
    complete === (written === ids.length) &&
    (complete ? read === text.length : read < text.length) &&
    equal(target.subarray(0, written), ids.slice(0, written)) &&
    equal(right, ids.slice(0, written)) &&
    left.length <= cut &&
    equal(left, ids.slice(ids.length - left.length)) &&
    whole.startsWith(tokenizer.decode(right)) &&
    whole.endsWith(tokenizer.decode(left))
  )
}

let wrong = 0
for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
  const { text, ids, idsAll = ids, spans, stable } = JSON.parse(line)
  counts.strings++
  counts.tokens += ids.length
  let same = equal(tokenizer.encode(text), ids) && equal(tokenizer.encode(text, { special }), idsAll)
  if (spans) same &&= sameSpans(text, spans, stable)
  if (text.includes('\ufffd')) {
    counts.withLoneSurrogates++
    same &&= equal(tokenizer.encode(text.replaceAll('\ufffd', '\udc00')), ids)
  }
  if (counts.strings % 16 === 0) same &&= sameOtherWays(text, idsAll)
  if (!same && wrong++ < 10) console.error(JSON.stringify(text))
}
for (const [what, count] of Object.entries(counts)) console.log(`${String(count).padStart(10)} ${what}`)
console.log(`${String(wrong).padStart(10)} strings with any difference`)
process.exit(wrong === 0 && counts.strings > 0 ? 0 : 1)
