import { type Graph, ops, type Value, type Weights } from '@fak/graph'

/** `x Wᵀ`, no bias; times `w.scale` `[1]` if there is one. x `[T or R, K]`, `w.weight` `[N, K]` → `[T or R, N]`. */
export function linear(g: Graph, x: Value, w: Weights): Value {
  const weight = g.weight(w)
  if (w.get('scale') === undefined) return g.op(ops.linear, { x, weight }, {}, w)
  const unscaled = g.op(ops.linear, { x, weight }, {}, w.at('unscaled'))
  return g.op(ops.scale, { x: unscaled, factor: g.weight(w, 'scale') }, {}, w)
}
