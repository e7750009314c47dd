// Reads the header of a GGUF file, metadata with all strings of the vocabulary included, beside @huggingface/gguf:
//
//   npm ci --prefix bench/gguf && node bench/gguf/header.mjs MODEL.gguf [REPEATS]
//
// Needs the built package. Every reading is a process of its own, because that is what a program pays that opens one file; the readers
// take turns, and the medians are of the time inside the process, module loading apart. "open" is the checked header with all
// metadata but the strings of arrays, which this package decodes when they are asked for.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median } from '../median.mjs'

const readers = {
  async fak(path) {
    const start = performance.now()
    const { openGguf } = await import('../../packages/gguf/dist/node.js')
    const loaded = performance.now()
    const file = await openGguf(path)
    const opened = performance.now()
    const strings = [...file.metadata.entries()]
      .filter(([, { value }]) => value?.itemType === 'string')
      .reduce((sum, [key]) => sum + file.metadata.strings(key).length, 0)
    const decoded = performance.now()
    await file.close()
    return {
      module: loaded - start,
      open: opened - loaded,
      strings: decoded - opened,
      all: decoded - loaded,
      count: strings,
    }
  },
  async huggingface(path) {
    const start = performance.now()
    const { gguf } = await import('@huggingface/gguf')
    const loaded = performance.now()
    const { metadata } = await gguf(path, { allowLocalFile: true })
    const all = performance.now() - loaded
    const count = Object.values(metadata)
      .filter((value) => Array.isArray(value) && typeof value[0] === 'string')
      .reduce((sum, { length }) => sum + length, 0)
    return { module: loaded - start, all, count }
  },
}

const [path, repeats = '7', reader] = process.argv.slice(2)
if (path === undefined || !/^[1-9]\d?$/.test(repeats)) {
  console.error('usage: node bench/gguf/header.mjs MODEL.gguf [REPEATS]')
  process.exit(2)
}
if (reader !== undefined) {
  console.log(JSON.stringify(await readers[reader](path)))
  process.exit(0)
}

const runs = { fak: [], huggingface: [] }
for (let i = 0; i < Number(repeats); i++) {
  for (const name of Object.keys(runs)) {
    const { stdout, stderr, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), path, '1', name], {
      encoding: 'utf8',
    })
    if (status !== 0) {
      console.error(stderr)
      process.exit(1)
    }
    runs[name].push(JSON.parse(stdout))
  }
}
for (const [name, results] of Object.entries(runs)) {
  const parts = ['module', 'open', 'strings', 'all']
    .filter((part) => results[0][part] !== undefined)
    .map((part) => `${part} ${median(results.map((result) => result[part])).toFixed(1)} ms`)
  console.log(`${name.padEnd(12)} ${parts.join(', ')} (${results[0].count} strings)`)
}
const all = (name) => median(runs[name].map((result) => result.all))
console.log(`ratio        ${(all('huggingface') / all('fak')).toFixed(1)}`)
