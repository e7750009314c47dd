// What guessing brings: the same answers with every drafter and without, by turns, as ratios of decoding time. Texts must be the same.
//
//   node bench/speculation/speed.mjs [MODEL.gguf] [-n TOKENS] [-r REPEATS] [-t THREADS] [--most N] [--text FILE]
//
// Without a model the demo model answers questions. Any other model is made to say the second half of a text after the first, so that random
// weights measure as well as trained ones: that of a file (--text), or a table that repeats itself. Prints, for each drafter: tokens a pass, share of guesses that came, and how much faster decoding
// is than without, the median over the repeats of the ratio within one.

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ChatTemplate, encodeChat } from '../../packages/chat/dist/index.js'
import { demoModelUrl } from '../../packages/demo-model/dist/index.js'
import { openGguf } from '../../packages/gguf/dist/node.js'
import { NativeExecutor } from '../../packages/kernels-native/dist/index.js'
import { loadQwen35 } from '../../packages/model-qwen35/dist/index.js'
import { createSession, mtpDrafter, ngramDrafter } from '../../packages/session/dist/index.js'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'
import { median } from '../median.mjs'
import { saying } from '../saying.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    n: { type: 'string', short: 'n', default: '96' },
    r: { type: 'string', short: 'r', default: '5' },
    t: { type: 'string', short: 't' },
    most: { type: 'string' },
    text: { type: 'string' },
  },
})
const QUESTIONS = [
  'List the months of the year.',
  'Count to 20.',
  'What is GGUF?',
  'What is the capital of France?',
  'Who are you?',
  'Tell me a story.',
]
const LIST = Array.from(
  { length: 24 },
  (_, i) => `| row ${i % 4} | the same words in every fourth row | ${i % 4} |\n`,
).join('')

const file = await openGguf(positionals[0] ?? fileURLToPath(demoModelUrl))
const model = await loadQwen35(file, { metadata: file.metadata })
const tokenizer = Tokenizer.fromGguf(file.metadata)
const executor = new NativeExecutor(values.t ? { threads: Number(values.t) } : {})
const prepare = (program, weights) => executor.prepare(program, weights, { maxTokens: 256 })
const prepared = await prepare(model.program({ hidden: model.mtp !== undefined }), model.weights)
const plain = await prepare(model.program(), model.weights)
const head = model.mtp && (await prepare(model.draftProgram(), model.mtp.weights))

const ids = (text) => [...tokenizer.encode(text)]
const said = ids(values.text === undefined ? LIST : await readFile(values.text, 'utf8'))
const demo = positionals.length === 0 && values.text === undefined
const prompts = demo
  ? QUESTIONS.map((content) => [
      ...encodeChat(tokenizer, ChatTemplate.parse(file.metadata.string('tokenizer.chat_template')), [
        { role: 'user', content },
      ]).ids,
    ])
  : [said.slice(0, said.length >> 1)]

const most = values.most && { most: Number(values.most) }
const kinds = {
  off: () => undefined,
  ngram: () => ngramDrafter({ ...most }),
  ...(head && { mtp: () => mtpDrafter(head, { ...most }) }),
}

/** Answers all prompts; what was said, and what it cost. */
async function answer(kind) {
  const total = { tokens: [], ms: 0, passes: 0, drafted: 0, accepted: 0 }
  for (const prompt of prompts) {
    const drafter = kinds[kind]()
    const session = createSession(kind === 'mtp' ? prepared : plain, {
      contextLength: 4096,
      vocabSize: model.config.vocabularySize,
      stopTokens: demo ? [tokenizer.eosTokenId] : [],
      ...(drafter && { drafter }),
    })
    const grammar = demo ? {} : { grammar: saying(said.slice(prompt.length), model.config.vocabularySize) }
    for await (const event of session.generate(prompt, { maxTokens: Number(values.n), ...grammar })) {
      if (event.type !== 'done') continue
      total.tokens.push(...event.tokens)
      total.ms += event.timings.decodeMs
      for (const key of ['passes', 'drafted', 'accepted']) total[key] += event.speculation?.[key] ?? 0
    }
    await session.dispose()
  }
  return total
}

const runs = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]))
for (let repeat = 0; repeat <= Number(values.r); repeat++) {
  for (const kind of Object.keys(kinds)) {
    const run = await answer(kind)
    // The first round warms up.
    if (repeat > 0) runs[kind].push(run)
  }
}
const expected = runs.off[0].tokens.join()
for (const [kind, all] of Object.entries(runs)) {
  if (all.some(({ tokens }) => tokens.join() !== expected)) throw new Error(`${kind} says something else`)
  const { passes, drafted, accepted, tokens } = all[0]
  const ratio = median(all.map(({ ms }, i) => runs.off[i].ms / ms))
  const about =
    kind === 'off'
      ? `${tokens.length} tokens, ${((1000 * tokens.length) / median(all.map(({ ms }) => ms))).toFixed(1)} tok/s`
      : `${((passes + accepted) / passes).toFixed(2)} tokens a pass, ${drafted === 0 ? 0 : ((100 * accepted) / drafted).toFixed(0)} % of ${drafted} guesses came`
  console.log(`${kind.padEnd(6)} ${ratio.toFixed(2)}x  ${about}`)
}
await Promise.all([prepared.dispose(), plain.dispose(), head?.dispose()])
await file.close()
