import { defineOp } from './define.js'

/**
 * `lastRows`: the last R rows of the step, R being what the caller of the step wants (0 to T). What follows costs nothing for the
 * tokens of a prompt whose logits nobody reads.
 *
 * x `[T, d]` → `[R, d]`.
 */
export const lastRows = defineOp({
  kind: 'lastRows',
  inputs: ['x'],
  states: [],
  attrs: {},
  shape(site) {
    const [, columns] = site.activation('x')
    site.expect('x', ['T', columns])
    return ['R', columns]
  },
  run({ inputs: { x }, out }) {
    out.set(x.subarray(x.length - out.length))
  },
})
