import { defineOp } from './define.js'

/**
 * `attention`: appends the step's keys and values to the caches at rows P to P+T-1, then for every query row t and head h:
 * `y = Σ_j p_j · v_j` with `p = softmax_j(scale · q·k_j)` over the rows j ≤ P + t (causal). Query head h reads key and value head
 * `⌊h / (Hq/Hk)⌋` (grouped-query attention).
 *
 * q `[T, Hq·Dk]`, k `[T, Hk·Dk]`, v `[T, Hk·Dv]`, caches of `[Hk·Dk]` and `[Hk·Dv]` a row → `[T, Hq·Dv]`.
 * Source: Vaswani et al. 2017; Ainslie et al. 2023, "GQA".
 */
export const attention = defineOp({
  kind: 'attention',
  inputs: ['q', 'k', 'v'],
  states: ['kCache', 'vCache'],
  attrs: { Hq: 'count', Hk: 'count', Dk: 'count', Dv: 'count', scale: 'number' },
  shape(site, { Hq, Hk, Dk, Dv }) {
    site.require(Hq % Hk === 0, `Hq must be a multiple of Hk, got ${Hq} and ${Hk}`)
    site.expect('q', ['T', Hq * Dk])
    site.expect('k', ['T', Hk * Dk])
    site.expect('v', ['T', Hk * Dv])
    site.expectState('kCache', 'kv', [Hk * Dk])
    site.expectState('vCache', 'kv', [Hk * Dv])
    return ['T', Hq * Dv]
  },
  run({ inputs: { q, k, v }, states: { kCache, vCache }, out, rows, position }, { Hq, Hk, Dk, Dv, scale }) {
    kCache.set(k, position * Hk * Dk)
    vCache.set(v, position * Hk * Dv)
    const p = new Float64Array(position + rows)
    for (let t = 0; t < rows; t++) {
      for (let h = 0; h < Hq; h++) {
        const kvHead = Math.floor(h / (Hq / Hk))
        const keys = position + t + 1
        let max = -Infinity
        for (let j = 0; j < keys; j++) {
          let dot = 0
          for (let i = 0; i < Dk; i++) dot += q[(t * Hq + h) * Dk + i]! * kCache[(j * Hk + kvHead) * Dk + i]!
          p[j] = dot * scale
          max = Math.max(max, p[j]!)
        }
        let total = 0
        for (let j = 0; j < keys; j++) total += p[j] = Math.exp(p[j]! - max)
        for (let i = 0; i < Dv; i++) {
          let sum = 0
          for (let j = 0; j < keys; j++) sum += p[j]! * vCache[(j * Hk + kvHead) * Dv + i]!
          out[(t * Hq + h) * Dv + i] = sum / total
        }
      }
    }
  },
})
