// Small Programs and weights in memory for the tests of this package.

import { bytesSource, type TensorData } from '@fak/tensor'
import { ops, record, type Value, type WeightBindings, type WeightInfo, Weights } from '../src/index.js'

/** A small deterministic generator (mulberry32): uniform numbers in [-1, 1). */
export function uniform(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1
  }
}

/** An F32 tensor that lies in memory. */
export function f32(shape: readonly number[], values: ArrayLike<number>): TensorData {
  const bytes = new Uint8Array(Float32Array.from(values).buffer)
  return { dtype: 'F32', shape, source: bytesSource(bytes), offset: 0, byteLength: bytes.byteLength }
}

/** Random F32 tensors of the given shapes. */
export function randomWeights(shapes: Readonly<Record<string, readonly number[]>>, seed = 1): WeightBindings {
  const next = uniform(seed)
  return new Map(
    Object.entries(shapes).map(([label, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return [label, f32(shape, Float32Array.from({ length: size }, next))]
    }),
  )
}

/** The builder's view of bound weights. */
export const weightsOf = (bindings: ReadonlyMap<string, WeightInfo>): Weights => new Weights(bindings)

/** Hidden size of the {@link toy}. */
const d = 12

/** A toy layer stack with convolution, key and value caches, and rows of the output that are asked for; and its weights. */
export function toy() {
  const bindings: WeightBindings = new Map([
    ...randomWeights({ 'embed.weight': [20, d], 'up.weight': [32, d], 'down.weight': [d, 32], 'conv.weight': [d, 3] }),
    ...randomWeights({ 'k.weight': [4, d], 'v.weight': [6, d], 'o.weight': [d, 9 * 2] }, 2),
  ])
  const w = weightsOf(bindings)
  const program = record((g) => {
    const linear = (x: Value, name: string) => g.op(ops.linear, { x, weight: g.weight(w.at(name)) }, {}, w.at(name))
    let x = g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(w.at('embed')) }, {}, 'embedding')
    const conv = g.state('conv', [2, d])
    x = g.add(x, g.op(ops.causalConv1d, { x, weight: g.weight(w.at('conv')), conv }, { activation: 'silu' }), 'mixed')
    const heads = { Hq: 3, Hk: 1, Dk: 4, Dv: 6, scale: 0.5 }
    const operands = {
      q: x,
      k: linear(x, 'k'),
      v: linear(x, 'v'),
      kCache: g.kvCache('k', 4),
      vCache: g.kvCache('v', 6),
    }
    x = g.add(x, linear(g.op(ops.attention, operands, heads), 'o'))
    const hidden = linear(g.op(ops.lastRows, { x }, {}), 'up')
    return { y: linear(g.op(ops.siluMul, { gate: hidden, up: hidden }, {}), 'down') }
  })
  return { program, bindings, d }
}
