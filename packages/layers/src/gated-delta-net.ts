import { type Graph, ops, type Value, type Weights } from '@fak/graph'
import { linear } from './linear.js'

/** Shape and constants of a {@link gatedDeltaNet} layer. */
export interface GatedDeltaNetOptions {
  /** Query and key heads. */
  readonly Hk: number
  /** Value heads; a multiple of Hk. */
  readonly Hv: number
  /** Size of a query or key head. */
  readonly Dk: number
  /** Size of a value head. */
  readonly Dv: number
  /** Taps of the convolution over time. */
  readonly convTaps: number
  /** Which key head serves value head h: `grouped` is `⌊h / (Hv/Hk)⌋`, `tiled` is `h mod Hk`. A fact of the weights' storage. */
  readonly keyHead: 'grouped' | 'tiled'
  /** Epsilon of the output norm. */
  readonly eps: number
}

/** Epsilon under the root when queries and keys are brought to unit length. It is not the norms' epsilon. Source: HF `l2norm`. */
const L2_NORM_EPS = 1e-6

/**
 * Linear attention with memory: a short causal convolution, the gated delta rule on one `[Dv, Dk]` matrix per value head, and a gated
 * norm. Cost and state do not grow with the position.
 *
 * x `[T, d]`; `w.in_proj_qkv` `[2·Hk·Dk + Hv·Dv, d]`; `w.in_proj_z` `[Hv·Dv, d]`; `w.in_proj_a`, `w.in_proj_b` `[Hv, d]`;
 * `w.conv1d` `[2·Hk·Dk + Hv·Dv, taps]`; `w.A` (= -exp(A_log)), `w.dt_bias` `[Hv]`; `w.norm` `[Dv]`; `w.out_proj` `[d, Hv·Dv]` → `[T, d]`.
 * State: `conv`, `delta`. Source: Yang et al. 2024, "Gated Delta Networks"; HF `Qwen3_5GatedDeltaNet`.
 */
export function gatedDeltaNet(g: Graph, x: Value, w: Weights, options: GatedDeltaNetOptions): Value {
  const { Hk, Hv, Dk, Dv, convTaps, keyHead, eps } = options
  return g.scope(w, () => {
    const projected = linear(g, x, w.at('in_proj_qkv'))
    const conv = g.state('conv', [convTaps - 1, 2 * Hk * Dk + Hv * Dv])
    const kernel = g.weight(w.at('conv1d'))
    const qkv = g.op(ops.causalConv1d, { x: projected, weight: kernel, conv }, { activation: 'silu' }, 'conv1d')
    const read = g.op(
      ops.gatedDelta,
      {
        qkv,
        a: linear(g, x, w.at('in_proj_a')), // how much to forget
        b: linear(g, x, w.at('in_proj_b')), // how much to write
        A: g.weight(w, 'A'),
        dtBias: g.weight(w, 'dt_bias'),
        delta: g.state('delta', [Hv, Dv, Dk]),
      },
      { Hk, Hv, Dk, Dv, keyHead, eps: L2_NORM_EPS },
      'gated_delta',
    )
    const z = linear(g, x, w.at('in_proj_z'))
    const normed = g.op(ops.gatedRmsNorm, { x: read, z, weight: g.weight(w.at('norm')) }, { eps }, w.at('norm'))
    return linear(g, normed, w.at('out_proj'))
  })
}
