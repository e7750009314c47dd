import type { DType } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { compare, defaultTolerance, difference } from '../src/compare/index.js'
import { type Executor, ops, type Program, record } from '../src/index.js'
import { ReferenceExecutor } from '../src/reference/index.js'
import { f32, randomWeights, toy, weightsOf } from './helpers.js'

const { program, bindings: weights, d } = toy()
const tokens = Uint32Array.of(3, 1, 4, 1, 5, 9, 2, 6)
const steps = [tokens, Uint32Array.of(5), Uint32Array.of(3, 5, 8)]
const trusted = { executor: new ReferenceExecutor(), weights }
const labels = program.ops.map((op) => op.label)

/** The reference executor, except that one op, found by label, writes something else. */
function bent(label: string, bend: (out: Float32Array, columns: number) => void): Executor {
  const executor = new ReferenceExecutor({
    ops: [
      {
        ...ops.linear,
        kind: 'bent.linear',
        run: (io, attrs) => {
          ops.linear.run(io, attrs)
          bend(io.out, io.columns)
        },
      },
      {
        ...ops.causalConv1d,
        kind: 'bent.causalConv1d',
        run: (io, attrs) => {
          ops.causalConv1d.run(io, attrs as never)
          bend(io.out, io.columns)
        },
      },
    ],
  })
  const swapped = (p: Program): Program => ({
    ...p,
    ops: p.ops.map((op) => (op.label === label ? { ...op, kind: `bent.${op.kind}` } : op)),
  })
  return {
    name: 'bent',
    description: 'bent',
    prepare: (p, w, options) => executor.prepare(swapped(p), w, options),
  }
}
const against = (label: string, bend: (out: Float32Array, columns: number) => void) => ({
  executor: bent(label, bend),
  weights,
})

const times = (factor: number) => (out: Float32Array) => out.set(out.map((x) => x * factor))

describe('compare', () => {
  it('finds nothing where there is nothing, in one pass and in many', async () => {
    const other = { executor: new ReferenceExecutor({ poison: true, heldBytes: 0 }), weights }
    for (const maxBytes of [2 ** 30, 2000, 1]) {
      const found = await compare(program, trusted, other, { tokens: steps, tolerance: 0, maxBytes })
      expect(found.ops.map((op) => op.label)).toEqual(labels)
      expect(found.ops.every(({ accumulated, own }) => accumulated.differing + own.differing === 0)).toBe(true)
      expect(found).toEqual({ ops: found.ops })
    }
  })

  it.each(['k', 'o', 'up', 'down'])('names the op that is wrong, and where: %s', async (label) => {
    const other = against(label, (out, columns) => {
      out[out.length - columns + 2]! += 0.5
    })
    for (const maxBytes of [2 ** 30, 1]) {
      const { drift, ops } = await compare(program, trusted, other, { tokens: steps, maxBytes })
      expect(drift).toMatchObject({ label, kind: 'linear', dtypes: ['F32'], index: labels.indexOf(label) })
      // The last row of any step: positions 7, 8 and 11.
      expect([7, 8, 11]).toContain(drift!.own.at!.row)
      expect(drift!.own.at!.column).toBe(2)
      expect(drift!.own.at!.actual - drift!.own.at!.expected).toBeCloseTo(0.5, 5)
      expect(ops.slice(0, drift!.index).every(({ own }) => own.differing === 0)).toBe(true)
    }
  })

  it('tells an error of its own from an inherited one', async () => {
    const found = await compare(program, trusted, against('causalConv1d', times(1.01)), { tokens: steps, all: true })
    const wrong = found.ops.filter(({ own }) => own.differing > 0)
    expect(wrong.map(({ label }) => label)).toEqual(['causalConv1d'])
    const inherited = found.ops.filter(({ accumulated }) => accumulated.error > 1e-3)
    expect(inherited.at(-1)!.label).toBe('down')
    expect(found.drift).toBe(wrong[0])
  })

  it('suspects the right op when the error is small and only grows later', async () => {
    // 1e-6 of what `down` cancels to almost nothing: rows of an op that subtracts nearly equal numbers.
    const table = randomWeights({ 'embed.weight': [20, d] }).get('embed.weight')!
    const eye = (sign: number) =>
      f32(
        [d, d],
        Float32Array.from({ length: d * d }, (_, i) => (i % (d + 1) ? 0 : sign)),
      )
    const near = f32(
      [d, d],
      Float32Array.from({ length: d * d }, (_, i) => (i % (d + 1) ? 0 : -0.9999)),
    )
    const bound = new Map([
      ['embed.weight', table],
      ['one.weight', eye(1)],
      ['two.weight', near],
    ])
    const w = weightsOf(bound)
    const cancelling = record((g) => {
      const x = g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(w.at('embed')) }, {}, 'embedding')
      const one = g.op(ops.linear, { x, weight: g.weight(w.at('one')) }, {}, 'one')
      const two = g.op(ops.linear, { x, weight: g.weight(w.at('two')) }, {}, 'two')
      return { y: g.add(one, two, 'sum') }
    })
    const other = { ...against('one', times(1 + 1e-5)), weights: bound }
    const options = { tokens, accumulated: 1e-2 }
    const found = await compare(cancelling, { ...trusted, weights: bound }, other, options)
    expect(found.drift).toBeUndefined()
    expect(found.grown).toMatchObject({ label: 'sum', own: { error: 0 } })
    expect(found.grown!.accumulated.error).toBeGreaterThan(0.05)
    expect(found.suspect).toMatchObject({ label: 'one' })
    expect(found.suspect!.own.error).toBeCloseTo(1e-5, 6)
  })

  it('tells rounding from a fault by a tolerance for each op', async () => {
    const other = against('up', times(1 + 1e-4))
    expect((await compare(program, trusted, other, { tokens })).drift).toMatchObject({ label: 'up', tolerance: 2e-5 })
    expect((await compare(program, trusted, other, { tokens, tolerance: 1e-3 })).drift).toBeUndefined()
    const seen = new Map<string, readonly string[]>()
    const tolerance = ({ kind, label, dtypes }: { kind: string; label: string; dtypes: readonly string[] }) => {
      seen.set(label, dtypes)
      return kind === 'linear' ? 1e-3 : 0
    }
    expect((await compare(program, trusted, other, { tokens, tolerance })).drift).toBeUndefined()
    expect(seen.get('up')).toEqual(['F32'])
    expect(seen.get('mixed')).toEqual([])
  })

  it('names an op that gives NaN, and in which of the runs', async () => {
    const poison = (out: Float32Array) => void out.fill(Number.NaN, 1, 2)
    for (const maxBytes of [2 ** 30, 1000]) {
      const options = { tokens: steps, maxBytes, all: true }
      const inB = await compare(program, trusted, against('v', poison), options)
      expect(inB).toMatchObject({ nonFinite: { label: 'v', kind: 'linear', side: 'b', index: labels.indexOf('v') } })
      expect(inB.ops.map(({ label }) => label)).toEqual(labels.slice(0, labels.indexOf('v')))
      expect(inB.drift).toBeUndefined()
      const inA = await compare(program, against('v', poison), trusted, options)
      expect(inA.nonFinite).toMatchObject({ label: 'v', side: 'a' })
      const inBoth = await compare(program, against('v', poison), against('v', poison), options)
      expect(inBoth.nonFinite).toMatchObject({ label: 'v', side: 'both' })
    }
    // An executor that hands NaN out instead of refusing shows where it is.
    const silent: Executor = {
      ...trusted.executor,
      name: 'silent',
      description: 'silent',
      prepare: async (p, w, o) => {
        const prepared = await trusted.executor.prepare(p, w, o)
        const run = prepared.run.bind(prepared)
        prepared.run = async (step) => {
          const result = await run(step)
          result.taps.get('v')?.fill(Number.NaN, 8, 9)
          return result
        }
        return prepared
      },
    }
    const { nonFinite } = await compare(program, trusted, { executor: silent, weights }, { tokens })
    expect(nonFinite).toMatchObject({ label: 'v', side: 'b', at: { row: 1, column: 2, actual: Number.NaN } })
  })

  it('compares values whose columns stand in another order', async () => {
    const order = Uint32Array.from({ length: d }, (_, i) => (i * 5) % d)
    const shuffled: Executor = {
      name: 'shuffled',
      description: 'shuffled',
      prepare: async (p, w, o) => {
        const prepared = await trusted.executor.prepare(p, w, o)
        const run = prepared.run.bind(prepared)
        prepared.run = async (step) => {
          const result = await run(step)
          const mixed = result.taps.get('mixed')
          mixed?.set(mixed.map((_, i) => mixed[i - (i % d) + order.indexOf(i % d)]!).slice())
          return result
        }
        return prepared
      },
    }
    const other = { executor: shuffled, weights }
    expect((await compare(program, trusted, other, { tokens })).drift).toMatchObject({ label: 'mixed' })
    const columnOrder = (label: string) => (label === 'mixed' ? order : undefined)
    expect((await compare(program, trusted, other, { tokens, tolerance: 0, columnOrder })).drift).toBeUndefined()
  })

  it('refuses programs that are not of one model, and steps without tokens', async () => {
    const narrower = randomWeights({ 'embed.weight': [20, d], 'up.weight': [d, d] })
    const small = record((g) => ({
      y: g.op(
        ops.embedding,
        { tokens: g.tokens(), weight: g.weight(weightsOf(narrower).at('embed')) },
        {},
        'embedding',
      ),
    }))
    await expect(
      compare(program, trusted, { ...trusted, weights: narrower, program: small }, { tokens }),
    ).rejects.toMatchObject({ code: 'COMPARE_MISMATCH', field: 'causalConv1d' })
    const reshaped: Program = {
      ...program,
      values: program.values.map((v) =>
        v.kind === 'activation' && v.label === 'up' ? { ...v, shape: [v.shape[0], 31] as const } : v,
      ),
    }
    await expect(compare(program, trusted, { ...trusted, program: reshaped }, { tokens })).rejects.toMatchObject({
      code: 'COMPARE_MISMATCH',
      field: 'up',
    })
    for (const none of [[], new Uint32Array(), [tokens, new Uint32Array()]]) {
      await expect(compare(program, trusted, trusted, { tokens: none })).rejects.toMatchObject({
        code: 'COMPARE_NO_TOKENS',
      })
    }
  })

  it('stops when told to, and reports how far it is', async () => {
    const seen: number[] = []
    const onProgress = (done: number, total: number) => void seen.push(done / total)
    await compare(program, trusted, trusted, { tokens, onProgress, maxBytes: 500 })
    expect(seen).toEqual(seen.toSorted((x, y) => x - y))
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(1)
    const signal = AbortSignal.abort()
    await expect(compare(program, trusted, trusted, { tokens, signal })).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

it('the default tolerance goes by what is multiplied, and is wide where a row is one number', () => {
  const of = (kind: string, columns: number, ...dtypes: DType[]) =>
    defaultTolerance({ label: '', kind, columns, dtypes })
  expect(of('rmsNorm', 8)).toBe(2e-5)
  expect(of('linear', 8, 'BF16')).toBe(2e-5)
  expect(of('embedding', 8, 'Q4_K')).toBe(2e-5)
  expect(of('linear', 8, 'Q8_0')).toBe(0.1)
  expect(of('expertLinear', 8, 'Q8_0', 'Q6_K')).toBe(0.2)
  expect(of('linear', 1, 'F32')).toBe(1e-3)
  expect(of('linear', 1, 'Q8_0')).toBe(1)
})

describe('difference', () => {
  it('measures a row against its own magnitude, and says where', () => {
    expect(difference(Float32Array.of(1, 2, 100, 0), Float32Array.of(1, 2.5, 101, 0), 2)).toEqual({
      error: 0.25,
      rms: Math.sqrt(1.25 / 10005),
      differing: 2,
      at: { row: 0, column: 1, expected: 2, actual: 2.5 },
    })
    expect(difference(Float32Array.of(1, 2), Float32Array.of(1, 2), 2)).toEqual({ error: 0, rms: 0, differing: 0 })
    expect(difference(Float32Array.of(0), Float32Array.of(1e-20), 1).error).toBe(Infinity)
    expect(difference(Float32Array.of(0, 1), Float32Array.of(-0, 1), 2)).toMatchObject({ error: 0, differing: 1 })
  })

  it('never calls NaN close, nor infinity', () => {
    for (const broken of [Number.NaN, Infinity, -Infinity]) {
      for (const [e, a] of [
        [1, broken],
        [broken, 1],
      ] as const) {
        const found = difference(Float32Array.of(2, 5, e), Float32Array.of(2, 6, a), 3)
        expect(found).toMatchObject({ error: Infinity, differing: 2, at: { column: 2, expected: e, actual: a } })
      }
      expect(difference(Float32Array.of(broken), Float32Array.of(broken), 1).error).toBe(0)
    }
  })

  it('refuses unlike lengths', () => {
    expect(() => difference(Float32Array.of(1), Float32Array.of(1, 1), 1)).toThrow('[COMPARE_MISMATCH]')
  })
})
