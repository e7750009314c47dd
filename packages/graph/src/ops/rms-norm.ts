import { defineOp } from './define.js'

/**
 * `rmsNorm`: `y = x / sqrt(mean(x²) + eps) · w`, over each run of D elements of a row, D being the length of `weight`.
 * With D = columns it normalizes whole rows; with D = head size, every head by itself.
 *
 * `weight` is the effective factor: for checkpoints that store `w - 1`, the loader has added the 1.
 *
 * x `[T or R, N]`, weight `[D]` F32 with D dividing N → as x. Source: Zhang and Sennrich 2019, "Root Mean Square Layer
 * Normalization"; HF `Qwen3_5RMSNorm`.
 */
export const rmsNorm = defineOp({
  kind: 'rmsNorm',
  inputs: ['x', 'weight'],
  states: [],
  attrs: { eps: 'number' },
  shape(site) {
    const [rows, columns] = site.activation('x')
    const size = site.weight('weight', 1, 'F32')[0]!
    site.require(columns % size === 0, `x has ${columns} columns, which the weight's ${size} elements do not divide`)
    return [rows, columns]
  },
  run({ inputs: { x, weight }, out }, { eps }) {
    const size = weight.length
    for (let start = 0; start < x.length; start += size) {
      let squares = 0
      for (let i = 0; i < size; i++) squares += x[start + i]! ** 2
      const scale = 1 / Math.sqrt(squares / size + eps)
      for (let i = 0; i < size; i++) out[start + i] = x[start + i]! * scale * weight[i]!
    }
  },
})
