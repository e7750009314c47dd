import { defineOp } from './define.js'
import { sigmoid, softplus } from './functions.js'

/**
 * `gatedDelta`: the gated delta rule. Every value head h keeps a matrix S `[Dv, Dk]` in f32, zero at the start of a sequence: an
 * associative memory from keys to values. For each token, in order:
 *
 * ```
 * q, k   = l2norm(q) / sqrt(Dk), l2norm(k)           u / sqrt(Σu² + eps), per key head
 * decay  = exp(A · softplus(a + dtBias))             in (0, 1], as A is negative
 * beta   = sigmoid(b)
 * S      = decay · S                                 forget a little,
 * S      = S + beta · (v - S k) kᵀ                   write v where k now reads something else,
 * y      = S q                                       read
 * ```
 *
 * `keyHead` says which key head serves value head h: `grouped` is `⌊h / (Hv/Hk)⌋` (HF checkpoints), `tiled` is `h mod Hk` (GGUF files).
 *
 * qkv `[T, 2·Hk·Dk + Hv·Dv]` (all q heads, all k heads, all v heads), a and b `[T, Hv]`, A (= -exp(A_log)) and dtBias `[Hv]` F32,
 * state delta `[Hv, Dv, Dk]` → `[T, Hv·Dv]`.
 * Source: Yang et al. 2024, "Gated Delta Networks"; HF `torch_recurrent_gated_delta_rule`, whose state is the transpose of ours.
 */
export const gatedDelta = defineOp({
  kind: 'gatedDelta',
  inputs: ['qkv', 'a', 'b', 'A', 'dtBias'],
  states: ['delta'],
  attrs: { Hk: 'count', Hv: 'count', Dk: 'count', Dv: 'count', keyHead: ['grouped', 'tiled'], eps: 'number' },
  shape(site, { Hk, Hv, Dk, Dv }) {
    site.require(Hv % Hk === 0, `Hv must be a multiple of Hk, got ${Hv} and ${Hk}`)
    site.expect('qkv', ['T', 2 * Hk * Dk + Hv * Dv])
    for (const gate of ['a', 'b'] as const) site.expect(gate, ['T', Hv])
    for (const constant of ['A', 'dtBias'] as const) {
      site.weight(constant, 1, 'F32')
      site.expect(constant, [Hv])
    }
    site.expectState('delta', 'recurrent', [Hv, Dv, Dk])
    return ['T', Hv * Dv]
  },
  run({ inputs: { qkv, a, b, A, dtBias }, states: { delta }, out, rows }, { Hk, Hv, Dk, Dv, keyHead, eps }) {
    const width = 2 * Hk * Dk + Hv * Dv
    for (let t = 0; t < rows; t++) {
      const row = qkv.subarray(t * width, (t + 1) * width)
      for (let h = 0; h < Hv; h++) {
        const kh = keyHead === 'grouped' ? Math.floor(h / (Hv / Hk)) : h % Hk
        const q = l2Normalized(row.subarray(kh * Dk, (kh + 1) * Dk), eps)
        const k = l2Normalized(row.subarray((Hk + kh) * Dk, (Hk + kh + 1) * Dk), eps)
        const v = row.subarray(2 * Hk * Dk + h * Dv, 2 * Hk * Dk + (h + 1) * Dv)
        const beta = sigmoid(b[t * Hv + h]!)
        const decay = Math.exp(A[h]! * softplus(a[t * Hv + h]! + dtBias[h]!))
        for (let j = 0; j < Dv; j++) {
          const s = delta.subarray((h * Dv + j) * Dk, (h * Dv + j + 1) * Dk)
          let recalled = 0
          for (let i = 0; i < Dk; i++) {
            s[i] = s[i]! * decay
            recalled += s[i]! * k[i]!
          }
          const change = beta * (v[j]! - recalled)
          let read = 0
          for (let i = 0; i < Dk; i++) {
            s[i] = s[i]! + change * k[i]!
            read += s[i]! * q[i]!
          }
          out[(t * Hv + h) * Dv + j] = read / Math.sqrt(Dk)
        }
      }
    }
  },
})

function l2Normalized(u: Float32Array, eps: number): Float32Array {
  let squares = 0
  for (const x of u) squares += x * x
  const length = Math.sqrt(squares + eps)
  return u.map((x) => x / length)
}
