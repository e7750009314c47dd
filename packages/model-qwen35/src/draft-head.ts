// The draft head, top to bottom: from a hidden row of the decoder and the token after it, a guess at the token after that.

import { type Graph, ops, type Value, type Weights } from '@fak/graph'
import { embedding, lastRows, linear, rmsNorm } from '@fak/layers'
import type { Qwen35Config } from './config.js'
import { decoderLayer, mixers } from './decoder.js'

/**
 * The draft head as a Program of its own, with a KV cache of its own. Row t takes token t and, as input `hidden` `[T, hidden]`, what stands
 * before it: the decoder's row after its last norm, or, in a chain of guesses, this head's own output `hidden`. Before the first token
 * stand zeros. `logits` `[R, vocabulary]` guess the token after token t.
 *
 * Source: `qwen3_5_mtp.py` of vLLM; `graph_mtp` in `qwen35.cpp` of llama.cpp v0.5.0.
 */
export function draftHead(g: Graph, w: Weights, c: Qwen35Config): { readonly logits: Value; readonly hidden: Value } {
  const mtp = w.at('mtp')
  const token = rmsNorm(g, embedding(g, g.tokens(), mtp.at('embed_tokens')), mtp.at('pre_fc_norm_embedding'), c.eps)
  const before = rmsNorm(g, g.input('hidden', c.hidden), mtp.at('pre_fc_norm_hidden'), c.eps)
  const joined = linear(g, g.op(ops.concat, { a: token, b: before }, {}, 'mtp.joined'), mtp.at('fc'))
  const layer = mtp.at('layers.0')
  const x = g.name(
    layer,
    g.scope(layer, () => decoderLayer(g, joined, layer, c, mixers.full_attention)),
  )
  const hidden = rmsNorm(g, x, mtp.at('norm'), c.eps)
  return { logits: linear(g, lastRows(g, hidden), mtp.at('lm_head')), hidden }
}
