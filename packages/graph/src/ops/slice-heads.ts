import { defineOp } from './define.js'

/**
 * `sliceHeads`: of every head's `stride` columns, the `size` columns from `offset` on. It parts projections that store two
 * things per head, such as query and output gate.
 *
 * x `[T or R, heads·stride]` → `[T or R, heads·size]`. `offset` may be 0.
 */
export const sliceHeads = defineOp({
  kind: 'sliceHeads',
  inputs: ['x'],
  states: [],
  attrs: { heads: 'count', stride: 'count', offset: 'number', size: 'count' },
  shape(site, { heads, stride, offset, size }) {
    const [rows] = site.activation('x')
    site.expect('x', [rows, heads * stride])
    site.require(
      Number.isInteger(offset) && offset >= 0 && offset + size <= stride,
      `columns ${offset} to ${offset + size} do not lie inside a head of ${stride}`,
    )
    return [rows, heads * size]
  },
  run({ inputs: { x }, out, rows }, { heads, stride, offset, size }) {
    for (let head = 0; head < rows * heads; head++) {
      const start = head * stride + offset
      out.set(x.subarray(start, start + size), head * size)
    }
  },
})
