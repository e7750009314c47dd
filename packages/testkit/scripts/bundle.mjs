// Bundles the testkit's TypeScript sources and imports them: for scripts that need installed dependencies, but no build.

import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'tsup'

const here = dirname(fileURLToPath(import.meta.url))
const outDir = join(here, '../../../node_modules/.cache/fak/testkit')

/** Imports one entry point of the testkit: `index` or `node`. */
export async function importTestkit(entry) {
  mkdirSync(outDir, { recursive: true })
  await build({
    config: false,
    silent: true,
    entry: { [entry]: join(here, `../src/${entry}.ts`) },
    outDir,
    format: ['esm'],
    outExtension: () => ({ js: '.mjs' }),
    target: 'node20',
    noExternal: [/^@fak\//],
    esbuildOptions: (options) => {
      options.conditions = ['@fak/source']
    },
  })
  return import(pathToFileURL(join(outDir, `${entry}.mjs`)).href)
}
