import { defineOp } from './define.js'

/**
 * `route`: chooses the `topK` experts of each row, those with the largest logits, the lower index first where logits are the same.
 * Their weights are the softmax over all E logits, renormalized so that the chosen ones sum to 1; which is the softmax over the chosen.
 *
 * logits `[T or R, E]` → `[T or R, 2·topK]`: indices as whole numbers in f32, best first, then the weights in the same order. What takes
 * this shape is called `routes` in other ops.
 * Source: Shazeer et al. 2017, "Outrageously Large Neural Networks"; HF `Qwen3_5MoeTopKRouter`.
 */
export const route = defineOp({
  kind: 'route',
  inputs: ['logits'],
  states: [],
  attrs: { topK: 'count' },
  shape(site, { topK }) {
    const [rows, experts] = site.activation('logits')
    site.require(topK <= experts, `topK must be at most the ${experts} experts, got ${topK}`)
    return [rows, 2 * topK]
  },
  run({ inputs: { logits }, out, rows }, { topK }) {
    const experts = logits.length / rows
    for (let t = 0; t < rows; t++) {
      const row = logits.subarray(t * experts, (t + 1) * experts)
      const chosen = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, topK)
      const weights = chosen.map((e) => Math.exp(row[e]! - row[chosen[0]!]!))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      out.set(chosen, t * 2 * topK)
      out.set(
        weights.map((weight) => weight / total),
        t * 2 * topK + topK,
      )
    }
  },
})
