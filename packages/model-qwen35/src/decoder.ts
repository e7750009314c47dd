// The Qwen3.5 text decoder, top to bottom. Shapes: x is [T, hidden]; T = tokens in this step, R = rows wanted by the caller.

import type { Graph, Value, Weights } from '@fak/graph'
import { attention, embedding, gatedDeltaNet, lastRows, linear, moe, rmsNorm, swiglu } from '@fak/layers'
import type { LayerKind, Qwen35Config } from './config.js'

/** Mixes the tokens of a layer. x `[T, hidden]`, `w` the layer's weights → `[T, hidden]`. */
export type Mixer = (g: Graph, x: Value, w: Weights, c: Qwen35Config) => Value

/** Token mixing by layer kind. Pass {@link decoder} your own entry to try another mixer. */
export const mixers: Readonly<Record<LayerKind, Mixer>> = {
  // Softmax attention; each query head carries an output gate, and rope turns a part of each head.
  full_attention: (g, x, w, c) =>
    attention(g, x, w.at('self_attn'), { ...c.attention, qkNorm: { eps: c.eps }, outputGate: 'sigmoid' }),
  // Causal convolution, delta rule on a [Hv, Dv, Dk] f32 state, gated norm.
  linear_attention: (g, x, w, c) => gatedDeltaNet(g, x, w.at('linear_attn'), { ...c.deltaNet, eps: c.eps }),
}

/** The feed-forward block: one for every token, or those that a router chooses. x `[T, hidden]` → `[T, hidden]`. */
const mlp: Mixer = (g, x, w, c) => (c.mlp.kind === 'moe' ? moe(g, x, w.at('mlp'), c.mlp) : swiglu(g, x, w.at('mlp')))

/** One layer: token mixing, then the feed-forward block, each behind a norm and beside a residual. */
export function decoderLayer(g: Graph, x: Value, w: Weights, c: Qwen35Config, mixer: Mixer): Value {
  const mixed = g.add(x, mixer(g, rmsNorm(g, x, w.at('input_layernorm'), c.eps), w, c), 'mixed')
  return g.add(mixed, mlp(g, rmsNorm(g, mixed, w.at('post_attention_layernorm'), c.eps), w, c), 'out')
}

/**
 * The whole decoder: token ids to logits `[R, vocabulary]`.
 *
 * ```ts
 * const program = record((g) => ({ logits: decoder(g, new Weights(bindings), config) }))
 * ```
 */
export function decoder(g: Graph, w: Weights, c: Qwen35Config, mix = mixers): Value {
  const last = lastRows(g, layers(g, w, c, mix))
  return head(g, rmsNorm(g, last, w.at('norm'), c.eps), w, c)
}

/** {@link decoder} with the rows that a draft head goes by: `hidden` `[T, hidden]`, after the last norm. The logits are the same bits. */
export function decoderWithHidden(
  g: Graph,
  w: Weights,
  c: Qwen35Config,
  mix = mixers,
): { readonly logits: Value; readonly hidden: Value } {
  const hidden = rmsNorm(g, layers(g, w, c, mix), w.at('norm'), c.eps)
  return { logits: head(g, lastRows(g, hidden), w, c), hidden }
}

/** Token ids to what leaves the last layer, `[T, hidden]`. */
function layers(g: Graph, w: Weights, c: Qwen35Config, mix: typeof mixers): Value {
  let x = embedding(g, g.tokens(), w.at('embed_tokens'))
  for (const [i, kind] of c.layerKinds.entries()) {
    const layer = w.at(`layers.${i}`)
    x = g.name(
      layer,
      g.scope(layer, () => decoderLayer(g, x, layer, c, mix[kind])),
    )
  }
  return x
}

/** Normed rows to logits. */
function head(g: Graph, x: Value, w: Weights, c: Qwen35Config): Value {
  return g.name('lm_head', linear(g, x, w.at(c.tiedEmbeddings ? 'embed_tokens' : 'lm_head')))
}
