// Small Programs and weights in memory for the tests of this package.

import { bytesSource, type TensorData } from '@fak/tensor'
import type { WeightBindings, WeightInfo } from '../src/index.js'
import { Weights } from '../src/index.js'

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
