import { ReferenceExecutor } from '@fak/graph/reference'
import { type DType, readRows } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import {
  type ConformanceCase,
  compareLogits,
  executorConformance,
  Random,
  randomTensor,
  randomTypes,
  sameBits,
  tinyModel,
} from '../src/index.js'

describe('compareLogits', () => {
  it('measures what can be worked out by hand', () => {
    // p = (1/2, 1/2) against q = (3/4, 1/4): KL = ln 2 - (ln 3) / 2
    const same = compareLogits(Float32Array.of(0, 0), Float32Array.of(Math.log(3), 0), 2)
    expect(same.meanKl).toBeCloseTo(Math.log(2) - Math.log(3) / 2, 6)
    expect(same.maxDelta).toBeCloseTo(Math.log(3), 6)
    expect(same.top1Differences).toBe(0) // equal logits: the lower index wins, and it wins on the other side too
    const two = compareLogits(Float32Array.of(1, 2, 5, 0), Float32Array.of(2, 1, 5, 0), 2)
    expect(two).toMatchObject({ rows: 2, maxDelta: 1, top1Differences: 1 })
    expect(two.meanKl).toBeCloseTo(two.maxKl / 2, 12)
  })

  it('never calls NaN close', () => {
    const broken = Float32Array.of(Number.NaN, 1)
    expect(compareLogits(Float32Array.of(1, 1), broken, 2)).toMatchObject({ maxKl: Infinity, maxDelta: Infinity })
  })
})

it('sameBits is about bits', () => {
  expect(sameBits(Float32Array.of(0), Float32Array.of(-0))).toBe(false)
  expect(sameBits(Float32Array.of(Number.NaN), Float32Array.of(Number.NaN))).toBe(true)
  expect(sameBits(Float32Array.of(1), Float32Array.of(1, 1))).toBe(false)
})

it.each(randomTypes)('random %s tensors have the size and spread asked for', async (dtype) => {
  const tensor = randomTensor(dtype, [16, 512], new Random(3), 0.02)
  const values = await readRows(tensor)
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const rms = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)
  expect(rms).toBeGreaterThan(0.017)
  expect(rms).toBeLessThan(0.023)
  expect(Math.abs(mean)).toBeLessThan(0.004)
  expect(await readRows(randomTensor(dtype, [16, 512], new Random(3), 0.02))).toEqual(values)
})

it.each([
  ...(['F32', 'BF16', 'Q8_0', 'Q4_K', 'Q6_K'] satisfies DType[]).map((dtype) => [dtype, false] as const),
  ['F32', true],
  ['Q4_K', true],
] as const)('a tiny %s model runs (experts: %s)', async (dtype, experts) => {
  const { program, weights, config } = tinyModel(5, { dtype, keyHead: 'tiled', tiedEmbeddings: true, experts })
  const prepared = await new ReferenceExecutor().prepare(program, weights)
  const tokens = new Random(1).tokens(20, config.vocabularySize)
  const { logits } = (await prepared.run({ state: prepared.createState(), tokens, rows: 20 })).outputs
  const rms = Math.sqrt(logits!.reduce((sum, x) => sum + x * x, 0) / logits!.length)
  expect(rms).toBeGreaterThan(0.1)
  expect(rms).toBeLessThan(100)
})

describe('executorConformance', () => {
  /** Runs the suite on an executor whose outputs are bent, and counts the cases that notice. */
  async function outcome(bend: (logits: Float32Array) => Float32Array, tolerance: number, skip = {}) {
    const tests: [string, () => Promise<void>][] = []
    const bent = new ReferenceExecutor()
    const prepare = bent.prepare.bind(bent)
    bent.prepare = async (...args) => {
      const prepared = await prepare(...args)
      const run = prepared.run.bind(prepared)
      prepared.run = async (step) => {
        const result = await run(step)
        return { ...result, outputs: { y: bend(result.outputs.y!) } }
      }
      return prepared
    }
    executorConformance(
      (...test) => tests.push(test),
      () => bent,
      { tolerance, skip },
    )
    const add = tests.filter(([name]) => name.startsWith('add '))
    const results = await Promise.allSettled(add.map(([, run]) => run()))
    return results.map((result) => result.status)
  }

  it('fails where values are beyond the tolerance, where chunking shows, and where a mark is out of date', async () => {
    expect(await outcome((y) => y, 0)).toEqual(Array(4).fill('fulfilled'))
    const off = (y: Float32Array) => y.map((x) => x * 1.001)
    expect(await outcome(off, 1e-2)).toEqual(Array(4).fill('fulfilled'))
    expect(await outcome(off, 1e-4)).toEqual(Array(4).fill('rejected'))
    const chunky = (y: Float32Array) => y.map((x) => x * (1 + y.length * 1e-6))
    expect(await outcome(chunky, 1e-1)).toEqual(Array(4).fill('rejected'))
    const names: ConformanceCase['name'][] = [1, 15, 17, 70].map((columns) => `add ${columns} columns`)
    const skip = Object.fromEntries(names.map((name) => [name, 'bent on purpose']))
    expect(await outcome(off, 1e-4, skip)).toEqual(Array(4).fill('fulfilled'))
    expect(await outcome((y) => y, 0, skip)).toEqual(Array(4).fill('rejected'))
  })
})
