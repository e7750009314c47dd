// What the types of KV cache cost in exactness: predictions with each beside those with f32, on the native executor. llama.cpp is not needed.
//
//   node bench/llama-cpp/kv-cache.mjs [--only TEXT] [--threads 2]
//
//   --only TEXT   of the models of parity.mjs those whose name contains TEXT, for example demo or synthetic-dense

import { parseArgs } from 'node:util'
import { ensureReady } from '../../scripts/setup.mjs'

const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, threads: { type: 'string', default: '2' } },
})
ensureReady()
const { Comparison, compareRows } = await import('./compare.mjs')
const { openFak } = await import('./fak.mjs')
const { greedy } = await import('./greedy-run.mjs')
const { demoModel, demoPrompts, mixes, syntheticModel, syntheticShapes } = await import('./models.mjs')
const { printTable } = await import('./table.mjs')

const TYPES = ['f16', 'q8_0']
/** Tokens that the demo model adds to each prompt before they are compared. */
const ANSWER = 64

/** Every model with its name, file and lists of token ids. */
async function* models() {
  const wanted = (name) => name.includes(options.only)
  for (const mix of mixes) if (wanted(`demo-${mix}`)) yield { name: `demo-${mix}`, path: await demoModel(mix) }
  for (const shape of syntheticShapes) {
    for (const mix of mixes) {
      const name = `synthetic-${shape}-${mix}`
      if (!wanted(name)) continue
      const { path, ids } = await syntheticModel(shape, mix)
      yield { name, path, lists: [ids] }
    }
  }
}

const rows = []
for await (const { name, path, lists: given } of models()) {
  const open = (kvCache) => openFak(path, { threads: Number(options.threads), kvCache })
  const exact = await open('f32')
  const lists = given ?? []
  if (given === undefined) {
    for (const { ids } of await demoPrompts()) {
      lists.push([...ids, ...(await greedy(exact, ids, ANSWER)).map(({ id }) => id)])
    }
  }
  for (const type of TYPES) {
    const rounded = await open(type)
    const comparison = new Comparison()
    for (const [i, ids] of lists.entries()) await compareRows(exact.logits(ids), rounded.logits(ids), i, comparison)
    const { positions, meanKl, maxKl, maxDelta, sameTop1 } = comparison.result()
    const figures = [meanKl, maxKl, maxDelta].map((x) => x.toExponential(1))
    rows.push([name, type, positions, ...figures, `${(100 * sameTop1).toFixed(2)} %`])
    await rounded.dispose()
  }
  await exact.dispose()
}
printTable(['model', 'cache', 'positions', 'mean KL', 'max KL', 'max |dlogp|', 'same top-1'], rows)
