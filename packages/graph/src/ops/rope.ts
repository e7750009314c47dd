import { defineOp } from './define.js'

/**
 * `rope`: rotary position embedding on the first `dims` columns of every head; the rest passes through.
 * Column m pairs with column m + dims/2 (the NeoX pairing), and the pair turns by
 * `angle = f32(position) · f32(theta^(-2m/dims))`, rounded to f32; `position` is P + row.
 *
 * x `[T, heads·headDim]` → the same shape. Source: Su et al. 2021, "RoFormer"; HF `apply_rotary_pos_emb`.
 */
export const rope = defineOp({
  kind: 'rope',
  inputs: ['x'],
  states: [],
  attrs: { heads: 'count', headDim: 'count', dims: 'count', theta: 'number' },
  shape(site, { heads, headDim, dims, theta }) {
    site.expect('x', ['T', heads * headDim])
    site.require(dims % 2 === 0 && dims <= headDim, `dims must be even and at most headDim ${headDim}, got ${dims}`)
    site.require(theta > 0, `theta must be above 0, got ${theta}`)
    return ['T', heads * headDim]
  },
  run({ inputs: { x }, out, rows, position }, { heads, headDim, dims, theta }) {
    const half = dims / 2
    out.set(x)
    for (let t = 0; t < rows; t++) {
      for (let m = 0; m < half; m++) {
        const angle = Math.fround(Math.fround(position + t) * Math.fround(theta ** ((-2 * m) / dims)))
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
        for (let head = 0; head < heads; head++) {
          const i = (t * heads + head) * headDim + m
          out[i] = x[i]! * cos - x[i + half]! * sin
          out[i + half] = x[i + half]! * cos + x[i]! * sin
        }
      }
    }
  },
})
