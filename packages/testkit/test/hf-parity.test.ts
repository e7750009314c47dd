// The reference executor against Hugging Face transformers, from every kind of file. Expected values: fixtures/README.md.

import type { PreparedProgram } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { describe, expect, it } from 'vitest'
import { compareLogits, maxRowError, sameBits } from '../src/index.js'
import { fixtureNames, openFixture, quantizedNames, readQuantizedRun, readReferenceRun } from '../src/node.js'

/** Every file with weights, and the fixture whose reference values are its own. */
const files = [
  ...fixtureNames.map((name) => ({ parts: ['models', name], reference: name })),
  ...(['tied', 'untied-r3', 'odd'] as const).map((name) => ({
    parts: ['models', name, 'model.f32.gguf'],
    reference: name,
  })),
  { parts: ['models', 'tied', 'model.bf16.gguf'], reference: 'tied' },
  { parts: ['models', 'tied-sharded-bf16'], reference: 'tied' },
  { parts: ['models', 'tied-multimodal'], reference: 'tied' },
  { parts: ['models', 'tied-multimodal', 'model.bf16.gguf'], reference: 'tied' },
] as const

/** Runs `tokens` on a fresh sequence in steps of the given sizes, over and over, and gives every row of the logits. */
async function run(prepared: PreparedProgram, tokens: Uint32Array, sizes: readonly number[]): Promise<Float32Array> {
  const state = prepared.createState()
  const rows: Float32Array[] = []
  for (let i = 0; state.position < tokens.length; i++) {
    const step = tokens.slice(state.position, state.position + sizes[i % sizes.length]!)
    rows.push((await prepared.run({ state, tokens: step, rows: step.length })).outputs.logits!)
  }
  await state.dispose()
  return Float32Array.from(rows.flatMap((row) => [...row]))
}

describe.each(files)('$parts agrees with transformers', ({ parts, reference }) => {
  it('in the logits of every position and of short prompts', async () => {
    const { model, close } = await openFixture(...parts)
    const expected = await readReferenceRun(reference)
    const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights, { maxTokens: 150 })
    const { vocabularySize } = model.config

    const logits = await run(prepared, expected.prompt, [150])
    const whole = compareLogits(expected.logits, logits, vocabularySize)
    expect(whole.rows).toBe(150)
    expect(whole.meanKl).toBeLessThanOrEqual(1e-6)
    expect(whole.maxDelta).toBeLessThanOrEqual(1e-3)
    expect(whole.top1Differences).toBe(0)

    const lastRows: number[] = []
    for (const length of expected.prefixLengths) {
      const state = prepared.createState()
      lastRows.push(...(await prepared.run({ state, tokens: expected.prompt.slice(0, length) })).outputs.logits!)
    }
    const short = compareLogits(expected.prefixLogits, Float32Array.from(lastRows), vocabularySize)
    expect(short.maxDelta).toBeLessThanOrEqual(1e-3)
    expect(short.top1Differences).toBe(0)
    await prepared.dispose()
    await close()
  })

  it('in what leaves every layer', async () => {
    const { model, close } = await openFixture(...parts)
    const { prompt, hidden, hiddenTokens } = await readReferenceRun(reference)
    const taps = ['embed_tokens', ...model.config.layerKinds.map((_, i) => `layers.${i}`), 'norm']
    const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights, { maxTokens: 65, taps })
    const step = { state: prepared.createState(), tokens: prompt.slice(0, hiddenTokens), rows: hiddenTokens }
    const result = await prepared.run(step)
    const size = hiddenTokens * model.config.hidden
    expect(hidden).toHaveLength(taps.length * size)
    for (const [i, tap] of taps.entries()) {
      const expected = hidden.subarray(i * size, (i + 1) * size)
      expect([tap, maxRowError(expected, result.taps.get(tap)!, model.config.hidden)]).toEqual([
        tap,
        expect.toSatisfy((error: number) => error <= 1e-4),
      ])
    }
    await prepared.dispose()
    await close()
  })
})

it.each(fixtureNames)('%s gives the same bits for every way to cut the prompt', async (name) => {
  const { model, close } = await openFixture('models', name)
  const { prompt } = await readReferenceRun(name)
  const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights, { maxTokens: 150 })
  const whole = await run(prepared, prompt, [150])
  for (const sizes of [[1], [3], [7], [63], [64], [65], [127], [1, 40, 2]]) {
    expect([sizes, sameBits(await run(prepared, prompt, sizes), whole)]).toEqual([sizes, true])
  }
  await prepared.dispose()
  await close()
})

it.each(quantizedNames)('%s agrees with llama.cpp on the same weights in F32', async (name) => {
  const { model, close } = await openFixture('quantized', `${name}.gguf`)
  const expected = await readQuantizedRun(name)
  const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights, { maxTokens: 65 })
  const logits = await run(prepared, expected.prompt, [65])
  const comparison = compareLogits(expected.logits, logits, model.config.vocabularySize)
  expect(comparison.meanKl).toBeLessThanOrEqual(1e-6)
  expect(comparison.maxDelta).toBeLessThanOrEqual(1e-3)
  expect(comparison.top1Differences).toBe(0)
  await prepared.dispose()
  await close()
})
