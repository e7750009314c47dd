import { type Graph, ops, type Value, type Weights } from '@fak/graph'

/** `x Wᵀ`, no bias. x `[T or R, K]`, `w.weight` `[N, K]` → `[T or R, N]`. */
export function linear(g: Graph, x: Value, w: Weights): Value {
  return g.op(ops.linear, { x, weight: g.weight(w) }, {}, w)
}
