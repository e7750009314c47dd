// What structured output costs over a vocabulary of Qwen3.5's size, 248,320 ids:
//
//   npm install --prefix bench/tokenizer && node bench/grammar/masks.mjs
//
// Needs the built packages. Prints, in milliseconds: making the table of tokens and the grammars; the mask of each token of a text, said for the
// first time ("cold") and again by the same grammar ("warm"); and what a token costs in a session whose model takes no time, greedy and
// sampled, with a form and without one, taking turns.

import { readFileSync } from 'node:fs'
import { jsonSchemaGrammar, regexGrammar, TokenGrammar, TokenTable } from '../../packages/grammar/dist/index.js'
import { createSession } from '../../packages/session/dist/index.js'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'
import { median } from '../median.mjs'
import { vocabularyFile } from '../tokenizer/corpora.mjs'
import { grow, IDS } from '../tokenizer/real-size.mjs'

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { type: 'string' } },
    kind: { enum: ['a', 'b'] },
  },
  required: ['name', 'age', 'tags', 'kind'],
}
const short = {
  ...person,
  properties: { ...person.properties, name: { type: 'string', minLength: 3, maxLength: 200 } },
}
const said = '{"name": "Ada Lovelace of London", "age": 36, "tags": ["a", "math é", "中文 🎉"], "kind": "a"}'
const forms = {
  'a schema': [() => jsonSchemaGrammar(person), said],
  'a schema with a bounded string': [() => jsonSchemaGrammar(short), said],
  'any JSON': [
    () => jsonSchemaGrammar(true),
    JSON.stringify({ a: [1, [2, { b: 'text' }], null], c: { d: 'more "text"' } }, null, 2),
  ],
  'a pattern': [
    () => regexGrammar('(\\p{Lu}[\\p{L} ]*\\. ?)+'),
    'Ada Lovelace wrote programs. Die Maschine gab es nicht. Было так.',
  ],
}

const shown = (ms) => ms.toFixed(ms < 1 ? 3 : 1).padStart(8)
const timed = (work) => {
  const start = performance.now()
  const result = work()
  return [performance.now() - start, result]
}

const json = grow(JSON.parse(readFileSync(vocabularyFile, 'utf8')))
const tokenizer = Tokenizer.fromJson(new TextEncoder().encode(JSON.stringify(json)))
globalThis.gc?.()
const before = process.memoryUsage()
const [tableMs, table] = timed(() => new TokenTable(tokenizer))
const { arrayBuffers } = process.memoryUsage()
console.log(
  `table of ${tokenizer.vocabSize} ids: ${tableMs.toFixed(0)} ms, ${((arrayBuffers - before.arrayBuffers) / 2 ** 20).toFixed(1)} MB of arrays`,
)

console.log('\nmasks, ms                            compile    first   median      max | warm: median      max')
const grammars = {}
for (const [name, [make, text]] of Object.entries(forms)) {
  const [compile, grammar] = timed(() => new TokenGrammar(make(), table))
  grammars[name] = grammar
  const walk = () => {
    const matcher = grammar.begin()
    const times = []
    for (const id of tokenizer.encode(text)) {
      const [ms, mask] = timed(() => matcher.allowed())
      if (((mask[id >> 5] >>> (id & 31)) & 1) === 0) throw new Error(`${name}: token ${id} is refused`)
      times.push(timed(() => matcher.accept(id))[0] + ms)
    }
    return times
  }
  const cold = walk()
  const warm = walk()
  const cells = [compile, cold[0], median(cold), Math.max(...cold)].map(shown).join(' ')
  console.log(`${name.padEnd(34)} ${cells} |     ${shown(median(warm))} ${shown(Math.max(...warm))}`)
}

/** A model that says the same at every place and takes no time for it. */
function freeModel() {
  const logits = Float32Array.from({ length: IDS }, (_, id) => ((id * 7919) % 10007) / 1000)
  const state = () => ({ position: 0, byteLength: 0, lost: false, fork: state, reset() {}, async dispose() {} })
  const values = [
    { kind: 'tokens', shape: ['T'], label: 'tokens' },
    { kind: 'activation', shape: ['R', IDS], label: 'logits' },
  ]
  return {
    program: { values, states: [], ops: [], outputs: { logits: 1 } },
    maxTokens: 512,
    stateBytes: 0,
    createState: state,
    run: async () => ({ outputs: { logits }, taps: new Map() }),
    async dispose() {},
  }
}

const session = createSession(freeModel(), { contextLength: 1000 })
async function perToken(options) {
  for await (const event of session.generate([1], { maxTokens: 40, seed: 1, ...options })) {
    if (event.type === 'done') return event.timings.decodeMs / event.tokens.length
  }
}
const wide = new TokenGrammar(regexGrammar('[^]*'), table)
console.log('\na token in a session without a model, ms (medians of 7, taking turns)')
for (const [name, sampling] of Object.entries({
  greedy: {},
  'temperature 1, top-k 20': { temperature: 1, topK: 20 },
})) {
  const times = { free: [], held: [] }
  for (let i = 0; i < 8; i++) {
    const [free, held] = [await perToken(sampling), await perToken({ ...sampling, grammar: wide })]
    if (i === 0) continue
    times.free.push(free)
    times.held.push(held)
  }
  const [free, held] = [median(times.free), median(times.held)]
  console.log(`${name.padEnd(34)} free ${shown(free)}   held ${shown(held)}   more ${shown(held - free)}`)
}
