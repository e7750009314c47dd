// Prefill and decode speed beside node-llama-cpp: both engines hold the same file, and runs alternate. bench/README.md has the set-up.
//
//   node bench/llama-cpp/speed.mjs FILE.gguf [-p 512] [-n 64] [-d 0] [-t 2] [-r 3] [--kv-cache TYPE] [--json]
//
//   -p, -n   tokens of the prompt and tokens decoded after it     -t   threads, of both engines     -r   runs of each
//   -d       tokens held before the first run; the runs then go on from each other, each a little deeper than the one before
//   --kv-cache   of ours
//
// Each takes the settings it has by default, for node-llama-cpp its F16 cache and flash attention where it chooses so. A decoded token
// is one call and the choice of the most likely token.

import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ensureReady } from '../../scripts/setup.mjs'
import { median } from '../median.mjs'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prompt: { type: 'string', short: 'p', default: '512' },
    new: { type: 'string', short: 'n', default: '64' },
    depth: { type: 'string', short: 'd', default: '0' },
    'kv-cache': { type: 'string' },
    threads: { type: 'string', short: 't', default: '2' },
    repeats: { type: 'string', short: 'r', default: '3' },
    json: { type: 'boolean', default: false },
  },
})
const [path] = positionals
if (positionals.length !== 1) {
  console.error('usage: node bench/llama-cpp/speed.mjs FILE.gguf [-p 512] [-n 64] [-d 0] [-t 2] [-r 3] [--json]')
  process.exit(2)
}
ensureReady()
const { openFak } = await import('./fak.mjs')
const { describeLlama, openLlama } = await import('./llama.mjs')
const { printTable } = await import('./table.mjs')

const [promptTokens, newTokens, depth, threads, repeats] = ['prompt', 'new', 'depth', 'threads', 'repeats'].map((key) =>
  Number(options[key]),
)
/** Time for the threads of the engine that ran last to go to sleep. */
const PAUSE_MS = 300

const fak = await openFak(path, { threads, kvCache: options['kv-cache'] })
const llama = await openLlama(path, {
  tokens: depth === 0 ? promptTokens + newTokens : depth + (repeats + 1) * (promptTokens + newTokens),
  threads,
  flashAttention: 'auto',
  f32Cache: false,
})
const spread = (length) => Array.from({ length }, (_, i) => (i * 7919) % Math.min(fak.vocabulary, 10_000))
const prompt = spread(promptTokens)

/** Tokens per second of one prefill and of the steps after it. */
async function run(engine) {
  if (depth === 0) await engine.reset()
  await setTimeout(PAUSE_MS)
  const start = performance.now()
  let token = await engine.next(prompt)
  const middle = performance.now()
  for (let i = 0; i < newTokens; i++) token = await engine.next([token])
  const end = performance.now()
  return { prefill: (promptTokens * 1000) / (middle - start), decode: (newTokens * 1000) / (end - middle) }
}

const engines = { fak, 'node-llama-cpp': llama }
const runs = { fak: [], 'node-llama-cpp': [] }
if (depth > 0) for (const engine of Object.values(engines)) await engine.next(spread(depth))
for (const engine of Object.values(engines)) await run(engine) // weights into memory, threads started
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const [name, engine] of Object.entries(engines)) runs[name].push(await run(engine))
}

const summary = (name, phase) => {
  const rates = runs[name].map((rate) => rate[phase])
  return { median: median(rates), best: Math.max(...rates) }
}
const result = Object.fromEntries(
  Object.keys(runs).map((name) => [
    name,
    { loadMs: engines[name].loadMs, prefill: summary(name, 'prefill'), decode: summary(name, 'decode') },
  ]),
)
const ratio = Object.fromEntries(
  ['prefill', 'decode'].map((phase) => [phase, result.fak[phase].median / result['node-llama-cpp'][phase].median]),
)
if (options.json) {
  const { release } = await describeLlama()
  console.log(
    JSON.stringify({ path, promptTokens, newTokens, depth, threads, repeats, llama: release, result, ratio, runs }),
  )
} else {
  const at = depth === 0 ? '' : ` at ${depth}`
  const cell = ({ median, best }) => `${median.toFixed(1)} (${best.toFixed(1)})`
  printTable(
    [`tok/s, median (best) of ${repeats}`, `prefill ${promptTokens}${at}`, `decode ${newTokens}${at}`, 'load ms'],
    Object.entries(result).map(([name, r]) => [name, cell(r.prefill), cell(r.decode), r.loadMs.toFixed(0)]),
  )
  console.log(`ratio: prefill ${ratio.prefill.toFixed(2)}, decode ${ratio.decode.toFixed(2)}`)
}
process.exit(0)
