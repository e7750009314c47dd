// Compares the predictions of the native executor with llama.cpp's on the same files. bench/README.md has the set-up.
//
//   node bench/llama-cpp/parity.mjs                          the demo model and the synthetic ones, F32, F16, Q8_0, Q4_K_M
//   node bench/llama-cpp/parity.mjs FILE.gguf … [--ids 1,2]  these files, on the given ids or on 256 random ones
//
//   --only TEXT     of the models without FILE those whose name contains TEXT, for example synthetic-dense or Q8_0
//   --exact N       also compare both engines with f32 arithmetic on dequantized weights, on the first N positions (slow)
//   --threads N     for both engines, default 1
//   --kv-cache TYPE of ours, default f32, which is what llama.cpp has here
//   --json          one JSON object instead of tables
//
// Exit status 1 when a file is beyond the limits.

import { parseArgs } from 'node:util'
import { ensureReady } from '../../scripts/setup.mjs'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ids: { type: 'string' },
    only: { type: 'string', default: '' },
    exact: { type: 'string', default: '0' },
    threads: { type: 'string', default: '1' },
    'kv-cache': { type: 'string', default: 'f32' },
    json: { type: 'boolean', default: false },
  },
})
ensureReady()
const { Comparison, compareRows } = await import('./compare.mjs')
const { openFak } = await import('./fak.mjs')
const { greedy } = await import('./greedy-run.mjs')
const { describeLlama, openLlama } = await import('./llama.mjs')
const { demoModel, demoPrompts, mixes, syntheticModel, syntheticShapes } = await import('./models.mjs')
const { printTable } = await import('./table.mjs')

/** What agreement means: mean KL(llama.cpp ‖ fak) in nats, and the share of positions with the same most likely token. */
const limits = { meanKl: 1e-4, sameTop1: 0.995 }
/** Tokens that the demo model adds to each prompt before they are compared. */
const ANSWER = 64
const threads = Number(options.threads)

/** Every model with its name, file and lists of token ids. */
async function* models() {
  if (positionals.length > 0) {
    const ids = options.ids?.split(',').map(Number)
    for (const path of positionals)
      yield { name: path, path, sequences: async (fak) => [ids ?? randomIds(fak.vocabulary)] }
    return
  }
  const wanted = (name) => name.includes(options.only)
  const prompts = await demoPrompts()
  for (const mix of mixes) {
    if (!wanted(`demo-${mix}`)) continue
    const sequences = async (fak) => {
      const all = []
      for (const { ids } of prompts) all.push([...ids, ...(await greedy(fak, ids, ANSWER)).map(({ id }) => id)])
      return all
    }
    yield { name: `demo-${mix}`, path: await demoModel(mix), sequences }
  }
  for (const shape of syntheticShapes) {
    for (const mix of mixes) {
      const name = `synthetic-${shape}-${mix}`
      if (!wanted(name)) continue
      const { path, ids } = await syntheticModel(shape, mix)
      yield { name, path, sequences: async () => [ids] }
    }
  }
}

/** Ids without structure, the same each time. */
function randomIds(vocabulary) {
  let x = 1
  const next = () => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((x / 2 ** 32) * vocabulary)
  }
  return Array.from({ length: 256 }, next)
}

async function compareModel({ name, path, sequences }) {
  const fak = await openFak(path, { threads, kvCache: options['kv-cache'] })
  const lists = await sequences(fak)
  const llama = await openLlama(path, { tokens: Math.max(...lists.map((ids) => ids.length)), threads })
  const comparison = new Comparison()
  for (const [i, ids] of lists.entries()) {
    await compareRows(llama.logits(ids, fak.vocabulary), fak.logits(ids), i, comparison)
  }
  const result = { name, ...comparison.result() }
  const exact = Number(options.exact)
  if (exact > 0) result.exact = await compareWithExact(path, fak, llama, lists, exact)
  await llama.dispose()
  await fak.dispose()
  return { ...result, agrees: result.meanKl <= limits.meanKl && result.sameTop1 >= limits.sameTop1 }
}

/** Distances of exact arithmetic, by the reference executor, to both engines. */
async function compareWithExact(path, fak, llama, lists, most) {
  const reference = await openFak(path, { executor: 'reference', kvCache: 'f32' })
  const [ours, theirs] = [new Comparison(), new Comparison()]
  let left = most
  for (const [i, whole] of lists.entries()) {
    const ids = whole.slice(0, left)
    if (ids.length === 0) break
    const rows = []
    for await (const row of reference.logits(ids)) rows.push(row)
    await compareRows(rows, fak.logits(ids), i, ours)
    await compareRows(rows, llama.logits(ids, fak.vocabulary), i, theirs)
    left -= ids.length
  }
  await reference.dispose()
  return { fak: ours.result(), llama: theirs.result() }
}

const short = (x) => x.toExponential(1)
const percent = (x) => `${(100 * x).toFixed(2)} %`

function describe({ name, agrees, positions, meanKl, maxKl, maxDelta, sameTop1, exact }) {
  const row = [
    agrees ? 'ok' : 'BEYOND',
    name,
    positions,
    short(meanKl),
    short(maxKl),
    maxDelta.toFixed(4),
    percent(sameTop1),
  ]
  return exact === undefined ? row : [...row, short(exact.fak.meanKl), short(exact.llama.meanKl)]
}

const results = []
for await (const model of models()) results.push(await compareModel(model))
if (results.length === 0) throw new Error(`no model has ${JSON.stringify(options.only)} in its name`)
const failed = results.filter(({ agrees }) => !agrees)
if (options.json) {
  console.log(JSON.stringify({ llama: await describeLlama(), limits, threads, results }))
} else {
  const heads = ['', 'model', 'positions', 'mean KL', 'max KL', 'max |dlogp|', 'same top-1']
  if (Number(options.exact) > 0) heads.push('exact to fak', 'exact to llama.cpp')
  printTable(heads, results.map(describe))
  for (const { name, parted } of results) {
    for (const { sequence, position, tokens, gaps } of parted) {
      const [theirs, ours] = gaps.map((gap) => gap.toFixed(4))
      console.log(
        `${name}: prompt ${sequence}, position ${position}: llama.cpp ${tokens[0]} by ${theirs}, fak ${tokens[1]} by ${ours} nat`,
      )
    }
  }
  const { release } = await describeLlama()
  console.log(`llama.cpp ${release}; limits: mean KL ${limits.meanKl}, same top-1 ${percent(limits.sameTop1)}`)
}
process.exit(failed.length === 0 ? 0 : 1)
