import { type Graph, ops, type Value } from '@fak/graph'

/** The last R rows of the step: those whose outputs the caller wants. x `[T, d]` → `[R, d]`. */
export function lastRows(g: Graph, x: Value): Value {
  return g.op(ops.lastRows, { x }, {}, 'last_rows')
}
