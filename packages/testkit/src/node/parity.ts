// One suite for every executor: agreement with Hugging Face transformers and llama.cpp, from every kind of file in fixtures/.

import type { Executor, PreparedProgram } from '@fak/graph'
import { difference } from '@fak/graph/compare'
import { compareLogits, sameBits } from '../compare.js'
import type { RegisterTest } from '../conformance/suite.js'
import {
  fixtureNames,
  openFixture,
  type QuantizedName,
  quantizedNames,
  readQuantizedRun,
  readReferenceRun,
} from './fixtures.js'

/** Distance from reference logits that is still agreement. */
export interface ParityBounds {
  /** Mean over positions of KL(reference ‖ executor), in nats. */
  readonly meanKl: number
  /** Largest |difference| of two logits. */
  readonly maxDelta: number
  /** Positions that may have another most likely token. */
  readonly top1Differences: number
}

/** What an executor must give for a quantized file. */
export interface QuantizedParity {
  /** llama.cpp on the dequantized weights in float32, or on the file itself. */
  readonly by: 'dequantized' | 'llama'
  readonly bounds: ParityBounds
}

/** What float arithmetic over the same weights reaches, in any order of summation. */
export const floatBounds: ParityBounds = { meanKl: 1e-6, maxDelta: 1e-3, top1Differences: 0 }

/** Largest distance of a row that leaves a layer, measured against the row's largest magnitude. */
const LAYER_TOLERANCE = 1e-4

/** Every file with float weights, and the fixture whose reference values are its own. */
const files = [
  ...fixtureNames.map((name) => ({ parts: [name], reference: name })),
  ...(['tied', 'untied-r3', 'odd', 'moe-r3'] as const).map((name) => ({
    parts: [name, 'model.f32.gguf'],
    reference: name,
  })),
  { parts: ['tied', 'model.bf16.gguf'], reference: 'tied' },
  { parts: ['tied-sharded-bf16'], reference: 'tied' },
  { parts: ['tied-multimodal'], reference: 'tied' },
  { parts: ['tied-multimodal', 'model.bf16.gguf'], reference: 'tied' },
  { parts: ['moe-odd', 'model.bf16.gguf'], reference: 'moe-odd' },
  { parts: ['moe-odd-multimodal'], reference: 'moe-odd' },
  { parts: ['moe-odd-multimodal', 'model.bf16.gguf'], reference: 'moe-odd' },
] as const

/**
 * Registers the tests. The executor must give transformers' logits and layer outputs for every fixture within {@link floatBounds}, and
 * the same bits for every way to cut a prompt.
 *
 * @param quantized What to compare with on a quantized file, and how close to come: by default llama.cpp on the dequantized weights and
 * {@link floatBounds}, for an executor that multiplies by exact values.
 */
export function executorParity(
  test: RegisterTest,
  makeExecutor: () => Executor | Promise<Executor>,
  quantized: (name: QuantizedName) => QuantizedParity = () => ({ by: 'dequantized', bounds: floatBounds }),
): void {
  for (const { parts, reference } of files) {
    test(`${parts.join('/')} agrees with transformers in all logits`, () =>
      checkLogits(makeExecutor, ['models', ...parts], reference))
    test(`${parts.join('/')} agrees with transformers in what leaves every layer`, () =>
      checkLayers(makeExecutor, ['models', ...parts], reference))
  }
  for (const name of fixtureNames) {
    test(`${name} gives the same bits for every way to cut the prompt`, () => checkChunks(makeExecutor, name))
  }
  for (const name of quantizedNames) {
    const { by, bounds } = quantized(name)
    test(`${name} agrees with llama.cpp on the ${by === 'llama' ? 'same file' : 'dequantized weights'}`, () =>
      checkQuantized(makeExecutor, name, by, bounds))
  }
}

type MakeExecutor = () => Executor | Promise<Executor>
type FixtureName = (typeof fixtureNames)[number]

async function checkLogits(makeExecutor: MakeExecutor, parts: readonly string[], reference: FixtureName) {
  const { prompt, logits, prefixLengths, prefixLogits } = await readReferenceRun(reference)
  await withPrepared(makeExecutor, parts, { maxTokens: prompt.length }, async (prepared, vocabulary) => {
    within(floatBounds, logits, await allRows(prepared, prompt, [prompt.length]), vocabulary)
    for (const [i, length] of prefixLengths.entries()) {
      const state = prepared.createState()
      const { outputs } = await prepared.run({ state, tokens: prompt.slice(0, length) })
      within(floatBounds, prefixLogits.subarray(i * vocabulary, (i + 1) * vocabulary), outputs.logits!, vocabulary)
    }
  })
}

async function checkLayers(makeExecutor: MakeExecutor, parts: readonly string[], reference: FixtureName) {
  const { prompt, hidden, hiddenTokens } = await readReferenceRun(reference)
  const { model, close } = await openFixture(...parts)
  await close()
  const { hidden: columns, layerKinds } = model.config
  const taps = ['embed_tokens', ...layerKinds.map((_, i) => `layers.${i}`), 'norm']
  const size = hiddenTokens * columns
  if (hidden.length !== taps.length * size) throw new Error(`${hidden.length} reference values for ${taps.length} taps`)
  await withPrepared(makeExecutor, parts, { maxTokens: hiddenTokens, taps }, async (prepared) => {
    const tokens = prompt.slice(0, hiddenTokens)
    const result = await prepared.run({ state: prepared.createState(), tokens, rows: hiddenTokens })
    for (const [i, tap] of taps.entries()) {
      const expected = hidden.subarray(i * size, (i + 1) * size)
      const { error } = difference(expected, result.taps.get(tap)!, columns)
      if (!(error <= LAYER_TOLERANCE)) throw new Error(`${tap}: row error ${error} is above ${LAYER_TOLERANCE}`)
    }
  })
}

async function checkChunks(makeExecutor: MakeExecutor, name: FixtureName) {
  const { prompt } = await readReferenceRun(name)
  await withPrepared(makeExecutor, ['models', name], { maxTokens: prompt.length }, async (prepared) => {
    const whole = await allRows(prepared, prompt, [prompt.length])
    for (const sizes of [[1], [3], [7], [63], [64], [65], [127], [1, 40, 2]]) {
      if (sameBits(await allRows(prepared, prompt, sizes), whole)) continue
      throw new Error(`steps of ${sizes.join(', ')} tokens give other bits than one step`)
    }
  })
}

async function checkQuantized(
  makeExecutor: MakeExecutor,
  name: QuantizedName,
  by: QuantizedParity['by'],
  bounds: ParityBounds,
) {
  const { prompt, logits } = await readQuantizedRun(name, by)
  await withPrepared(makeExecutor, [`${name}.gguf`], { maxTokens: prompt.length }, async (prepared, vocabulary) => {
    within(bounds, logits, await allRows(prepared, prompt, [prompt.length]), vocabulary)
  })
}

async function withPrepared(
  makeExecutor: MakeExecutor,
  parts: readonly string[],
  options: { readonly maxTokens: number; readonly taps?: readonly string[] },
  use: (prepared: PreparedProgram, vocabulary: number) => Promise<void>,
): Promise<void> {
  const { model, close } = await openFixture(...parts)
  try {
    const prepared = await (await makeExecutor()).prepare(model.program(), model.weights, options)
    try {
      await use(prepared, model.config.vocabularySize)
    } finally {
      await prepared.dispose()
    }
  } finally {
    await close()
  }
}

/** Every row of the logits, the tokens cut into steps of the given sizes, over and over. */
async function allRows(
  prepared: PreparedProgram,
  tokens: Uint32Array,
  sizes: readonly number[],
): Promise<Float32Array> {
  const state = prepared.createState()
  const rows: number[] = []
  for (let i = 0; state.position < tokens.length; i++) {
    const step = tokens.slice(state.position, state.position + sizes[i % sizes.length]!)
    for (const x of (await prepared.run({ state, tokens: step, rows: step.length })).outputs.logits!) rows.push(x)
  }
  await state.dispose()
  return Float32Array.from(rows)
}

function within(bounds: ParityBounds, expected: Float32Array, actual: Float32Array, vocabulary: number): void {
  const found = compareLogits(expected, actual, vocabulary)
  for (const key of ['meanKl', 'maxDelta', 'top1Differences'] as const) {
    if (!(found[key] <= bounds[key])) {
      throw new Error(`${key} is ${found[key]}, allowed ${bounds[key]}, over ${found.rows} positions`)
    }
  }
}
