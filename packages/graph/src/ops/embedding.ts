import { defineOp } from './define.js'

/**
 * `embedding`: `y[t] = weight[tokens[t]]`, one row of the table per token, dequantized exactly to f32.
 *
 * tokens `[T]`, weight `[V, d]` → `[T, d]`. Token ids are below V: executors refuse others before a step begins.
 */
export const embedding = defineOp({
  kind: 'embedding',
  inputs: ['tokens', 'weight'],
  states: [],
  attrs: {},
  shape(site) {
    site.expect('tokens', ['T'])
    return ['T', site.weight('weight', 2)[1]!]
  },
  weightSlices: ({ tokens }) => ({ weight: [...tokens] }),
  run({ inputs: { weight }, tokens, out, columns }) {
    tokens.forEach((token, t) => {
      out.set(weight.subarray(token * columns, (token + 1) * columns), t * columns)
    })
  },
})
