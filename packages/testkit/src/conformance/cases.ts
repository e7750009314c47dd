// The conformance cases: every op alone, in awkward shapes and stored types, over several steps so that states carry over.

import {
  type Graph,
  KV_CACHE_TYPES,
  type KvCacheType,
  ops,
  type Program,
  record,
  type State,
  type Value,
  type WeightBindings,
  Weights,
} from '@fak/graph'
import { bytesSource, type DType, layoutOf, stackTensors, type TensorData, type WeightTensor } from '@fak/tensor'
import { f32Tensor, Random, randomTensor, randomTypes } from '../random.js'

/** One Program with its weights, and steps to run on one sequence. */
export interface ConformanceCase {
  readonly name: string
  /** The op under test. */
  readonly kind: string
  /** Stored type of the weight under test, where the op takes any. */
  readonly dtype?: DType
  /** How its KV caches store their rows, where it has any. */
  readonly kvCache?: KvCacheType
  readonly program: Program
  readonly weights: WeightBindings
  /** Token ids of consecutive steps. Output `y` is wanted for every row. */
  readonly steps: readonly Uint32Array[]
}

/** Most tokens of one step in any case. */
export const CONFORMANCE_MAX_TOKENS = 65

/** One, two, a few, and one more than powers of two that kernels like to work in. */
const STEPS = [1, 2, 1, 65, 5, 17, 33, 3]
const VOCABULARY = 41
const seed = (text: string) => [...text].reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) | 0, 7)

/** What a case's builder has at hand. */
class Bench {
  readonly weights = new Map<string, WeightTensor>()
  readonly #g: Graph
  readonly #random: Random

  constructor(g: Graph, random: Random) {
    this.#g = g
    this.#random = random
  }

  /**
   * An activation `[T, columns]` that depends on the tokens: rows of a random table, among them one of zeros, one large, one tiny and
   * one with a single spike. The other values are normal numbers, each through `shaped`.
   */
  input(name: string, columns: number, shaped = (x: number) => x): Value {
    const values = Float32Array.from({ length: VOCABULARY * columns }, () => shaped(this.#random.normal()))
    const row = (id: number) => values.subarray(id * columns, (id + 1) * columns)
    row(0).fill(0)
    row(1).forEach((x, i, all) => {
      all[i] = x * 300
    })
    row(2).forEach((x, i, all) => {
      all[i] = x * 1e-6
    })
    row(3)[columns >> 1] = 40
    const weight = this.#bind(`${name}_table`, f32Tensor([VOCABULARY, columns], values))
    return this.#g.op(ops.embedding, { tokens: this.#g.tokens(), weight }, {}, name)
  }

  /** A random weight of a stored type. */
  weight(name: string, dtype: DType, shape: readonly number[], rms = 1): Value {
    return this.#bind(name, randomTensor(dtype, shape, this.#random, rms))
  }

  /** A random weight of rank 3 whose matrices lie apart, in reverse order and with gaps, some of them in another source. */
  stack(name: string, dtype: DType, [count, ...shape]: readonly [number, number, number], rms = 1): Value {
    const parts = Array.from({ length: count }, () => randomTensor(dtype, shape, this.#random, rms))
    return this.#bind(name, stackTensors(scattered(parts)))
  }

  /** A random F32 vector between two bounds. */
  vector(name: string, length: number, low: number, high: number): Value {
    const next = () => low + (high - low) * this.#random.uniform()
    return this.#bind(name, f32Tensor([length], Float32Array.from({ length }, next)))
  }

  #bind(name: string, tensor: WeightTensor): Value {
    this.weights.set(`${name}.weight`, tensor)
    return this.#g.weight(new Weights(this.weights, name))
  }
}

/** The same matrices inside two longer runs of bytes, at odd offsets. */
function scattered(parts: readonly TensorData[]): TensorData[] {
  const gap = 7
  const room = parts.reduce((sum, { byteLength }) => sum + byteLength + gap, gap)
  const runs = [new Uint8Array(room).fill(0xff), new Uint8Array(room).fill(0xff)]
  let end = room
  return parts.map((part, i) => {
    end -= part.byteLength + gap
    const run = runs[i % runs.length]!
    run.set(part.source.bytes!, end)
    return { ...part, source: bytesSource(run), offset: end }
  })
}

/** Records a case around one op, whose output becomes `y`. */
function opCase(
  kind: string,
  title: string,
  build: (g: Graph, bench: Bench) => Value,
  extra: { dtype?: DType; kvCache?: KvCacheType; steps?: readonly number[] } = {},
  randomBy = title,
): ConformanceCase {
  const name = `${kind} ${title}`
  const random = new Random(seed(`${kind} ${randomBy}`))
  let bench: Bench | undefined
  const program = record((g) => {
    bench = new Bench(g, random)
    const y = g.name(kind, build(g, bench))
    return { y: y.shape[0] === 'T' ? g.op(ops.lastRows, { x: y }, {}, 'y') : y }
  })
  const steps = (extra.steps ?? STEPS).map((size) => random.tokens(size, VOCABULARY))
  const dtype = extra.dtype === undefined ? {} : { dtype: extra.dtype }
  const kvCache = extra.kvCache === undefined ? {} : { kvCache: extra.kvCache }
  return { name, kind, ...dtype, ...kvCache, program, weights: bench!.weights, steps }
}

/** Every case. Deterministic: the same cases, weights and tokens in every run. */
export function conformanceCases(): ConformanceCase[] {
  return [
    ...randomTypes.flatMap((dtype) => [...embeddingCases(dtype), ...linearCases(dtype)]),
    ...randomTypes.filter((dtype) => !WITHOUT_EXPERTS.test(dtype)).flatMap(expertLinearCases),
    ...routingCases(),
    ...normCases(),
    ...elementwiseCases(),
    ...headCases(),
    ...attentionCases(),
    ...convCases(),
    ...deltaCases(),
  ]
}

/** Row lengths that a type can store: one block, an odd number of blocks, and more; tails of every kind for the plain types. */
function rowLengths(dtype: DType): readonly number[] {
  const { blockElements: block } = layoutOf(dtype)
  if (block === 1) return [1, 7, 15, 17, 33, 100]
  return block === 256 ? [256, 768] : [block, 3 * block, 10 * block]
}

function embeddingCases(dtype: DType): ConformanceCase[] {
  return rowLengths(dtype).map((columns) =>
    opCase(
      'embedding',
      `${dtype} [${VOCABULARY}, ${columns}]`,
      (g, b) =>
        g.op(ops.embedding, { tokens: g.tokens(), weight: b.weight('table', dtype, [VOCABULARY, columns]) }, {}, 'e'),
      { dtype, steps: [1, 65, 3] },
    ),
  )
}

function linearCases(dtype: DType): ConformanceCase[] {
  const outputs = [5, 9, 16, 33, 65, 6]
  return rowLengths(dtype).map((columns, i) =>
    opCase(
      'linear',
      `${dtype} [${outputs[i]}, ${columns}]`,
      (g, b) => {
        const weight = b.weight('w', dtype, [outputs[i]!, columns], columns ** -0.5)
        return g.op(ops.linear, { x: b.input('x', columns), weight }, {})
      },
      { dtype },
    ),
  )
}

/** Types that no kernel is likely to know are alike to experts; one of them, IQ2_XS, and NVFP4 stand for all. */
const WITHOUT_EXPERTS = /^(F64|IQ1_.|IQ2_XXS|IQ2_S|IQ3_.*|TQ.*|Q[12]_0)$/

/** Experts and how many of them a row takes: one of one, all, fewer; with counts that no power of two divides. */
const ROUTES = [
  { experts: 1, topK: 1 },
  { experts: 6, topK: 2 },
  { experts: 5, topK: 5 },
  { experts: 8, topK: 3 },
]

function expertLinearCases(dtype: DType): ConformanceCase[] {
  const outputs = [5, 33, 9, 17]
  return rowLengths(dtype).flatMap((columns, i) =>
    (['shared', 'perSlot'] as const).map((input, j) => {
      const { experts, topK } = ROUTES[(i + j) % ROUTES.length]!
      const shape = [experts, outputs[(i + 2 * j) % outputs.length]!, columns] as const
      // In one piece, as GGUF stores experts, and in several, as other files do.
      const stored = (i + j) % 2 === 0 ? 'stack' : 'weight'
      return opCase(
        'expertLinear',
        `${dtype} ${stored} [${shape.join(', ')}] top ${topK} ${input}`,
        (g, b) => {
          const routes = g.op(ops.route, { logits: b.input('logits', experts) }, { topK })
          const weight = b[stored]('w', dtype, shape, columns ** -0.5)
          const x = b.input('x', input === 'shared' ? columns : topK * columns)
          return g.op(ops.expertLinear, { x, routes, weight }, { topK, input })
        },
        { dtype },
      )
    }),
  )
}

function routingCases(): ConformanceCase[] {
  const routes = [...ROUTES, { experts: 256, topK: 8 }, { experts: 17, topK: 1 }, { experts: 512, topK: 10 }]
  return [
    ...routes.flatMap(({ experts, topK }) => [
      opCase('route', `top ${topK} of ${experts}`, (g, b) =>
        g.op(ops.route, { logits: b.input('logits', experts) }, { topK }),
      ),
      // Whole numbers: most rows have several experts with the same logit.
      opCase('route', `top ${topK} of ${experts} with ties`, (g, b) =>
        g.op(ops.route, { logits: b.input('logits', experts, Math.round) }, { topK }),
      ),
    ]),
    ...[1, 15, 33, 70].map((columns, i) => {
      const { experts, topK } = ROUTES[i]!
      return opCase('combineExperts', `${columns} columns, top ${topK} of ${experts}`, (g, b) => {
        const routes = g.op(ops.route, { logits: b.input('logits', experts) }, { topK })
        return g.op(ops.combineExperts, { x: b.input('x', topK * columns), routes }, { topK })
      })
    }),
    ...[1, 15, 17, 70].map((columns) =>
      opCase('gatedAdd', `${columns} columns`, (g, b) =>
        g.op(ops.gatedAdd, { a: b.input('a', columns), b: b.input('b', columns), gate: b.input('gate', 1) }, {}),
      ),
    ),
  ]
}

function normCases(): ConformanceCase[] {
  return [
    [1, 1],
    [7, 7],
    [40, 40],
    [33, 11],
    [130, 65],
    [512, 256],
  ].flatMap(([columns, size]) => [
    opCase('rmsNorm', `${columns} columns by ${size}`, (g, b) =>
      g.op(ops.rmsNorm, { x: b.input('x', columns!), weight: b.vector('w', size!, -0.5, 2) }, { eps: 1e-6 }),
    ),
    opCase('gatedRmsNorm', `${columns} columns by ${size}`, (g, b) => {
      const operands = { x: b.input('x', columns!), z: b.input('z', columns!), weight: b.vector('w', size!, -0.5, 2) }
      return g.op(ops.gatedRmsNorm, operands, { eps: 1e-5 })
    }),
  ])
}

function elementwiseCases(): ConformanceCase[] {
  return [1, 15, 17, 70].flatMap((columns) => [
    opCase('add', `${columns} columns`, (g, b) =>
      g.op(ops.add, { a: b.input('a', columns), b: b.input('b', columns) }, {}),
    ),
    opCase('scale', `${columns} columns`, (g, b) =>
      g.op(ops.scale, { x: b.input('x', columns), factor: b.vector('factor', 1, -2, 2) }, {}),
    ),
    opCase('siluMul', `${columns} columns`, (g, b) =>
      g.op(ops.siluMul, { gate: b.input('gate', columns), up: b.input('up', columns) }, {}),
    ),
    opCase('sigmoidMul', `${columns} columns`, (g, b) =>
      g.op(ops.sigmoidMul, { x: b.input('x', columns), gate: b.input('gate', columns) }, {}),
    ),
    opCase('lastRows', `${columns} columns`, (g, b) => g.op(ops.lastRows, { x: b.input('x', columns) }, {})),
  ])
}

function headCases(): ConformanceCase[] {
  const slices = [
    { heads: 1, stride: 3, offset: 0, size: 3 },
    { heads: 3, stride: 40, offset: 0, size: 24 },
    { heads: 3, stride: 40, offset: 24, size: 16 },
    { heads: 5, stride: 7, offset: 6, size: 1 },
  ]
  const turns = [
    { heads: 1, headDim: 2, dims: 2, theta: 1e4 },
    { heads: 3, headDim: 20, dims: 6, theta: 1e4 },
    { heads: 2, headDim: 33, dims: 32, theta: 1e7 },
    { heads: 2, headDim: 64, dims: 64, theta: 1e7 },
  ]
  return [
    ...[
      [1, 1],
      [5, 33],
      [64, 7],
    ].map(([M, N]) =>
      opCase('concat', `${M} and ${N}`, (g, b) => g.op(ops.concat, { a: b.input('a', M!), b: b.input('b', N!) }, {})),
    ),
    ...slices.map((attrs) =>
      opCase('sliceHeads', JSON.stringify(attrs), (g, b) =>
        g.op(ops.sliceHeads, { x: b.input('x', attrs.heads * attrs.stride) }, attrs),
      ),
    ),
    ...turns.map((attrs) =>
      opCase('rope', JSON.stringify(attrs), (g, b) =>
        g.op(ops.rope, { x: b.input('x', attrs.heads * attrs.headDim) }, attrs),
      ),
    ),
  ]
}

function attentionCases(): ConformanceCase[] {
  const shapes = [
    { Hq: 1, Hk: 1, Dk: 1, Dv: 1, scale: 1 },
    { Hq: 6, Hk: 2, Dk: 20, Dv: 12, scale: 20 ** -0.5 },
    { Hq: 3, Hk: 3, Dk: 16, Dv: 33, scale: 0.25 },
    { Hq: 4, Hk: 1, Dk: 65, Dv: 64, scale: 0.125 },
  ]
  // Enough positions to cross the blocks of keys that kernels work in.
  const steps = [1, 2, 65, 65, 1, 65, 65, 17, 1, 65, 3]
  return shapes.flatMap((attrs) =>
    KV_CACHE_TYPES.map((kvCache) =>
      opCase(
        'attention',
        `${JSON.stringify(attrs)}, cache of ${kvCache}`,
        (g, b) => {
          const { Hq, Hk, Dk, Dv } = attrs
          const caches = { kCache: g.kvCache('k', Hk * Dk), vCache: g.kvCache('v', Hk * Dv) }
          const inputs = { q: b.input('q', Hq * Dk), k: b.input('k', Hk * Dk), v: b.input('v', Hk * Dv) }
          return g.op(ops.attention, { ...inputs, ...caches }, attrs)
        },
        { steps, kvCache },
        // The same numbers for every type.
        JSON.stringify(attrs),
      ),
    ),
  )
}

function convCases(): ConformanceCase[] {
  const shapes = [
    [1, 2],
    [15, 4],
    [33, 3],
    [48, 4],
    [7, 8],
  ] as const
  return shapes.flatMap(([channels, taps]) =>
    (['silu', 'none'] as const).map((activation) =>
      opCase('causalConv1d', `${channels} channels, ${taps} taps, ${activation}`, (g, b) => {
        const conv: State = g.state('conv', [taps - 1, channels])
        const weight = b.weight('w', 'F32', [channels, taps], 0.7)
        return g.op(ops.causalConv1d, { x: b.input('x', channels), weight, conv }, { activation })
      }),
    ),
  )
}

function deltaCases(): ConformanceCase[] {
  const shapes = [
    { Hk: 1, Hv: 1, Dk: 1, Dv: 1 },
    { Hk: 2, Hv: 6, Dk: 12, Dv: 20 },
    { Hk: 3, Hv: 3, Dk: 17, Dv: 5 },
    { Hk: 2, Hv: 4, Dk: 64, Dv: 33 },
    { Hk: 1, Hv: 3, Dk: 128, Dv: 16 },
  ]
  return shapes.flatMap((shape) =>
    (['grouped', 'tiled'] as const).map((keyHead) => {
      const { Hk, Hv, Dk, Dv } = shape
      return opCase('gatedDelta', `${JSON.stringify(shape)} ${keyHead}`, (g, b) => {
        const inputs = { qkv: b.input('qkv', 2 * Hk * Dk + Hv * Dv), a: b.input('a', Hv), b: b.input('b', Hv) }
        const constants = { A: b.vector('A', Hv, -4, -0.01), dtBias: b.vector('dt_bias', Hv, -3, 3) }
        const delta = g.state('delta', [Hv, Dv, Dk])
        return g.op(ops.gatedDelta, { ...inputs, ...constants, delta }, { ...shape, keyHead, eps: 1e-6 })
      })
    }),
  )
}
