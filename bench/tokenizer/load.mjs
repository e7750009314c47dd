// How long a vocabulary of Qwen3.5's size, 248,320 ids, takes to load, each time in a process of its own:
//
//   npm install --prefix bench/tokenizer && node bench/tokenizer/load.mjs [REPEATS]
//
// Needs the built packages. The vocabulary is that of Qwen3 (151,643 tokens), made longer by merges of its own tokens and filled up
// with unused ids, as tokenizer.json and as GGUF metadata. Prints medians in milliseconds; `processorTime` is that of
// reading and making together, which other work on the machine disturbs least.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openGguf } from '../../packages/gguf/dist/node.js'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'
import { median } from '../median.mjs'
import { grow, IDS } from './real-size.mjs'

/** The child: loads one file and prints how long reading the file and making the tokenizer took. */
async function load(path) {
  const start = performance.now()
  const processor = process.cpuUsage()
  let tokenizer
  let opened
  if (path.endsWith('.gguf')) {
    const file = await openGguf(path)
    opened = performance.now()
    tokenizer = Tokenizer.fromGguf(file.metadata)
    await file.close()
  } else {
    const bytes = readFileSync(path)
    opened = performance.now()
    tokenizer = Tokenizer.fromJson(bytes)
  }
  const loaded = performance.now()
  const { user, system } = process.cpuUsage(processor)
  const ids = tokenizer.encode('Hello, world: 中文 🎉')
  const encoded = performance.now()
  if (tokenizer.decode(ids) !== 'Hello, world: 中文 🎉') throw new Error('wrong tokens')
  const processorTime = (user + system) / 1000
  console.log(
    JSON.stringify({ read: opened - start, make: loaded - opened, firstEncode: encoded - loaded, processorTime }),
  )
}

function ggufOf({ model, added_tokens }) {
  const tokens = Object.keys(model.vocab)
  const types = tokens.map(() => 1)
  for (const { content, special } of added_tokens) {
    tokens.push(content)
    types.push(special ? 3 : 4)
  }
  while (tokens.length < IDS) types[tokens.push(`[PAD${tokens.length}]`) - 1] = 5
  const chunks = []
  const integer = (bytes, write) => {
    const buffer = Buffer.alloc(bytes)
    write(buffer)
    chunks.push(buffer)
  }
  const u32 = (value) => integer(4, (buffer) => buffer.writeUInt32LE(value))
  const u64 = (value) => integer(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)))
  const string = (text) => {
    const bytes = Buffer.from(text)
    u64(bytes.length)
    chunks.push(bytes)
  }
  const text = (key, value) => {
    string(key)
    u32(8)
    string(value)
  }
  const list = (key, type, items, write) => {
    string(key)
    u32(9)
    u32(type)
    u64(items.length)
    for (const item of items) write(item)
  }
  chunks.push(Buffer.from('GGUF'))
  u32(3)
  u64(0)
  u64(6)
  text('general.architecture', 'qwen35')
  text('tokenizer.ggml.model', 'gpt2')
  text('tokenizer.ggml.pre', 'qwen2')
  list('tokenizer.ggml.tokens', 8, tokens, string)
  list('tokenizer.ggml.token_type', 5, types, u32)
  list('tokenizer.ggml.merges', 8, model.merges, (merge) => string(merge.join(' ')))
  return Buffer.concat(chunks)
}

if (process.argv[2] === '--load') {
  await load(process.argv[3])
} else {
  const repeats = Number(process.argv[2] ?? 7)
  const folder = mkdtempSync(join(tmpdir(), 'fak-bench-'))
  // Not for the child, whose heap should hold nothing but what it measures.
  const { vocabularyFile } = await import('./corpora.mjs')
  const json = grow(JSON.parse(readFileSync(vocabularyFile, 'utf8')))
  const files = { 'tokenizer.json': JSON.stringify(json, null, 2), 'vocabulary.gguf': ggufOf(json) }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const times = {}
  for (let i = 0; i < repeats; i++) {
    for (const name of Object.keys(files)) {
      const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--load', join(folder, name)])
      if (child.status !== 0) throw new Error(String(child.stderr))
      for (const [what, time] of Object.entries(JSON.parse(child.stdout))) {
        times[name] ??= {}
        times[name][what] ??= []
        times[name][what].push(time)
      }
    }
  }
  for (const [name, parts] of Object.entries(times)) {
    const line = Object.entries(parts).map(([what, list]) => `${what} ${median(list).toFixed(0)} ms`)
    console.log(`${name} (${(files[name].length / 1e6).toFixed(1)} MB): ${line.join(', ')}`)
  }
  rmSync(folder, { recursive: true })
}
