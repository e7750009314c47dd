// Writes a synthetic model of real shape: node packages/testkit/scripts/synthetic.mjs SIZE MIX FILE.gguf [SEED] [--layers N]
//   SIZE  0.8B, 2B, 4B, 9B, 27B, 35B-A3B, 122B-A10B or 397B-A17B       MIX  Q4_K_M, Q8_0, F16, F32 or MXFP4_MOE       SEED  a number, 1 by default
//   N     only the first N layers, for a file that fits a smaller machine
// Needs installed dependencies, but no build: it bundles the TypeScript sources first.

import { parseArgs } from 'node:util'
import { importTestkit } from './bundle.mjs'

const { modelSizes, sizeConfig, typeMixes, writeSyntheticModel } = await importTestkit('node')

const usage = () => {
  console.error(`usage: synthetic.mjs ${modelSizes.join('|')} ${typeMixes.join('|')} FILE.gguf [SEED] [--layers N]`)
  process.exit(2)
}
const parse = () => {
  try {
    return parseArgs({ allowPositionals: true, options: { layers: { type: 'string' } } })
  } catch {
    return usage()
  }
}
const { positionals, values } = parse()
const [size, mix, path, seed = '1', ...more] = positionals
const layers = values.layers === undefined ? undefined : Number(values.layers)
const known = modelSizes.includes(size) && typeMixes.includes(mix) && path !== undefined && more.length === 0
if (!known || !/^\d{1,9}$/.test(seed) || !/^[1-9]\d{0,2}$/.test(values.layers ?? '1')) usage()
const name = `Synthetic ${size}${layers === undefined ? '' : ` of ${layers} layers`} ${mix}`
let shown = -1
const onProgress = (done, total) => {
  const share = Math.floor((100 * done) / total)
  if (process.stderr.isTTY && share > shown)
    process.stderr.write(`\r${path}: ${share} % of ${(total / 1e9).toFixed(1)} GB`)
  shown = Math.max(shown, share)
}
await writeSyntheticModel(path, { config: sizeConfig(size, layers), mix, name, seed: Number(seed) }, { onProgress })
if (process.stderr.isTTY) process.stderr.write('\n')
