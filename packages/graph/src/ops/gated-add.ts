import { defineOp } from './define.js'
import { sigmoid } from './functions.js'

/**
 * `gatedAdd`: `y = a + sigmoid(gate) · b` with one gate per row, which lets a row decide how much of the shared expert it takes.
 *
 * a, b `[T or R, N]`, gate `[T or R, 1]` → as a. Source: HF `Qwen3_5MoeSparseMoeBlock`.
 */
export const gatedAdd = defineOp({
  kind: 'gatedAdd',
  inputs: ['a', 'b', 'gate'],
  states: [],
  attrs: {},
  shape(site) {
    const [rows, columns] = site.activation('a')
    site.expect('b', [rows, columns])
    site.expect('gate', [rows, 1])
    return [rows, columns]
  },
  run({ inputs: { a, b, gate }, out, columns }) {
    for (let i = 0; i < out.length; i++) out[i] = a[i]! + sigmoid(gate[Math.floor(i / columns)]!) * b[i]!
  },
})
