import { defineOp } from './define.js'
import { silu } from './functions.js'

/**
 * `siluMul`: `y = silu(gate) · up`, the middle of a SwiGLU block. gate, up `[T or R, N]` → the same shape.
 * Source: Shazeer 2020, "GLU Variants Improve Transformer".
 */
export const siluMul = defineOp({
  kind: 'siluMul',
  inputs: ['gate', 'up'],
  states: [],
  attrs: {},
  shape(site) {
    const shape = site.activation('gate')
    site.expect('up', shape)
    return shape
  },
  run({ inputs: { gate, up }, out }) {
    for (let i = 0; i < out.length; i++) out[i] = silu(gate[i]!) * up[i]!
  },
})
