import { type Graph, printProgram, record, type Value, type WeightBindings, Weights } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { bytesSource, type TensorData } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { attention, embedding, gatedDeltaNet, lastRows, linear, moe, rmsNorm, swiglu } from '../src/index.js'

function f32(shape: readonly number[], values: readonly number[]): TensorData {
  expect(values).toHaveLength(shape.reduce((a, b) => a * b, 1))
  const bytes = new Uint8Array(Float32Array.from(values).buffer)
  return { dtype: 'F32', shape, source: bytesSource(bytes), offset: 0, byteLength: bytes.byteLength }
}

const zeros = (...shape: number[]) => f32(shape, Array(shape.reduce((a, b) => a * b, 1)).fill(0))
const identity = (n: number) =>
  f32(
    [n, n],
    Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
  )

/** Three tokens whose embeddings are easy to add up by hand. */
const table = f32(
  [3, 4],
  [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [-3, 1, 0, 2],
  ].flat(),
)

/** What the layer makes of the tokens 0, 1, 2. */
async function rowsOf(parameters: Record<string, TensorData>, layer: (g: Graph, x: Value, w: Weights) => Value) {
  const bindings: WeightBindings = new Map(Object.entries({ 'table.weight': table, ...parameters }))
  const w = new Weights(bindings)
  const program = record((g) => ({ y: lastRows(g, layer(g, embedding(g, g.tokens(), w.at('table')), w)) }))
  const prepared = await new ReferenceExecutor().prepare(program, bindings)
  const tokens = Uint32Array.of(0, 1, 2)
  const { outputs } = await prepared.run({ state: prepared.createState(), tokens, rows: 3 })
  return { rows: [...outputs.y!], text: printProgram(program) }
}

const silu = (z: number) => z / (1 + Math.exp(-z))
const close = (expected: readonly number[]) => expected.map((x) => expect.closeTo(x, 3))

describe('attention', () => {
  const rope = { dims: 2, theta: 1e4 }
  const shape = { Hq: 2, Hk: 1, Dk: 2, Dv: 2, rope }
  // Keys see nothing, so every query weighs all earlier values alike: running means.
  const even = {
    'attn.k_proj.weight': zeros(2, 4),
    'attn.v_proj.weight': f32([2, 4], [1, 0, 0, 0, 0, 1, 0, 0]),
    'attn.o_proj.weight': identity(4),
  }

  it('averages values where all keys are alike; both query heads share the one value head', async () => {
    const parameters = { ...even, 'attn.q_proj.weight': identity(4) }
    const { rows } = await rowsOf(parameters, (g, x, w) => attention(g, x, w.at('attn'), shape))
    expect(rows).toEqual(close([1, 2, 1, 2, 3, 4, 3, 4, 1, 3, 1, 3]))
  })

  it('multiplies by the sigmoid of the gate that stands behind each query head', async () => {
    // Rows: query of head 0, gate of head 0, query of head 1, gate of head 1. Only head 1 has a gate away from 0: x[0].
    const q = f32([8, 4], [...Array(24).fill(0), 1, 0, 0, 0, 1, 0, 0, 0])
    const options = { ...shape, outputGate: 'sigmoid' } as const
    const { rows } = await rowsOf({ ...even, 'attn.q_proj.weight': q }, (g, x, w) =>
      attention(g, x, w.at('attn'), options),
    )
    const gate = [1, 5, -3].map((x) => 1 / (1 + Math.exp(-x)))
    const means = [
      [1, 2],
      [3, 4],
      [1, 3],
    ]
    expect(rows).toEqual(close(means.flatMap(([a, b], t) => [a! / 2, b! / 2, a! * gate[t]!, b! * gate[t]!])))
  })

  it('normalizes query and key heads when asked', async () => {
    const norms = { 'attn.q_norm.weight': f32([2], [1, 1]), 'attn.k_norm.weight': f32([2], [1, 1]) }
    const { text } = await rowsOf({ ...even, ...norms, 'attn.q_proj.weight': identity(4) }, (g, x, w) =>
      attention(g, x, w.at('attn'), { ...shape, qkNorm: { eps: 1e-6 } }),
    )
    expect(text).toContain('; attn.q_norm')
    expect(text).toContain('; attn.k_norm')
  })
})

describe('gatedDeltaNet', () => {
  const options = { Hk: 1, Hv: 2, Dk: 1, Dv: 2, convTaps: 2, keyHead: 'grouped', eps: 1e-6 } as const
  const parameters = {
    'net.in_proj_qkv.weight': f32([6, 4], [[1, 0, 0, 0], [1, 0, 0, 0], ...Array(4).fill([0, 0, 1, 0])].flat()),
    'net.in_proj_z.weight': f32([4, 4], Array(16).fill(0.25)),
    'net.in_proj_a.weight': zeros(2, 4),
    'net.in_proj_b.weight': zeros(2, 4),
    'net.conv1d.weight': f32([6, 2], Array(6).fill([0, 1]).flat()),
    'net.A': f32([2], [-1, -1]),
    'net.dt_bias': f32([2], [0, 0]),
    'net.norm.weight': f32([2], [1, 1]),
    'net.out_proj.weight': identity(4),
  }

  it('declares its states and stays at zero while its gate is zero', async () => {
    const shut = { ...parameters, 'net.in_proj_z.weight': zeros(4, 4) }
    const { rows, text } = await rowsOf(shut, (g, x, w) => gatedDeltaNet(g, x, w.at('net'), options))
    expect(rows).toEqual(Array(12).fill(0))
    expect(text).toContain('state net.conv recurrent [1, 6]')
    expect(text).toContain('state net.delta recurrent [2, 2, 1]')
  })

  it('gives equal heads equal outputs of length one before the gate', async () => {
    const { rows } = await rowsOf(parameters, (g, x, w) => gatedDeltaNet(g, x, w.at('net'), options))
    // z is the mean of x: 2.5, 6.5, 0; the norm makes each head (1, 1) or (-1, -1); silu(z) scales it.
    for (const [t, z] of [2.5, 6.5, 0].entries()) {
      for (const y of rows.slice(4 * t, 4 * t + 4)) expect(Math.abs(y)).toBeCloseTo(silu(z), 3)
    }
  })

  it('names the weight whose shape is wrong', async () => {
    const wrong = { ...parameters, 'net.conv1d.weight': zeros(5, 2) }
    await expect(rowsOf(wrong, (g, x, w) => gatedDeltaNet(g, x, w.at('net'), options))).rejects.toMatchObject({
      code: 'GRAPH_SHAPE',
      field: 'net.conv1d',
      reason: 'weight (net.conv1d.weight) must be [6, 2], got [5, 2]',
    })
  })
})

it('swiglu is down(silu(gate(x)) · up(x))', async () => {
  const parameters = {
    'mlp.gate_proj.weight': f32([2, 4], [1, 0, 0, 0, 0, 0, 0, 1]),
    'mlp.up_proj.weight': f32([2, 4], [0, 1, 0, 0, 0, 0, 1, 0]),
    'mlp.down_proj.weight': f32([1, 2], [1, 10]),
  }
  const { rows } = await rowsOf(parameters, (g, x, w) => swiglu(g, x, w.at('mlp')))
  const row = ([a, b, c, d]: readonly [number, number, number, number]) => silu(a) * b + 10 * silu(d) * c
  expect(rows).toEqual(close([row([1, 2, 3, 4]), row([5, 6, 7, 8]), row([-3, 1, 0, 2])]))
})

describe('moe', () => {
  // Experts 0 and 1 read x[0] and x[1], expert 2 a hundred times x[2]; each passes on silu(1) times that.
  const one = silu(1)
  const reads = (scale: readonly number[]) => f32([1, 4], scale)
  const parameters = {
    'mlp.gate.weight': f32([3, 4], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, -9]),
    'mlp.experts.gate_proj.weight': f32([3, 1, 4], Array(3).fill([0, 0, 0, 0.25]).flat()),
    'mlp.experts.up_proj.weight': f32([3, 1, 4], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 100, 0]),
    'mlp.experts.down_proj.weight': f32([3, 1, 1], [1, 1, 1]),
    'mlp.shared_expert.gate_proj.weight': reads([0, 0, 0, 0.25]),
    'mlp.shared_expert.up_proj.weight': reads([0, 0, 1, 0]),
    'mlp.shared_expert.down_proj.weight': f32([1, 1], [1]),
    'mlp.shared_expert_gate.weight': zeros(1, 4),
  }
  const layer = (experts: number, topK: number) => (g: Graph, x: Value, w: Weights) =>
    moe(g, x, w.at('mlp'), { experts, topK })

  it('adds what the chosen experts give by their weights, and the shared expert by its gate', async () => {
    const { rows, text } = await rowsOf(parameters, layer(3, 2))
    // Token 0 is (1, 2, 3, 4): experts 1 and 0 with weights sigmoid(1) and sigmoid(-1); half of the shared one.
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
    expect(rows[0]).toBeCloseTo(one * (2 * sigmoid(1) + 1 * sigmoid(-1) + 3 / 2), 5)
    for (const label of ['routes', 'experts.up_proj', 'experts', 'shared_expert.down_proj', 'out']) {
      expect(text).toContain(`; mlp.${label}\n`)
    }
  })

  it('refuses a router that knows other experts than there are', async () => {
    await expect(rowsOf(parameters, layer(4, 2))).rejects.toMatchObject({
      code: 'GRAPH_SHAPE',
      field: 'mlp.gate.weight',
      reason: 'the weight must have 4 experts, got 3',
    })
    const fewer = { ...parameters, 'mlp.experts.up_proj.weight': zeros(2, 1, 4) }
    await expect(rowsOf(fewer, layer(3, 2))).rejects.toMatchObject({ field: 'mlp.experts.up_proj.weight' })
  })
})

it('rmsNorm and linear carry the labels of their modules', async () => {
  const parameters = { 'norm.weight': f32([4], [1, 1, 1, 2]), 'head.weight': f32([1, 4], [1, 1, 1, 1]) }
  const { rows, text } = await rowsOf(parameters, (g, x, w) =>
    linear(g, rmsNorm(g, x, w.at('norm'), 1e-6), w.at('head')),
  )
  expect(rows[0]).toBeCloseTo((1 + 2 + 3 + 2 * 4) / Math.sqrt(30 / 4), 5)
  expect(text).toContain('rmsNorm(%2, norm.weight) eps=0.000001  ; norm')
  expect(text).toContain('linear(%4, head.weight)  ; head')
})

describe('linear', () => {
  it('multiplies by the scale that stands beside a weight, and records nothing where there is none', async () => {
    const weight = { 'up.weight': identity(4) }
    const plain = await rowsOf(weight, (g, x, w) => linear(g, x, w.at('up')))
    expect(plain.text).not.toContain('scale')
    const scaled = await rowsOf({ ...weight, 'up.scale': f32([1], [-0.5]) }, (g, x, w) => linear(g, x, w.at('up')))
    expect(scaled.rows).toEqual(plain.rows.map((x) => x * -0.5))
    expect(scaled.text).toMatch(/= scale\(.* ; up$/m)
  })
})
