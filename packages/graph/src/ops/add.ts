import { defineOp } from './define.js'

/** `add`: `y = a + b`, element by element. a, b `[T or R, N]` → the same shape. */
export const add = defineOp({
  kind: 'add',
  inputs: ['a', 'b'],
  states: [],
  attrs: {},
  shape(site) {
    const shape = site.activation('a')
    site.expect('b', shape)
    return shape
  },
  run({ inputs: { a, b }, out }) {
    for (let i = 0; i < out.length; i++) out[i] = a[i]! + b[i]!
  },
})
