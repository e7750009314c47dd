import { type Graph, ops, type Value, type Weights } from '@fak/graph'

/** Normalizes rows, or heads of a row where the weight is as long as a head. x `[T or R, N]`, `w.weight` `[D]` → as x. */
export function rmsNorm(g: Graph, x: Value, w: Weights, eps: number): Value {
  return g.op(ops.rmsNorm, { x, weight: g.weight(w) }, { eps }, w)
}
