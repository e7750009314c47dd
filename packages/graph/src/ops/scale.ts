import { defineOp } from './define.js'

/**
 * `scale`: `y = x · factor`, one factor for all elements. x `[T or R, N]`, factor: an F32 weight `[1]` → the same shape.
 *
 * Files that store matrices as NVFP4 keep a second scale of the whole matrix beside it, which multiplies what `linear` gives.
 */
export const scale = defineOp({
  kind: 'scale',
  inputs: ['x', 'factor'],
  states: [],
  attrs: {},
  shape(site) {
    site.weight('factor', 1, 'F32')
    site.expect('factor', [1])
    return site.activation('x')
  },
  run({ inputs: { x, factor }, out }) {
    for (let i = 0; i < out.length; i++) out[i] = x[i]! * factor[0]!
  },
})
