// Mixture of experts: small numbers worked out by hand, stacked weights, and what a Program from elsewhere may get wrong.

import { bytesSource, stackTensors, type WeightTensor } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { type Graph, ops, record, type Value } from '../src/index.js'
import { ReferenceExecutor } from '../src/reference/index.js'
import { f32, weightsOf } from './helpers.js'

type Tables = Readonly<Record<string, readonly (readonly number[])[]>>

/** Runs an op whose inputs are rows of small tables: token t reads row t of each. */
async function rowsOf(
  tables: Tables,
  build: (g: Graph, input: (name: string) => Value, weight: (name: string) => Value) => Value,
  { weights = {}, options = {} }: { weights?: Readonly<Record<string, WeightTensor>>; options?: object } = {},
): Promise<number[]> {
  const entries = Object.entries(tables).map(([name, rows]) => [name, f32([rows.length, rows[0]!.length], rows.flat())])
  const bindings = new Map<string, WeightTensor>([...(entries as [string, WeightTensor][]), ...Object.entries(weights)])
  const w = weightsOf(bindings)
  const program = record((g) => {
    const input = (name: string) => g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(w, name) }, {}, name)
    return { y: g.op(ops.lastRows, { x: build(g, input, (name) => g.weight(w, name)) }, {}, 'y') }
  })
  const prepared = await new ReferenceExecutor(options).prepare(program, bindings)
  const tokens = Uint32Array.from(Object.values(tables)[0]!.keys())
  const { outputs } = await prepared.run({ state: prepared.createState(), tokens, rows: tokens.length })
  return [...outputs.y!]
}

/** Three experts of `[2, 2]`: the identity, a swap, and a doubling, somewhere in a longer run of bytes. */
const matrices = [
  [1, 0, 0, 1],
  [0, 1, 1, 0],
  [2, 0, 0, 2],
]
const inOnePiece = f32([3, 2, 2], matrices.flat())
const apart = stackTensors(
  matrices.map((matrix) => {
    const bytes = new Uint8Array(3 + 16 + 5)
    bytes.set(new Uint8Array(Float32Array.from(matrix).buffer), 3)
    return { dtype: 'F32', shape: [2, 2], source: bytesSource(bytes), offset: 3, byteLength: 16 }
  }),
)

describe('route', () => {
  it('takes the largest logits, the lower index first of equal ones, and weighs them to 1', async () => {
    const logits = [
      [0, Math.log(3), Math.log(2), -1],
      [5, 5, 5, 5],
      [-1, 7, 3, 7],
      [1000, -1000, 1000 - Math.log(4), 0],
    ]
    const routes = await rowsOf({ logits }, (g, input) => g.op(ops.route, { logits: input('logits') }, { topK: 2 }))
    const expected = [1, 2, 0.6, 0.4, 0, 1, 0.5, 0.5, 1, 3, 0.5, 0.5, 0, 2, 0.8, 0.2]
    for (const [i, value] of expected.entries()) expect(routes[i]).toBeCloseTo(value, 4)
    expect(routes.filter((_, i) => i % 4 < 2)).toEqual(expected.filter((_, i) => i % 4 < 2))
  })
})

describe('expertLinear', () => {
  const routes = [
    [2, 1, 0.5, 0.5],
    [0, 2, 0.5, 0.5],
  ]

  it.each([
    ['in one piece', inOnePiece],
    ['in parts that lie apart', apart],
  ])('multiplies by the experts that were chosen, %s', async (_, w) => {
    for (const options of [{}, { heldBytes: 0 }]) {
      const run = (x: readonly (readonly number[])[], input: 'shared' | 'perSlot') =>
        rowsOf(
          { x, routes },
          (g, of, weight) =>
            g.op(ops.expertLinear, { x: of('x'), routes: of('routes'), weight: weight('w') }, { topK: 2, input }),
          { weights: { w }, options },
        )
      expect(await run([[3, 4], [5, 6]], 'shared')).toEqual([6, 8, 4, 3, 5, 6, 10, 12]) // biome-ignore format: rows
      expect(await run([[1, 2, 3, 4], [5, 6, 7, 8]], 'perSlot')).toEqual([2, 4, 4, 3, 5, 6, 14, 16]) // biome-ignore format: rows
    }
  })

  it.each([-1, 3, 0.5])('gives no finite value for %d, which names no expert', async (index) => {
    for (const options of [{}, { heldBytes: 0 }]) {
      const running = rowsOf(
        { x: [[1, 1]], routes: [[index, 1]] },
        (g, of, weight) => {
          const operands = { x: of('x'), routes: of('routes'), weight: weight('w') }
          return g.op(ops.expertLinear, operands, { topK: 1, input: 'shared' }, 'experts')
        },
        { weights: { w: apart }, options },
      )
      await expect(running).rejects.toMatchObject({ code: 'NON_FINITE', field: 'experts' })
    }
  })

  it('refuses a stack whose parts contradict it', async () => {
    const odd = {
      dtype: 'F32',
      shape: [2, 3],
      source: bytesSource(new Uint8Array(24)),
      offset: 0,
      byteLength: 24,
    } as const
    const run = (w: WeightTensor) =>
      rowsOf(
        { x: [[1, 1]], routes: [[0, 1]] },
        (g, of, weight) =>
          g.op(
            ops.expertLinear,
            { x: of('x'), routes: of('routes'), weight: weight('w') },
            { topK: 1, input: 'shared' },
          ),
        { weights: { w } },
      )
    const [first, second] = apart.parts
    await expect(run({ ...apart, parts: [first!, second!] })).rejects.toMatchObject({
      code: 'PROGRAM_WEIGHT_MISMATCH',
      reason: 'recorded as F32 [3, 2, 2], bound to a stack of 2 parts',
    })
    await expect(run({ ...apart, parts: [first!, odd, second!] })).rejects.toMatchObject({
      code: 'PROGRAM_WEIGHT_MISMATCH',
      reason: 'recorded as F32 [3, 2, 2], bound to a stack whose part 1 is F32 [2, 3]',
    })
  })
})

it('combineExperts adds what the chosen experts gave, in their order', async () => {
  const tables = { x: [[1, 2, 10, 20]], routes: [[7, 3, 0.75, 0.25]] }
  const y = await rowsOf(tables, (g, of) => g.op(ops.combineExperts, { x: of('x'), routes: of('routes') }, { topK: 2 }))
  expect(y).toEqual([3.25, 6.5])
})

it('gatedAdd lets each row take its own share', async () => {
  const tables = { a: [[1, 2], [3, 4]], b: [[10, 20], [30, 40]], gate: [[0], [Math.log(3)]] } // biome-ignore format: rows
  const y = await rowsOf(tables, (g, of) => g.op(ops.gatedAdd, { a: of('a'), b: of('b'), gate: of('gate') }, {}))
  for (const [i, value] of [6, 12, 25.5, 34].entries()) expect(y[i]).toBeCloseTo(value, 5)
})

describe('shapes that do not fit are refused while recording', () => {
  const x = { x: [[1, 2, 3]], routes: [[0, 1]] }
  it.each([
    [
      'topK must be at most the 3 experts, got 4',
      (g: Graph, of: (name: string) => Value) => g.op(ops.route, { logits: of('x') }, { topK: 4 }),
    ],
    [
      'x has 3 columns, which are no 2 equal slots',
      (g: Graph, of: (name: string) => Value) => {
        const routes = g.op(ops.route, { logits: of('x') }, { topK: 2 })
        return g.op(ops.combineExperts, { x: of('x'), routes }, { topK: 2 })
      },
    ],
    [
      'gate (x#3) must be [T, 1], got [T, 3]',
      (g: Graph, of: (name: string) => Value) => g.op(ops.gatedAdd, { a: of('x'), b: of('x'), gate: of('x') }, {}),
    ],
    [
      'x (x) must be [T, 2], got [T, 3]',
      (g: Graph, of: (name: string) => Value, weight: (name: string) => Value) =>
        g.op(ops.expertLinear, { x: of('x'), routes: of('routes'), weight: weight('w') }, { topK: 1, input: 'shared' }),
    ],
  ])('%s', async (reason, build) => {
    await expect(rowsOf(x, build, { weights: { w: apart } })).rejects.toMatchObject({ code: 'GRAPH_SHAPE', reason })
  })
})
