// Writes a synthetic model of real shape: node packages/testkit/scripts/synthetic.mjs SIZE MIX FILE.gguf [SEED]
//   SIZE  0.8B, 2B, 4B, 9B or 27B       MIX  Q4_K_M, Q8_0 or F16       SEED  a number, 1 by default
// Needs installed dependencies, but no build: it bundles the TypeScript sources first.

import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'tsup'

const here = dirname(fileURLToPath(import.meta.url))
const outDir = join(here, '../../../node_modules/.cache/fak/testkit')
mkdirSync(outDir, { recursive: true })
await build({
  config: false,
  silent: true,
  entry: { synthetic: join(here, '../src/node.ts') },
  outDir,
  format: ['esm'],
  outExtension: () => ({ js: '.mjs' }),
  target: 'node20',
  noExternal: [/^@fak\//],
  esbuildOptions: (options) => {
    options.conditions = ['@fak/source']
  },
})
const { modelSizes, sizeConfig, typeMixes, writeSyntheticModel } = await import(
  pathToFileURL(join(outDir, 'synthetic.mjs')).href
)

const [size, mix, path, seed = '1'] = process.argv.slice(2)
if (!modelSizes.includes(size) || !typeMixes.includes(mix) || path === undefined || !/^\d{1,9}$/.test(seed)) {
  console.error(`usage: synthetic.mjs ${modelSizes.join('|')} ${typeMixes.join('|')} FILE.gguf [SEED]`)
  process.exit(2)
}
const name = `Synthetic ${size} ${mix}`
await writeSyntheticModel(path, { config: sizeConfig(size), mix, name, seed: Number(seed) })
