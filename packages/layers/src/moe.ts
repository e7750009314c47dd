import { type Graph, ops, type Value, type Weights } from '@fak/graph'
import { FakError } from '@fak/tensor'
import { linear } from './linear.js'
import { swiglu } from './swiglu.js'

/** Shape of a {@link moe} block. */
export interface MoeOptions {
  /** Experts to choose from. */
  readonly experts: number
  /** Experts that a row takes. */
  readonly topK: number
}

/**
 * A mixture of experts: a router chooses `topK` gated feed-forward blocks for each row and weighs what they give; one more block, the
 * shared expert, serves every row behind a gate of its own.
 *
 * x `[T, d]`; `w.gate` (the router) `[E, d]`; `w.experts.gate_proj`, `w.experts.up_proj` `[E, fe, d]`; `w.experts.down_proj`
 * `[E, d, fe]`; `w.shared_expert` as {@link swiglu} has it; `w.shared_expert_gate` `[1, d]` → `[T, d]`.
 * Source: HF `Qwen3_5MoeSparseMoeBlock`.
 */
export function moe(g: Graph, x: Value, w: Weights, { experts, topK }: MoeOptions): Value {
  return g.scope(w, () => {
    const all = w.at('experts')
    // A router that knows other experts than there are would choose what is not there.
    const ofExperts = (module: Weights) => {
      const value = g.weight(module)
      if (value.shape[0] === experts) return value
      const reason = `the weight must have ${experts} experts, got ${value.shape[0]}`
      throw new FakError('GRAPH_SHAPE', { reason, field: module.label('weight') })
    }
    ofExperts(w.at('gate'))
    const routes = g.op(ops.route, { logits: linear(g, x, w.at('gate')) }, { topK }, 'routes')
    const expert = (input: Value, name: 'gate_proj' | 'up_proj' | 'down_proj') => {
      const weight = ofExperts(all.at(name))
      const attrs = { topK, input: name === 'down_proj' ? 'perSlot' : 'shared' } as const
      return g.op(ops.expertLinear, { x: input, routes, weight }, attrs, all.at(name))
    }
    const hidden = { gate: expert(x, 'gate_proj'), up: expert(x, 'up_proj') }
    const down = expert(g.op(ops.siluMul, hidden, {}, 'experts.silu_mul'), 'down_proj')
    const chosen = g.op(ops.combineExperts, { x: down, routes }, { topK }, 'experts')
    const shared = swiglu(g, x, w.at('shared_expert'))
    const gate = linear(g, x, w.at('shared_expert_gate'))
    return g.op(ops.gatedAdd, { a: chosen, b: shared, gate }, {}, 'out')
  })
}
