// The demo model answers the same from every format and on every executor: what transformers answers, greedily, in float32.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import type { GgufValueContent } from '@fak/gguf'
import { openGguf, writeGgufFile } from '@fak/gguf/node'
import type { Executor, PreparedProgram } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { NativeExecutor } from '@fak/kernels-native'
import { loadQwen35 } from '@fak/model-qwen35'
import { writeSafetensorsFile } from '@fak/safetensors/node'
import { quantize, readRows } from '@fak/tensor'
import { hfCheckpoint, indexOfMax } from '@fak/testkit'
import { openModel } from '@fak/testkit/node'
import { Tokenizer } from '@fak/tokenizer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answers, q4km, shipped } from './helpers.js'

/** Between tokens closer than this, in logits, the order of a summation decides. */
const FLOAT_TIE = 1e-3
/** The same where kernels quantize activations to 8 bits. */
const QUANTIZED_TIE = 0.1
/** Longest answer in the fixture; one that long was cut, and need not stop. */
const LONGEST = 120

const { metadata, close: closeShipped } = await openGguf(shipped)
const tokenizer = Tokenizer.fromGguf(metadata)
const stopTokens = ['<|im_end|>', '<|endoftext|>'].map((text) => tokenizer.idOf(text)!)
await closeShipped()

let directory: string
const made = { f32: '', safetensors: '' }

// Made rather than committed: the weights of the shipped file, dequantized, in the other formats.
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fak-demo-'))
  made.f32 = join(directory, 'demo-F32.gguf')
  made.safetensors = join(directory, 'demo')
  const file = await openGguf(shipped)
  const entries = new Map<string, GgufValueContent>(file.metadata.entries())
  await writeGgufFile(made.f32, {
    metadata: entries.set('general.file_type', { type: 'u32', value: 0 }), // all F32
    tensors: [...file.tensors.values()].map((tensor) => ({
      name: tensor.name,
      shape: tensor.shape,
      dtype: 'F32' as const,
      data: async function* () {
        yield quantize('F32', await readRows(tensor))
      },
    })),
  })
  const { config, tensors } = await hfCheckpoint(await loadQwen35(file, { metadata: file.metadata }))
  await mkdir(made.safetensors)
  await writeFile(join(made.safetensors, 'config.json'), JSON.stringify(config))
  await writeSafetensorsFile(join(made.safetensors, 'model.safetensors'), { tensors, metadata: [['format', 'pt']] })
  await file.close()
})
afterAll(() => rm(directory, { recursive: true }))

it('gets its questions as the tokens that transformers makes of them', () => {
  const template = ChatTemplate.parse(metadata.string('tokenizer.chat_template')!)
  for (const { question, thinking, promptIds, answer, answerIds } of answers) {
    const messages = [{ role: 'user', content: question }]
    const { ids } = encodeChat(tokenizer, template, messages, { enableThinking: thinking })
    expect([...ids], question).toEqual(promptIds)
    expect(tokenizer.decode(answerIds), question).toBe(answer)
  }
})

it('keeps nearly all of 20 answers when it is quantized', () => {
  expect(answers).toHaveLength(20)
  expect(answers.filter(({ changed }) => changed.Q8_0 === null).length).toBeGreaterThanOrEqual(18)
  expect(answers.filter(({ changed }) => changed.Q4_K_M === null).length).toBeGreaterThanOrEqual(14)
})

const formats = [
  { format: 'Q8_0 GGUF as shipped', path: () => shipped, weights: 'Q8_0' },
  { format: 'F32 GGUF', path: () => made.f32, weights: 'Q8_0' },
  { format: 'F32 safetensors', path: () => made.safetensors, weights: 'Q8_0' },
  { format: 'Q4_K_M GGUF', path: () => q4km, weights: 'Q4_K_M' },
] as const

const executors = [
  { executor: 'reference', make: (): Executor => new ReferenceExecutor(), quantizes: false },
  { executor: 'native', make: (): Executor => new NativeExecutor({ threads: 2 }), quantizes: true },
]

describe.each(formats)('$format', ({ path, weights }) => {
  it.each(executors)(
    'gives the answers of transformers on the $executor executor',
    async ({ make, quantizes }) => {
      const { model, close } = await openModel(path())
      const prepared = await make().prepare(model.program(), model.weights)
      const inFloat = [...model.weights.values()].every(({ dtype }) => dtype === 'F32')
      const tie = quantizes && !inFloat ? QUANTIZED_TIE : FLOAT_TIE
      const parting: object[] = []
      for (const { question, promptIds, answerIds, changed } of answers) {
        const at = await partsAt(prepared, promptIds, changed[weights] ?? answerIds)
        if (at !== undefined && !(at.margin < tie)) parting.push({ question, ...at })
      }
      await prepared.dispose()
      await close()
      expect(parting).toEqual([])
    },
    300_000,
  )
})

/**
 * Generates greedily for as long as the answer is the expected one.
 *
 * @returns the place where another token than the expected one wins, and by how much, in logits; `undefined` when none does.
 */
async function partsAt(prepared: PreparedProgram, prompt: readonly number[], expected: readonly number[]) {
  const state = prepared.createState()
  let tokens = Uint32Array.from(prompt)
  for (let at = 0; at < LONGEST; at++) {
    const logits = (await prepared.run({ state, tokens })).outputs.logits!
    const id = indexOfMax(logits)
    const wanted = at < expected.length ? [expected[at]!] : stopTokens
    if (!wanted.includes(id)) {
      return { at, id, wanted, margin: logits[id]! - Math.max(...wanted.map((token) => logits[token]!)) }
    }
    if (at === expected.length) break
    tokens = Uint32Array.of(id)
  }
  await state.dispose()
  return undefined
}

it('learned its answers: no source code knows one', async () => {
  const packages = fileURLToPath(new URL('../../', import.meta.url))
  const names = await readdir(packages, { recursive: true })
  const sources = names.filter((name) => /^[^/\\]+[/\\](src|native)[/\\].*\.(ts|cc|h)$/.test(name))
  expect(sources.length).toBeGreaterThan(100)
  const found: string[] = []
  for (const source of sources) {
    const text = await readFile(join(packages, source), 'utf8')
    for (const { answer } of answers) if (text.includes(answer)) found.push(`${source}: ${answer}`)
  }
  expect(found).toEqual([])
})
