import { defineOp } from './define.js'

/**
 * `expertLinear`: for every row and each of the `topK` experts that `routes` names for it, `y = W[e] x`, as `linear` has it. With `input`
 * `shared` all experts of a row read the same x; with `perSlot` the expert in slot r reads the r-th part of it.
 *
 * x `[T or R, K]` or `[T or R, topK·K]`, routes `[T or R, 2·topK]` as `route` gives them, weight `[E, N, K]` of any stored type →
 * `[T or R, topK·N]`, slot after slot. An index that names no expert makes values that are not finite, which executors report.
 */
export const expertLinear = defineOp({
  kind: 'expertLinear',
  inputs: ['x', 'routes', 'weight'],
  states: [],
  attrs: { topK: 'count', input: ['shared', 'perSlot'] },
  shape(site, { topK, input }) {
    const [rows] = site.activation('x')
    const [, outputs, size] = site.weight('weight', 3)
    site.expect('x', [rows, input === 'shared' ? size! : topK * size!])
    site.expect('routes', [rows, 2 * topK])
    return [rows, topK * outputs!]
  },
  weightSlices({ inputs: { routes }, rows }, { topK }) {
    return {
      weight: Array.from({ length: rows * topK }, (_, i) => expertOf(routes, topK, Math.floor(i / topK), i % topK)),
    }
  },
  run({ inputs: { x, routes, weight }, out, rows, columns }, { topK, input }) {
    const outputs = columns / topK
    const size = x.length / (input === 'shared' ? rows : rows * topK)
    for (let t = 0; t < rows; t++) {
      for (let r = 0; r < topK; r++) {
        const expert = expertOf(routes, topK, t, r)
        const start = (input === 'shared' ? t : t * topK + r) * size
        for (let n = 0; n < outputs; n++) {
          const row = (expert * outputs + n) * size
          let sum = 0
          for (let k = 0; k < size; k++) sum += x[start + k]! * weight[row + k]!
          out[t * columns + r * outputs + n] = sum
        }
      }
    }
  },
})

/** The expert in slot r of row t; NaN, which indexes nothing, for a number that is not whole. */
function expertOf(routes: Float32Array, topK: number, t: number, r: number): number {
  const expert = routes[t * 2 * topK + r]!
  return Number.isInteger(expert) ? expert : Number.NaN
}
