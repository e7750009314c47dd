import { hashProgram, ops, printProgram, record, Weights } from '@fak/graph'
import { describe, expect, it } from 'vitest'
import { configFromHf, decoder, loadQwen35, type Mixer, mixers } from '../src/index.js'
import { constant, hfConfig, hfTensors, sourceOf } from './helpers.js'

const stored = hfTensors(configFromHf(hfConfig, sourceOf([constant('lm_head.weight', [11, 8], 0)])))

describe('the recorded decoder', () => {
  it('is this program', async () => {
    const model = await loadQwen35(stored, { config: hfConfig })
    await expect(printProgram(model.program())).toMatchFileSnapshot('decoder.program.txt')
  })

  it('is the same however often it is recorded', async () => {
    const model = await loadQwen35(stored, { config: hfConfig })
    expect(hashProgram(model.program())).toBe(hashProgram(model.program()))
  })

  it('takes another mixer', async () => {
    const { config, weights, program } = await loadQwen35(stored, { config: hfConfig })
    const idle: Mixer = (g, x) => g.op(ops.siluMul, { gate: x, up: x }, {}, 'idle')
    const mine = record((g) => ({
      logits: decoder(g, new Weights(weights), config, { ...mixers, linear_attention: idle }),
    }))
    expect(mine.ops.map((op) => op.label)).toContain('layers.0.idle')
    expect(mine.states.map((state) => state.label)).toEqual(['layers.1.self_attn.k', 'layers.1.self_attn.v'])
    expect(hashProgram(mine)).not.toBe(hashProgram(program()))
  })
})
