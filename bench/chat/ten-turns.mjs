// A chat of ten turns with reuse of what was computed before, and without: evaluated tokens and time of each turn, and their ratios.
//
//   node bench/chat/ten-turns.mjs [MODEL.gguf] [-n TOKENS] [-r REPEATS] [-t THREADS]
//
// Without a model the demo model. Prompts are made by the template of the file, without thinking; answers are given ones of at most
// TOKENS (8) tokens, so that random weights measure as well as trained ones. With reuse, one session takes all turns; without, each turn has a fresh
// one. Both ways take each turn one after the other, in alternating order. Times are medians over the REPEATS (1): `first` is what passes until the
// first token of the answer, `turn` is the whole of it. Before the first repeat each way answers once to warm up. The exit code is 1 when the
// predictions of the two ways differ anywhere.

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ChatTemplate, encodeChat } from '../../packages/chat/dist/index.js'
import { demoModelUrl } from '../../packages/demo-model/dist/index.js'
import { openGguf } from '../../packages/gguf/dist/node.js'
import { NativeExecutor } from '../../packages/kernels-native/dist/index.js'
import { loadQwen35 } from '../../packages/model-qwen35/dist/index.js'
import { createSession } from '../../packages/session/dist/index.js'
import { Tokenizer } from '../../packages/tokenizer/dist/index.js'
import { median } from '../median.mjs'
import { saying } from '../saying.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    n: { type: 'string', short: 'n', default: '8' },
    r: { type: 'string', short: 'r', default: '1' },
    t: { type: 'string', short: 't' },
  },
})
const given = [values.n, values.r, values.t ?? '1']
if (positionals.length > 1 || !given.every((n) => /^[1-9]\d{0,3}$/.test(n))) {
  console.error('usage: node bench/chat/ten-turns.mjs [MODEL.gguf] [-n TOKENS] [-r REPEATS] [-t THREADS]')
  process.exit(2)
}

const SYSTEM = 'You help with travel plans. Answer briefly.'
const TURNS = [
  [
    'We are two people who want to see Lisbon for a week in spring. When should we go?',
    'In May: warm days, few crowds.',
  ],
  ['Which part of the town is best to stay in, if we like to walk?', 'Graça or Alfama, on the hills.'],
  ['Is it far from the airport, and how do we get there?', 'About seven kilometres; the metro is fine.'],
  ['What should we do on the first day, when we come at noon?', 'Walk down to the river, then rest.'],
  ['And on the second day, if it rains?', 'The tile museum, then the aquarium.'],
  ['We would like one day at the sea. Where to?', 'Cascais, forty minutes by train.'],
  ['What is there to eat that people from here like?', 'Grilled sardines, and bread with them.'],
  ['How much money should we plan for a day, for both of us?', 'About a hundred and fifty euros.'],
  ['Which words should we know before we go?', 'Olá, obrigado, por favor, bom dia.'],
  ['Please sum up the plan in a few words.', 'May, Graça, river, museums, Cascais, sardines.'],
]

const path = positionals[0] ?? fileURLToPath(demoModelUrl)
const file = await openGguf(path)
const model = await loadQwen35(file, { metadata: file.metadata })
const tokenizer = Tokenizer.fromGguf(file.metadata)
const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template'))
const thinks = template.source.includes('enable_thinking')
const executor = new NativeExecutor(values.t ? { threads: Number(values.t) } : {})
const prepared = await executor.prepare(model.program(), model.weights, { maxTokens: 256 })
const vocabulary = model.config.vocabularySize
const messageStart = tokenizer.idOf('<|im_start|>')
const startSession = () =>
  createSession(prepared, { contextLength: 4096, ...(messageStart !== undefined && { messageStart }) })

/** For each turn: the prompt, and the tokens of the answer. */
const turns = TURNS.map(([question], i) => {
  const said = TURNS.slice(0, i).flatMap(([user, assistant]) => [
    { role: 'user', content: user },
    { role: 'assistant', content: cut(assistant).text },
  ])
  const messages = [{ role: 'system', content: SYSTEM }, ...said, { role: 'user', content: question }]
  const { ids } = encodeChat(tokenizer, template, messages, thinks ? { enableThinking: false } : {})
  return { prompt: ids, answer: cut(TURNS[i][1]).ids }
})

/** The beginning of an answer, and its text. */
function cut(text) {
  const ids = [...tokenizer.encode(text)].slice(0, Number(values.n))
  return { ids, text: tokenizer.decode(ids) }
}

/** Answers one prompt. `predictions` tell one state from another: the probability of each given token. */
async function answer(session, { prompt, answer: tokens }) {
  const start = performance.now()
  const run = { first: 0, turn: 0, evaluated: 0, predictions: [] }
  for await (const event of session.generate(prompt, { grammar: saying(tokens, vocabulary), logprobs: true })) {
    if (event.type === 'token') {
      run.first ||= performance.now() - start
      run.predictions.push(event.logprob)
    } else if (event.type === 'done') run.evaluated = event.promptTokens - event.cachedTokens
  }
  run.turn = performance.now() - start
  return run
}

const WAYS = ['with', 'without']

/** The whole chat both ways, turn by turn. */
async function chat(count, order) {
  const kept = startSession()
  const rows = []
  for (const [i, turn] of turns.slice(0, count).entries()) {
    const row = {}
    for (const way of (i + order) % 2 === 0 ? WAYS : [...WAYS].reverse()) {
      const session = way === 'with' ? kept : startSession()
      row[way] = await answer(session, turn)
      if (way === 'without') await session.dispose()
    }
    rows.push(row)
  }
  await kept.dispose()
  return rows
}

await chat(1, 0)
const repeats = []
for (let repeat = 0; repeat < Number(values.r); repeat++) repeats.push(await chat(turns.length, repeat))
const figure = (turn, way, name) => median(repeats.map((rows) => rows[turn][way][name]))
const sums = {}
const columns = (label, prompt, of) => {
  const cells = [label, prompt]
  for (const [name, digits] of [
    ['evaluated', 0],
    ['first', 0],
    ['turn', 0],
  ]) {
    const [reused, cold] = WAYS.map((way) => of(way, name))
    cells.push(reused.toFixed(digits), cold.toFixed(digits), (cold / reused).toFixed(1))
  }
  console.log(cells.map((cell, i) => String(cell).padStart(i === 0 ? 4 : 9)).join(' '))
}
console.log(`${path}: ten turns with reuse | without | ratio; times in ms, median of ${repeats.length}`)
console.log('turn    prompt evaluated   without     ratio     first   without     ratio      turn   without     ratio')
for (const i of turns.keys()) {
  columns(i + 1, turns[i].prompt.length, (way, name) => {
    const value = figure(i, way, name)
    sums[`${way} ${name}`] = (sums[`${way} ${name}`] ?? 0) + value
    return value
  })
}
columns(
  'all',
  turns.reduce((sum, { prompt }) => sum + prompt.length, 0),
  (way, name) => sums[`${way} ${name}`],
)

const differ = repeats.flat().some((row) => String(row.with.predictions) !== String(row.without.predictions))
console.log(differ ? 'the predictions DIFFER' : 'all predictions are the same bits')
if (differ) process.exitCode = 1
await prepared.dispose()
await file.close()
