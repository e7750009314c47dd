import { type Graph, ops, type Value, type Weights } from '@fak/graph'

/** One row of the table per token. tokens `[T]`, `w.weight` `[V, d]` → `[T, d]`. */
export function embedding(g: Graph, tokens: Value, w: Weights): Value {
  return g.op(ops.embedding, { tokens, weight: g.weight(w) }, {}, w)
}
