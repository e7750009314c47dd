import { KV_CACHE_TYPES, type KvCacheType } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import type { DType } from '@fak/tensor'
import { compareLogits, f32Tensor, Random, sameBits, tinyModel } from '@fak/testkit'
import { describe, expect, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'
import { dequantized, isas, logitsOf } from './helpers.js'

const LENGTH = 150
const tokensFor = (vocabulary: number) => new Random(5).tokens(LENGTH, vocabulary)

describe('a tiny model', () => {
  it.each([false, true])('agrees with the reference executor (experts: %s)', async (experts) => {
    const { program, weights, config } = tinyModel(1, { experts })
    const tokens = tokensFor(config.vocabularySize)
    const native = await new NativeExecutor().prepare(program, weights)
    const reference = await new ReferenceExecutor().prepare(program, weights)
    const [actual, expected] = [await logitsOf(native, tokens, 64), await logitsOf(reference, tokens, 64)]
    const comparison = compareLogits(expected, actual, config.vocabularySize)
    expect(comparison.meanKl).toBeLessThan(1e-9)
    expect(comparison.maxDelta).toBeLessThan(1e-3)
    expect(comparison.top1Differences).toBe(0)
    await Promise.all([native.dispose(), reference.dispose()])
  })

  it.each([
    ['F32', 'dense'],
    ['BF16', 'dense'],
    ['Q8_0', 'dense'],
    ['Q4_K', 'dense'],
    ['Q6_K', 'dense'],
    ['F32', 'mixture of experts'],
    ['Q8_0', 'mixture of experts'],
  ] as const)('%s, %s: one hash for threads, chunks and ISAs', async (dtype, kind) => {
    const { program, weights, config } = tinyModel(2, { dtype, keyHead: 'tiled', experts: kind !== 'dense' })
    const tokens = tokensFor(config.vocabularySize)
    let first: Float32Array | undefined
    for (const isa of isas) {
      for (const threads of [1, 2, 3]) {
        const prepared = await new NativeExecutor({ isa, threads }).prepare(program, weights, { maxTokens: 64 })
        for (const chunk of [1, 7, 64]) {
          const logits = await logitsOf(prepared, tokens, chunk)
          first ??= logits
          expect(sameBits(logits, first), `${isa}, ${threads} threads, chunks of ${chunk}`).toBe(true)
        }
        await prepared.dispose()
      }
    }
  })

  it.each(KV_CACHE_TYPES)('a cache of %s: one hash, near the reference, and the memory it says', async (kvCache) => {
    const { program, weights, config } = tinyModel(8)
    const tokens = tokensFor(config.vocabularySize)
    const reference = await new ReferenceExecutor().prepare(program, weights, { kvCache })
    const expected = await logitsOf(reference, tokens, 64)
    let first: Float32Array | undefined
    for (const isa of isas) {
      for (const threads of [1, 2, 5]) {
        const prepared = await new NativeExecutor({ isa, threads }).prepare(program, weights, {
          kvCache,
          maxTokens: 150,
        })
        for (const chunk of [1, 7, 64, 150]) {
          const logits = await logitsOf(prepared, tokens, chunk)
          first ??= logits
          expect(sameBits(logits, first), `${isa}, ${threads} threads, chunks of ${chunk}`).toBe(true)
        }
        expect(prepared.stateBytes).toBe(0)
        await prepared.dispose()
      }
    }
    // A value near the middle of two steps may be rounded to the other one.
    const bound = { f32: 1e-9, f16: 1e-7, q8_0: 1e-4 }[kvCache]
    expect(compareLogits(expected, first!, config.vocabularySize).meanKl).toBeLessThan(bound)
  })

  it('holds rows of caches in a half and a bit more than a quarter of the bytes', async () => {
    const { program, weights, config } = tinyModel(8)
    const rowBytes = async (kvCache: KvCacheType) => {
      const prepared = await new NativeExecutor({ threads: 1 }).prepare(program, weights, { kvCache })
      const state = prepared.createState()
      const empty = state.byteLength
      await prepared.run({ state, tokens: tokensFor(config.vocabularySize).slice(0, 10) })
      const bytes = state.byteLength - empty
      expect(prepared.stateBytes).toBe(state.byteLength)
      await prepared.dispose()
      return bytes
    }
    const f32 = await rowBytes('f32')
    expect(await rowBytes('f16')).toBe(f32 / 2)
    expect(await rowBytes('q8_0')).toBe((f32 * 34) / 128)
  })

  it('refuses a type of cache that does not exist, and names the op whose keys do not fit', async () => {
    const { program, weights, config } = tinyModel(8)
    for (const executor of [new NativeExecutor({ threads: 2 }), new ReferenceExecutor()]) {
      const unknown = executor.prepare(program, weights, { kvCache: 'q4_0' as KvCacheType })
      await expect(unknown).rejects.toMatchObject({ code: 'KV_CACHE_UNKNOWN', field: 'kvCache' })
    }
    const [label] = [...weights.keys()].filter((name) => name.endsWith('v_proj.weight'))
    const v = weights.get(label!)!
    const huge = Float32Array.from({ length: v.shape.reduce((n, d) => n * d, 1) }, (_, i) => (i % 7) * 1e6)
    const large = new Map(weights).set(label!, f32Tensor(v.shape, huge))
    const tokens = tokensFor(config.vocabularySize).slice(0, 3)
    for (const executor of [new NativeExecutor({ threads: 2 }), new ReferenceExecutor()]) {
      const small = await executor.prepare(program, large, { kvCache: 'f16' })
      const state = small.createState()
      const attention = program.ops.find(({ kind }) => kind === 'attention')!.label
      await expect(small.run({ state, tokens })).rejects.toMatchObject({ code: 'NON_FINITE', field: attention })
      expect(state.position).toBe(0)
      await small.dispose()
      const exact = await executor.prepare(program, large, { kvCache: 'f32' })
      await exact.run({ state: exact.createState(), tokens })
      await exact.dispose()
    }
  })

  it.each(['MXFP4', ...dequantized] as DType[])('%s: near the reference, and one hash', async (dtype) => {
    const { program, weights, config } = tinyModel(7, { dtype })
    const tokens = tokensFor(config.vocabularySize).slice(0, 40)
    const reference = await logitsOf(await new ReferenceExecutor().prepare(program, weights), tokens, 40)
    let first: Float32Array | undefined
    for (const [i, isa] of isas.entries()) {
      for (const [threads, chunk] of [
        [1, 40],
        [3, 7],
        [2, 1],
      ] as const) {
        const prepared = await new NativeExecutor({ isa, threads }).prepare(program, weights)
        expect(prepared.dequantized).toEqual(dtype === 'MXFP4' ? [] : [dtype])
        const logits = await logitsOf(prepared, tokens, chunk)
        first ??= logits
        expect(sameBits(logits, first), `${isa} ${i}, ${threads} threads, chunks of ${chunk}`).toBe(true)
        await prepared.dispose()
      }
    }
    const comparison = compareLogits(reference, first!, config.vocabularySize)
    // Kernels on the stored bits also quantize the activations; dequantized weights meet them as they are.
    expect(comparison.meanKl).toBeLessThan(dtype === 'MXFP4' ? 0.05 : 1e-9)
  })

  it('gives the same last rows however few are asked for, and none for R = 0', async () => {
    const { program, weights, config } = tinyModel(3)
    const tokens = tokensFor(config.vocabularySize)
    const prepared = await new NativeExecutor({ threads: 2 }).prepare(program, weights, { maxTokens: LENGTH })
    const all = await logitsOf(prepared, tokens, LENGTH)
    for (const rows of [1, 4]) {
      const state = prepared.createState()
      await prepared.run({ state, tokens: tokens.slice(0, 100), rows: 0 })
      const { outputs } = await prepared.run({ state, tokens: tokens.slice(100), rows })
      expect(outputs.logits).toHaveLength(rows * config.vocabularySize)
      expect(sameBits(outputs.logits!, all.slice(-rows * config.vocabularySize))).toBe(true)
    }
    await prepared.dispose()
  })

  it('taps any labelled value, also when no output row is wanted', async () => {
    const { program, weights, config } = tinyModel(4)
    const taps = ['layers.0', 'layers.3', 'norm']
    const tokens = tokensFor(config.vocabularySize).slice(0, 20)
    const native = await new NativeExecutor({ threads: 2 }).prepare(program, weights, { taps })
    const reference = await new ReferenceExecutor().prepare(program, weights, { taps })
    for (const rows of [0, 2]) {
      const run = async (on: typeof native) => (await on.run({ state: on.createState(), tokens, rows })).taps
      const [actual, expected] = [await run(native), await run(reference)]
      for (const label of taps) {
        expect(actual.get(label)!.length).toBe(expected.get(label)!.length)
        actual.get(label)!.forEach((x, i) => {
          expect(Math.abs(x - expected.get(label)![i]!)).toBeLessThan(1e-4)
        })
      }
    }
    await Promise.all([native.dispose(), reference.dispose()])
  })

  it('keeps sequences apart', async () => {
    const { program, weights, config } = tinyModel(6)
    const [a, b] = [new Random(1), new Random(2)].map((random) => random.tokens(30, config.vocabularySize))
    const prepared = await new NativeExecutor({ threads: 2 }).prepare(program, weights)
    const alone = [await logitsOf(prepared, a!, 5), await logitsOf(prepared, b!, 5)]
    const together = await Promise.all([logitsOf(prepared, a!, 5), logitsOf(prepared, b!, 5)])
    expect(sameBits(together[0]!, alone[0]!) && sameBits(together[1]!, alone[1]!)).toBe(true)
    await prepared.dispose()
  })
})
