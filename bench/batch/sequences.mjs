// Tokens per second of all sequences together, when 1, 2, 4 and 8 of them decode at once, beside the same sequences one after the other:
//
//   node bench/batch/sequences.mjs MODEL.gguf [TOKENS] [REPEATS] [SEQUENCES]
//
// Needs the built packages. Each sequence decodes TOKENS tokens (16) after a prompt of 8; the two ways alternate REPEATS times (3), and
// the ratio is that of the medians. SEQUENCES is a list: 1,2,4,8.

import { openGguf } from '../../packages/gguf/dist/node.js'
import { NativeExecutor } from '../../packages/kernels-native/dist/index.js'
import { loadQwen35 } from '../../packages/model-qwen35/dist/index.js'
import { batchSteps, createSession } from '../../packages/session/dist/index.js'
import { median } from '../median.mjs'

const [path, tokens = '16', repeats = '3', list = '1,2,4,8'] = process.argv.slice(2)
const counts = list.split(',')
if (path === undefined || ![tokens, repeats, ...counts].every((n) => /^[1-9]\d{0,3}$/.test(n))) {
  console.error('usage: node bench/batch/sequences.mjs MODEL.gguf [TOKENS] [REPEATS] [SEQUENCES]')
  process.exit(2)
}

const PROMPT = 8
const file = await openGguf(path)
const model = await loadQwen35(file, { metadata: file.metadata })
const prepared = batchSteps(await new NativeExecutor().prepare(model.program(), model.weights, { maxTokens: 64 }))

/** Milliseconds that all sequences take from their first decoded token to their last. */
async function decode(count, together) {
  const sessions = Array.from({ length: count }, () =>
    createSession(prepared, { contextLength: PROMPT + Number(tokens) + 1 }),
  )
  const prompt = (i) => Array.from({ length: PROMPT }, (_, k) => (100 + 31 * i + k) % model.config.vocabularySize)
  for (const [i, session] of sessions.entries()) await session.sync(prompt(i))
  const run = async (session) => {
    for await (const _ of session.generate({ append: [] }, { maxTokens: Number(tokens) })) {
      // Only the time is wanted.
    }
  }
  const start = performance.now()
  if (together) await Promise.all(sessions.map(run))
  else for (const session of sessions) await run(session)
  const ms = performance.now() - start
  for (const session of sessions) await session.dispose()
  return ms
}

await decode(1, true)
console.log(
  `${path}: tokens per second of all sequences, median of ${repeats} alternated runs of ${tokens} tokens each`,
)
console.log('sequences  one after the other  at once  ratio')
for (const count of counts.map(Number)) {
  const times = { apart: [], together: [] }
  for (let i = 0; i < Number(repeats); i++) {
    times.apart.push(await decode(count, false))
    times.together.push(await decode(count, true))
  }
  const rate = (ms) => (count * Number(tokens) * 1000) / ms
  const [apart, together] = [rate(median(times.apart)), rate(median(times.together))]
  const columns = [count, apart.toFixed(1), together.toFixed(1), (together / apart).toFixed(2)]
  console.log(columns.map((x, i) => String(x).padStart([9, 19, 7, 5][i])).join('  '))
}
await prepared.dispose()
await file.close()
