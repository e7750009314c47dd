import { defineOp } from './define.js'
import { silu } from './functions.js'

/**
 * `gatedRmsNorm`: `y = x / sqrt(mean(x²) + eps) · w · silu(z)`, over each run of D elements of a row, D being the length of `weight`:
 * norm first, then weight, then gate.
 *
 * x, z `[T, N]`, weight `[D]` F32 with D dividing N → as x. Source: HF `Qwen3_5RMSNormGated`.
 */
export const gatedRmsNorm = defineOp({
  kind: 'gatedRmsNorm',
  inputs: ['x', 'z', 'weight'],
  states: [],
  attrs: { eps: 'number' },
  shape(site) {
    const [rows, columns] = site.activation('x')
    const size = site.weight('weight', 1, 'F32')[0]!
    site.expect('z', [rows, columns])
    site.require(columns % size === 0, `x has ${columns} columns, which the weight's ${size} elements do not divide`)
    return [rows, columns]
  },
  run({ inputs: { x, z, weight }, out }, { eps }) {
    const size = weight.length
    for (let start = 0; start < x.length; start += size) {
      let squares = 0
      for (let i = 0; i < size; i++) squares += x[start + i]! ** 2
      const scale = 1 / Math.sqrt(squares / size + eps)
      for (let i = 0; i < size; i++) out[start + i] = x[start + i]! * scale * weight[i]! * silu(z[start + i]!)
    }
  },
})
