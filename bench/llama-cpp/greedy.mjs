// Lets both engines continue the 100 prompts of prompts.json greedily with the demo model, past every stop token. bench/README.md has
// the set-up.
//
//   node bench/llama-cpp/greedy.mjs [--tokens 64] [--only Q8_0] [--threads 1] [--json]
//
// Exit status 1 when a continuation parts where neither engine sees less than 0.05 nat between its two best tokens.

import { parseArgs } from 'node:util'
import { ensureReady } from '../../scripts/setup.mjs'

const { values: options } = parseArgs({
  options: {
    tokens: { type: 'string', default: '64' },
    only: { type: 'string', default: '' },
    threads: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
ensureReady()
const { openFak } = await import('./fak.mjs')
const { greedy, greedyLlama } = await import('./greedy-run.mjs')
const { describeLlama, openLlama } = await import('./llama.mjs')
const { demoModel, demoPrompts, mixes } = await import('./models.mjs')
const { printTable } = await import('./table.mjs')

/** Between tokens closer than this, in nats, the rounding of activations decides. */
const NEAR_TIE = 0.05
const [tokens, threads] = [Number(options.tokens), Number(options.threads)]
const prompts = await demoPrompts()

async function compare(mix) {
  const path = await demoModel(mix)
  const fak = await openFak(path, { threads })
  const longest = Math.max(...prompts.map(({ ids }) => ids.length))
  const llama = await openLlama(path, { tokens: longest + tokens, threads })
  const parted = []
  for (const { text, ids } of prompts) {
    const ours = await greedy(fak, ids, tokens)
    const theirs = await greedyLlama(llama, ids, tokens)
    const at = ours.findIndex((step, i) => step.id !== theirs[i].id)
    if (at >= 0) parted.push({ text, at, fak: ours[at], llama: theirs[at] })
  }
  await llama.dispose()
  await fak.dispose()
  const near = (part) => [part.fak, part.llama].filter(({ gap }) => gap < NEAR_TIE).length
  const [none, one, both] = [0, 1, 2].map((engines) => parted.filter((part) => near(part) === engines).length)
  const nearTies = { both, one }
  return {
    mix,
    prompts: prompts.length,
    tokens,
    identical: prompts.length - parted.length,
    nearTies,
    unexplained: none,
    parted,
  }
}

const results = []
for (const mix of mixes.filter((name) => name.includes(options.only))) results.push(await compare(mix))
if (results.length === 0) throw new Error(`no stored type has ${JSON.stringify(options.only)} in its name`)
if (options.json) {
  console.log(JSON.stringify({ llama: await describeLlama(), nearTie: NEAR_TIE, threads, results }))
} else {
  const heads = ['demo model', 'prompts', 'tokens each', 'identical', 'near-tie for both', 'for one', 'unexplained']
  printTable(
    heads,
    results.map((r) => [r.mix, r.prompts, r.tokens, r.identical, r.nearTies.both, r.nearTies.one, r.unexplained]),
  )
  for (const { mix, parted } of results) {
    for (const { text, at, fak, llama } of parted) {
      const sides = `fak ${fak.id} by ${fak.gap.toFixed(4)}, llama.cpp ${llama.id} by ${llama.gap.toFixed(4)} nat`
      console.log(`${mix}: token ${at} after ${JSON.stringify(text)}: ${sides}`)
    }
  }
}
process.exit(results.some(({ unexplained }) => unexplained > 0) ? 1 : 0)
