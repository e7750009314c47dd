// Op by op instead of end to end: what every kernel makes of the values that it is really given.

import type { Executor, Program } from '@fak/graph'
import { compare } from '@fak/graph/compare'
import { ReferenceExecutor } from '@fak/graph/reference'
import { f32Tensor, Random, randomTypes, tinyModel } from '@fak/testkit'
import { describe, expect, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'
import { isas } from './helpers.js'

const reference = new ReferenceExecutor()
const native = new NativeExecutor({ threads: 2 })

/** Prefill, two decode steps, and prefill again. */
const stepsFor = (vocabulary: number) => [9, 1, 1, 12].map((n, i) => new Random(i + 1).tokens(n, vocabulary))

describe('native kernels against the definitions, each on its own', () => {
  it.each(randomTypes)('%s', async (dtype) => {
    const { program, weights, config } = tinyModel(5, { dtype })
    const tokens = stepsFor(config.vocabularySize)
    const found = await compare(
      program,
      { executor: reference, weights },
      { executor: native, weights },
      { tokens, all: true },
    )
    expect(found.drift).toBeUndefined()
    expect(found.ops).toHaveLength(program.ops.length)
    // Far below the tolerance for anything that is not a matrix of blocks: 1e-6 is some ten units in the last place.
    const isFloat = dtype === 'F32' || dtype === 'F16' || dtype === 'BF16'
    for (const { label, kind, own } of found.ops) {
      if (kind !== 'linear' || isFloat) expect(own.error, label).toBeLessThan(2e-6)
      else expect(own.rms, label).toBeLessThan(0.05)
    }
  })

  it.each(isas.filter((isa) => isa !== 'scalar'))('%s gives the bits of scalar in every op', async (isa) => {
    for (const dtype of ['F16', 'Q5_0', 'Q4_K'] as const) {
      const { program, weights, config } = tinyModel(6, { dtype })
      const scalar = new NativeExecutor({ isa: 'scalar', threads: 1 })
      const other = new NativeExecutor({ isa, threads: 3 })
      const tokens = stepsFor(config.vocabularySize)
      const options = { tokens, tolerance: 0, maxBytes: 2 ** 18 }
      const found = await compare(program, { executor: scalar, weights }, { executor: other, weights }, options)
      expect(found.ops.every(({ accumulated }) => accumulated.differing === 0)).toBe(true)
      expect(found.ops).toHaveLength(program.ops.length)
      expect(found.drift ?? found.suspect).toBeUndefined()
    }
  })
})

describe('compare with the native executor', () => {
  const { program, weights, config } = tinyModel(7)
  const tokens = new Random(9).tokens(20, config.vocabularySize)

  it('names the op that was given other constants', async () => {
    const wrong: Executor = {
      name: 'wrong',
      description: 'wrong',
      prepare: (p: Program, ...rest) => {
        const ops = p.ops.map((op) => (op.kind === 'rope' ? { ...op, attrs: { ...op.attrs, theta: 1e3 } } : op))
        return native.prepare({ ...p, ops }, ...rest)
      },
    }
    const { drift } = await compare(program, { executor: reference, weights }, { executor: wrong, weights }, { tokens })
    expect(drift).toMatchObject({ label: 'layers.1.self_attn.q_rope', kind: 'rope' })
    expect(drift!.own.error).toBeGreaterThan(1e-3)
  })

  it('names the op where damaged weights give values that are not finite, on both sides', async () => {
    const label = 'layers.2.post_attention_layernorm.weight'
    const values = Float32Array.from({ length: config.hidden }, (_, i) => (i === 7 ? Number.NaN : 1))
    const damaged = new Map([...weights, [label, f32Tensor([config.hidden], values)]])
    const [a, b] = [reference, native].map((executor) => ({ executor, weights: damaged }))
    const both = await compare(program, a!, b!, { tokens })
    expect(both.nonFinite).toMatchObject({ label: 'layers.2.post_attention_layernorm', kind: 'rmsNorm', side: 'both' })
    const one = await compare(program, { executor: reference, weights }, b!, { tokens, all: true })
    expect(one.nonFinite).toMatchObject({ label: 'layers.2.post_attention_layernorm', side: 'b' })
    expect(one.ops.at(-1)!.label).toBe('layers.2.mixed')
  })
})
