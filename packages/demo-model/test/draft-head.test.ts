// The draft head of the demo model on every executor: what its formulas give by another hand, and what llama.cpp reads in the same file.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Executor, PreparedProgram, StepResult } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { NativeExecutor } from '@fak/kernels-native'
import { indexOfMax } from '@fak/testkit'
import { openModel } from '@fak/testkit/node'
import { describe, expect, it } from 'vitest'
import { shipped } from './helpers.js'

interface Fixture {
  readonly model: string
  readonly ids: readonly number[]
  readonly before: readonly (readonly number[])[]
  readonly guess: number
  readonly columns: number
  readonly best: readonly number[]
  readonly largest: readonly number[]
  readonly formulas: readonly (readonly number[])[]
  readonly llama: readonly (readonly number[])[]
  readonly llamaBest: readonly number[]
}

const fixture: Fixture = JSON.parse(
  await readFile(new URL('../../../fixtures/demo/draft-head.json', import.meta.url), 'utf8'),
)
const WIDTH = 256

/** Logits of every row: the prompt in steps of `size` tokens, then the guess behind it from the head's own row. */
async function rowsOf(prepared: PreparedProgram, size: number): Promise<Float32Array[]> {
  const state = prepared.createState()
  const rows: Float32Array[] = []
  let last: StepResult | undefined
  const run = async (tokens: readonly number[], hidden: Float32Array) => {
    last = await prepared.run({ state, tokens: Uint32Array.from(tokens), inputs: { hidden }, rows: tokens.length })
    const { logits } = last.outputs
    const width = logits!.length / tokens.length
    for (let i = 0; i < tokens.length; i++) rows.push(logits!.subarray(i * width, (i + 1) * width))
  }
  for (let start = 0; start < fixture.ids.length; start += size) {
    const end = start + size
    await run(fixture.ids.slice(start, end), Float32Array.from(fixture.before.slice(start, end).flat()))
  }
  await run([fixture.guess], last!.outputs.hidden!.slice(-WIDTH))
  await state.dispose()
  return rows
}

async function withHead<T>(executor: Executor, use: (prepared: PreparedProgram) => Promise<T>): Promise<T> {
  const { model, close } = await openModel(shipped)
  const prepared = await executor.prepare(model.draftProgram!(), model.mtp!.weights)
  const result = await use(prepared)
  await prepared.dispose()
  await close()
  return result
}

/** Largest distance of a row's logits from the expected ones, over the row's largest. */
const distance = (rows: readonly Float32Array[], expected: Fixture['formulas']) =>
  Math.max(
    ...expected.map((row, t) => {
      const wrong = row.map((logit, i) => Math.abs(rows[t]![i * fixture.columns]! - logit))
      return Math.max(...wrong) / fixture.largest[t]!
    }),
  )

it('is of the file that ships', async () => {
  const hash = createHash('sha256')
    .update(await readFile(shipped))
    .digest('hex')
  expect(hash).toBe(fixture.model)
})

it('is the formulas on the reference executor', async () => {
  const rows = await withHead(new ReferenceExecutor(), (prepared) => rowsOf(prepared, 64))
  expect(distance(rows, fixture.formulas)).toBeLessThan(1e-4)
  expect(rows.map((row) => indexOfMax(row))).toEqual(fixture.best)
})

describe('on the native executor', () => {
  it('is what llama.cpp reads in the file, as closely as 8-bit activations allow', async () => {
    const rows = await withHead(new NativeExecutor({ threads: 1 }), (prepared) => rowsOf(prepared, 64))
    expect(distance(rows, fixture.formulas)).toBeLessThan(0.03)
    expect(distance(rows, fixture.llama)).toBeLessThan(0.03)
    expect(rows.at(-1) && indexOfMax(rows.at(-1)!)).toBe(fixture.llamaBest.at(-1))
  })

  it('is the same bits for every cut of the tokens into steps', async () => {
    const [whole, single, odd] = await withHead(new NativeExecutor({ threads: 2 }), async (prepared) => [
      await rowsOf(prepared, 64),
      await rowsOf(prepared, 1),
      await rowsOf(prepared, 7),
    ])
    expect(single).toEqual(whole)
    expect(odd).toEqual(whole)
  })
})
