import { defineOp } from './define.js'

/**
 * `combineExperts`: `y = Σ_r w_r · x_r`, what the chosen experts of a row gave, weighted by the second half of `routes` and added in
 * slot order from 0.
 *
 * x `[T or R, topK·d]`, slot after slot; routes `[T or R, 2·topK]` as `route` gives them → `[T or R, d]`.
 */
export const combineExperts = defineOp({
  kind: 'combineExperts',
  inputs: ['x', 'routes'],
  states: [],
  attrs: { topK: 'count' },
  shape(site, { topK }) {
    const [rows, columns] = site.activation('x')
    site.expect('routes', [rows, 2 * topK])
    site.require(columns % topK === 0, `x has ${columns} columns, which are no ${topK} equal slots`)
    return [rows, columns / topK]
  },
  run({ inputs: { x, routes }, out, rows, columns }, { topK }) {
    for (let t = 0; t < rows; t++) {
      for (let i = 0; i < columns; i++) {
        let sum = 0
        for (let r = 0; r < topK; r++) sum += routes[t * 2 * topK + topK + r]! * x[(t * topK + r) * columns + i]!
        out[t * columns + i] = sum
      }
    }
  },
})
