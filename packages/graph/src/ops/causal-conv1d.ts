import { defineOp } from './define.js'
import { silu } from './functions.js'

/**
 * `causalConv1d`: a short convolution over time, each channel by itself:
 * `y_t[c] = act(Σ_j w[c][j] · x_{t-K+1+j}[c])`, so tap K-1 multiplies the current row. Rows before the step come from the state: the last
 * K-1 inputs (before the activation), oldest first, zeros at the start of a sequence. No bias.
 *
 * x `[T, C]`, weight `[C, K]` F32, state conv `[K-1, C]` → `[T, C]`. Source: HF `Qwen3_5GatedDeltaNet.conv1d`.
 */
export const causalConv1d = defineOp({
  kind: 'causalConv1d',
  inputs: ['x', 'weight'],
  states: ['conv'],
  attrs: { activation: ['silu', 'none'] },
  shape(site) {
    const [rows, channels] = site.activation('x')
    const taps = site.weight('weight', 2, 'F32')[1]!
    site.expect('x', ['T', channels])
    site.expect('weight', [channels, taps])
    site.require(taps >= 2, `weight needs 2 or more taps, got ${taps}`)
    site.expectState('conv', 'recurrent', [taps - 1, channels])
    return [rows, channels]
  },
  run({ inputs: { x, weight }, states: { conv }, out, rows, columns: channels }, { activation }) {
    const taps = weight.length / channels
    // The last K-1 rows of earlier steps and the rows of this one, in order of time.
    const timeline = new Float32Array(conv.length + x.length)
    timeline.set(conv)
    timeline.set(x, conv.length)
    for (let t = 0; t < rows; t++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0
        for (let j = 0; j < taps; j++) sum += weight[c * taps + j]! * timeline[(t + j) * channels + c]!
        out[t * channels + c] = activation === 'silu' ? silu(sum) : sum
      }
    }
    conv.set(timeline.subarray(rows * channels))
  },
})
