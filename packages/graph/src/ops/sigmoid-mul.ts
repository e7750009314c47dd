import { defineOp } from './define.js'
import { sigmoid } from './functions.js'

/** `sigmoidMul`: `y = x · sigmoid(gate)`, the output gate of attention. x, gate `[T or R, N]` → the same shape. */
export const sigmoidMul = defineOp({
  kind: 'sigmoidMul',
  inputs: ['x', 'gate'],
  states: [],
  attrs: {},
  shape(site) {
    const shape = site.activation('x')
    site.expect('gate', shape)
    return shape
  },
  run({ inputs: { x, gate }, out }) {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! * sigmoid(gate[i]!)
  },
})
