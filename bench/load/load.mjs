// Loads a GGUF model step by step, prefills and decodes a little, and says what each step took in time, memory and bytes read:
//
//   /usr/bin/time -v node bench/load/load.mjs MODEL.gguf [PREFILL] [DECODE] [CHUNK]
//
// Needs the built packages. PREFILL is 64 tokens by default, DECODE 4, CHUNK 64 (prompt tokens a step). Memory and bytes read are
// those of Linux (/proc/self), elsewhere they are left out; "anonymous" is memory of the process's own, "file" are pages of mapped
// files that it has touched. For a cold run, drop the file's pages first: dd if=MODEL.gguf iflag=nocache count=0

import { readFileSync, statSync } from 'node:fs'
import { openGguf } from '../../packages/gguf/dist/node.js'
import { NativeExecutor } from '../../packages/kernels-native/dist/index.js'
import { loadQwen35 } from '../../packages/model-qwen35/dist/index.js'
import { createSession } from '../../packages/session/dist/index.js'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'

const [path, prefill = '64', decode = '4', chunk = '64'] = process.argv.slice(2)
if (path === undefined || ![prefill, decode, chunk].every((n) => /^[1-9]\d{0,5}$/.test(n))) {
  console.error('usage: node bench/load/load.mjs MODEL.gguf [PREFILL] [DECODE] [CHUNK]')
  process.exit(2)
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
function counters() {
  try {
    const status = readFileSync('/proc/self/status', 'utf8')
    const kilobytes = (name) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1])
    const read = Number(/^read_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))[1])
    return { anonymous: kilobytes('RssAnon'), file: kilobytes('RssFile'), peak: kilobytes('VmHWM'), read }
  } catch {
    return null
  }
}

async function step(name, act) {
  const before = counters()
  const start = performance.now()
  const result = await act()
  const ms = performance.now() - start
  const now = counters()
  const memory =
    now === null
      ? ''
      : `anonymous ${megabytes(now.anonymous).padStart(10)}  file ${megabytes(now.file).padStart(11)}  read ${megabytes(now.read - before.read).padStart(11)}`
  console.log(`${name.padEnd(22)} ${ms.toFixed(0).padStart(7)} ms  ${memory}`)
  return { result, ms }
}

const size = statSync(path).size
console.log(`${path}: ${megabytes(size)}`)
const { result: file } = await step('open and check header', () => openGguf(path))
const { result: tokenizer } = await step('build vocabulary', () => Tokenizer.fromGguf(file.metadata))
const { result: model } = await step('bind weights', () => loadQwen35(file, { metadata: file.metadata }))
const { result: program } = await step('record program', () => model.program())
const maxTokens = Number(chunk)
const { result: prepared } = await step('map and prepare', () =>
  new NativeExecutor().prepare(program, model.weights, { maxTokens }),
)
const contextLength = Number(prefill) + Number(decode) + 1
const session = createSession(prepared, { contextLength })
const ids = Array.from({ length: contextLength }, (_, i) => (i * 7919) % tokenizer.vocabSize)
const filled = await step(`prefill ${prefill}`, () => session.sync(ids.slice(0, Number(prefill))))
const stepped = await step(`decode ${decode}`, async () => {
  for (let i = 0; i < Number(decode); i++) await session.step(ids[Number(prefill) + i])
})
console.log(
  `prefill ${((1e3 * prefill) / filled.ms).toFixed(2)} tok/s, decode ${((1e3 * decode) / stepped.ms).toFixed(2)} tok/s`,
)
const end = counters()
if (end !== null) {
  const over = end.peak - size
  console.log(`peak ${megabytes(end.peak)}: the file ${over < 0 ? '-' : '+'} ${megabytes(Math.abs(over))}`)
}
await session.dispose()
await prepared.dispose()
await file.close()
