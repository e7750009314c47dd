import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { defineOp, type Graph, hashProgram, ops, printProgram, record, type Value, Weights } from '../src/index.js'

const weights = new Weights(
  new Map([
    ['embed_tokens.weight', { dtype: 'Q8_0', shape: [10, 64] }],
    ['norm.weight', { dtype: 'F32', shape: [64] }],
    ['half.weight', { dtype: 'F16', shape: [64] }],
    ['layers.0.mlp.up_proj.weight', { dtype: 'Q4_0', shape: [96, 64] }],
  ] as const),
)
const embed = (g: Graph) =>
  g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(weights.at('embed_tokens')) }, {})

/** The error of a recording that must fail. */
function failure(build: (g: Graph) => Value): FakError {
  try {
    record((g) => ({ y: build(g) }))
  } catch (error) {
    if (FakError.isInstance(error)) return error
    throw error
  }
  throw new Error('the recording succeeded')
}

describe('record', () => {
  it('gives plain data that survives JSON', () => {
    const program = record((g) => ({ y: g.op(ops.lastRows, { x: embed(g) }, {}) }))
    expect(JSON.parse(JSON.stringify(program))).toEqual(program)
    expect(program.values.map((v) => v.label)).toEqual(['tokens', 'embed_tokens.weight', 'embedding', 'lastRows'])
    expect(program.outputs).toEqual({ y: 3 })
    expect(program.values[3]!.shape).toEqual(['R', 64])
  })

  it('labels by scope, by module path, and by number when a label is taken', () => {
    const program = record((g) => {
      const x = embed(g)
      const layer = weights.at('layers.0')
      const up = g.scope(layer, () =>
        g.scope('mlp', () => {
          const projection = layer.at('mlp').at('up_proj')
          g.add(x, x)
          g.add(x, x)
          return g.op(ops.linear, { x, weight: g.weight(projection) }, {}, projection)
        }),
      )
      return { up: g.name('out', up), tied: g.op(ops.linear, { x, weight: g.weight(weights.at('embed_tokens')) }, {}) }
    })
    expect(program.ops.map((op) => op.label)).toEqual([
      'embedding',
      'layers.0.mlp.add',
      'layers.0.mlp.add#2',
      'out',
      'linear',
    ])
    expect(program.values[program.outputs.up!]!.label).toBe('out')
    // The tied table is one value, however often it is asked for.
    expect(program.values.filter((v) => v.kind === 'weight')).toHaveLength(2)
  })

  it('refuses what does not fit, naming the place, what was expected and what came', () => {
    let foreign: Value | undefined
    record((g) => {
      foreign = embed(g)
      return { foreign }
    })
    const cases: [string, string, (g: Graph) => Value][] = [
      [
        'GRAPH_SHAPE',
        'weight (layers.0.mlp.up_proj.weight) must be [96, 96], got [96, 64] (again)',
        (g) => {
          const weight = g.weight(weights.at('layers.0.mlp.up_proj'))
          return g.op(ops.linear, { x: g.op(ops.linear, { x: embed(g), weight }, {}), weight }, {}, 'again')
        },
      ],
      [
        'GRAPH_SHAPE',
        'must be stored as F32, got F16',
        (g) => g.op(ops.rmsNorm, { x: embed(g), weight: g.weight(weights.at('half')) }, { eps: 1e-6 }),
      ],
      ['GRAPH_SHAPE', 'must be an activation', (g) => g.add(g.tokens(), g.tokens())],
      [
        'GRAPH_SHAPE',
        'dims must be even',
        (g) => g.op(ops.rope, { x: embed(g) }, { heads: 4, headDim: 16, dims: 3, theta: 1e4 }),
      ],
      [
        'GRAPH_BAD_ATTR',
        'eps must be a finite number, got NaN',
        (g) => g.op(ops.rmsNorm, { x: embed(g), weight: g.weight(weights.at('norm')) }, { eps: Number.NaN }),
      ],
      [
        'GRAPH_BAD_ATTR',
        'heads must be a whole number above 0, got 0',
        (g) => g.op(ops.rope, { x: embed(g) }, { heads: 0, headDim: 16, dims: 2, theta: 1e4 }),
      ],
      [
        'GRAPH_BAD_ATTR',
        'the op has no attribute "speed"',
        (g) => g.op(ops.lastRows, { x: embed(g) }, { speed: 1 } as Record<never, never>),
      ],
      ['GRAPH_MISSING_WEIGHT', 'layers.9.weight', (g) => g.weight(weights.at('layers.9'))],
      ['GRAPH_FOREIGN_VALUE', 'a is not a value of this graph', (g) => g.add(foreign!, embed(g))],
      ['GRAPH_BAD_OUTPUT', 'got tokens', (g) => g.tokens()],
      [
        'GRAPH_DUPLICATE_STATE',
        'conv',
        (g) => {
          g.state('conv', [3, 4])
          g.state('conv', [3, 4])
          return embed(g)
        },
      ],
    ]
    for (const [code, text, build] of cases) {
      const error = failure(build)
      expect([error.code, error.message]).toEqual([code, expect.stringContaining(text)])
    }
  })

  it('takes custom ops like its own', () => {
    const twice = defineOp({
      kind: 'example.twice',
      inputs: ['x'],
      states: [],
      attrs: { times: 'count' },
      shape: (site) => site.activation('x'),
      run: ({ inputs: { x }, out }, { times }) => out.set(x.map((value) => value * times)),
    })
    const program = record((g) => ({ y: g.op(twice, { x: embed(g) }, { times: 2 }) }))
    expect(program.ops[1]).toMatchObject({ kind: 'example.twice', attrs: { times: 2 } })
  })
})

describe('printProgram and hashProgram', () => {
  const build = (eps: number) =>
    record((g) => ({
      y: g.op(ops.rmsNorm, { x: embed(g), weight: g.weight(weights.at('norm')) }, { eps }, weights.at('norm')),
    }))

  it('prints one line per weight, op and output', () => {
    expect(printProgram(build(1e-6))).toBe(
      [
        'weight embed_tokens.weight Q8_0 [10, 64]',
        'weight norm.weight F32 [64]',
        '%2 [T, 64] = embedding(tokens, embed_tokens.weight)  ; embedding',
        '%4 [T, 64] = rmsNorm(%2, norm.weight) eps=0.000001  ; norm',
        'output y = %4',
        '',
      ].join('\n'),
    )
  })

  it('hashes the same recording to the same digits, and another to others', () => {
    expect(hashProgram(build(1e-6))).toMatch(/^[0-9a-f]{16}$/)
    expect(hashProgram(build(1e-6))).toBe(hashProgram(build(1e-6)))
    expect(hashProgram(build(1e-6))).not.toBe(hashProgram(build(1e-5)))
  })
})
