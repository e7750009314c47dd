import { type Graph, ops, type Value, type Weights } from '@fak/graph'
import { linear } from './linear.js'

/**
 * The gated feed-forward block: `down(silu(gate(x)) · up(x))`.
 *
 * x `[T, d]`; `w.gate_proj`, `w.up_proj` `[ff, d]`; `w.down_proj` `[d, ff]` → `[T, d]`.
 * Source: Shazeer 2020, "GLU Variants Improve Transformer".
 */
export function swiglu(g: Graph, x: Value, w: Weights): Value {
  return g.scope(w, () => {
    const gate = linear(g, x, w.at('gate_proj'))
    const up = linear(g, x, w.at('up_proj'))
    return linear(g, g.op(ops.siluMul, { gate, up }, {}, 'silu_mul'), w.at('down_proj'))
  })
}
