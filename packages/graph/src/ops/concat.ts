import { defineOp } from './define.js'

/** `concat`: the columns of b behind those of a. a `[T or R, M]`, b `[T or R, N]` → `[T or R, M + N]`. */
export const concat = defineOp({
  kind: 'concat',
  inputs: ['a', 'b'],
  states: [],
  attrs: {},
  shape(site) {
    const [rows, M] = site.activation('a')
    const [, N] = site.activation('b')
    site.expect('b', [rows, N])
    return [rows, M + N]
  },
  run({ inputs: { a, b }, out, rows }) {
    const [M, N] = [a.length / rows, b.length / rows]
    for (let row = 0; row < rows; row++) {
      out.set(a.subarray(row * M, (row + 1) * M), row * (M + N))
      out.set(b.subarray(row * N, (row + 1) * N), row * (M + N) + M)
    }
  },
})
