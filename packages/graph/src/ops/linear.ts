import { defineOp } from './define.js'

/**
 * `linear`: `y = x Wᵀ`, so `y[t][n]` is the dot product of row t of x and row n of the weight. No bias.
 *
 * x `[T or R, K]`, weight `[N, K]` of any stored type → `[T or R, N]`. This definition multiplies by the exact values of
 * the stored weight; kernels for quantized types also quantize `x`, which is their stated tolerance against it.
 */
export const linear = defineOp({
  kind: 'linear',
  inputs: ['x', 'weight'],
  states: [],
  attrs: {},
  shape(site) {
    const [rows, columns] = site.activation('x')
    const [outputs] = site.weight('weight', 2)
    site.expect('weight', [outputs!, columns])
    return [rows, outputs!]
  },
  run({ inputs: { x, weight }, out, rows, columns }) {
    const size = weight.length / columns
    // Weight rows outside, so that each is read once from memory for all rows of x.
    for (let n = 0; n < columns; n++) {
      for (let t = 0; t < rows; t++) {
        let sum = 0
        for (let k = 0; k < size; k++) sum += x[t * size + k]! * weight[n * size + k]!
        out[t * columns + n] = sum
      }
    }
  },
})
