import { type Graph, ops, type Value, type Weights } from '@fak/graph'
import { linear } from './linear.js'
import { rmsNorm } from './rms-norm.js'

/** Shape and constants of an {@link attention} layer. */
export interface AttentionOptions {
  /** Query heads. */
  readonly Hq: number
  /** Key and value heads; Hq is a multiple. */
  readonly Hk: number
  /** Size of a query or key head. */
  readonly Dk: number
  /** Size of a value head. */
  readonly Dv: number
  /** Rotary embedding on the first `dims` of each head's Dk columns. */
  readonly rope: { readonly dims: number; readonly theta: number }
  /** Epsilon of the norms that `q_norm` and `k_norm` apply to each query and key head; left out, there are none. */
  readonly qkNorm?: { readonly eps: number }
  /** With `sigmoid`, `q_proj` yields a gate beside each query head, and the output is multiplied by its sigmoid. */
  readonly outputGate?: 'sigmoid'
}

/**
 * Causal grouped-query attention with rotary positions, and optionally normalized heads and an output gate.
 *
 * x `[T, d]`; `w.q_proj` `[Hq·Dk, d]`, or `[Hq·(Dk + Dv), d]` with a gate (query, then gate, head by head); `w.k_proj` `[Hk·Dk, d]`;
 * `w.v_proj` `[Hk·Dv, d]`; `w.o_proj` `[d, Hq·Dv]`; `w.q_norm`, `w.k_norm` `[Dk]` → `[T, d]`.
 * State: caches `k` and `v`. Source: HF `Qwen3_5Attention`.
 */
export function attention(g: Graph, x: Value, w: Weights, options: AttentionOptions): Value {
  const { Hq, Hk, Dk, Dv, rope, qkNorm, outputGate } = options
  return g.scope(w, () => {
    const projected = linear(g, x, w.at('q_proj'))
    const part = (name: string, offset: number, size: number) =>
      g.op(ops.sliceHeads, { x: projected }, { heads: Hq, stride: Dk + Dv, offset, size }, name)
    const normed = (heads: Value, name: string) => (qkNorm ? rmsNorm(g, heads, w.at(name), qkNorm.eps) : heads)
    const turned = (x: Value, heads: number, name: string) =>
      g.op(ops.rope, { x }, { heads, headDim: Dk, dims: rope.dims, theta: rope.theta }, name)

    const q = turned(normed(outputGate ? part('q', 0, Dk) : projected, 'q_norm'), Hq, 'q_rope')
    const k = turned(normed(linear(g, x, w.at('k_proj')), 'k_norm'), Hk, 'k_rope')
    const v = linear(g, x, w.at('v_proj'))
    const caches = { kCache: g.kvCache('k', Hk * Dk), vCache: g.kvCache('v', Hk * Dv) }
    const mixed = g.op(ops.attention, { q, k, v, ...caches }, { Hq, Hk, Dk, Dv, scale: 1 / Math.sqrt(Dk) }, 'attention')
    const gated = outputGate ? g.op(ops.sigmoidMul, { x: mixed, gate: part('gate', Dk, Dv) }, {}, 'gated') : mixed
    return linear(g, gated, w.at('o_proj'))
  })
}
