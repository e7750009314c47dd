import { ReferenceExecutor } from '@fak/graph/reference'
import { describe, expect, it, vi } from 'vitest'
import { measure } from '../src/bench/measure.js'
import { macsPerToken, weightBytesPerToken } from '../src/bench/traffic.js'
import { openModel } from '../src/model/open.js'
import { fixture } from './harness.js'

// moe-r3 by its config.json: d = 32, a vocabulary of 320, 3 delta layers (Hk = 2, Hv = 6, D = 16, convolution 4) and 1 of attention (Hq = 4,
// Hk = 1, D = 16), 3 of 8 experts of 16, a shared one of 48. Counted in elements; all are F32.
const d = 32
const table = 320 * d
const deltaMatrices = 160 * d + 96 * d + 2 * 6 * d + d * 96
const deltaRest = 160 * 4 + 2 * 6 + 16
const attentionMatrices = 2 * 64 * d + 2 * 16 * d + d * 64
const attentionRest = 2 * 16
const expert = 3 * 16 * d
const moeMatrices = 8 * d + 3 * 48 * d + d
const chosen = 3 * expert
const norms = 2 * d

describe('what fak bench counts for a token of a mixture of experts', () => {
  const counted = async () => {
    const { model, close } = await openModel(fixture('models/moe-r3/model.f32.gguf'))
    const program = model.program()
    await close()
    return { bytes: weightBytesPerToken(program), macs: macsPerToken(program) }
  }

  it('reads the experts that are chosen, and one row of the table', async () => {
    const layers = 3 * (deltaMatrices + deltaRest) + attentionMatrices + attentionRest
    const elements = layers + 4 * (moeMatrices + chosen + norms) + d + table + d
    expect((await counted()).bytes).toBe(4 * elements)
  })

  it('multiplies with the experts that are chosen, and without the head', async () => {
    expect((await counted()).macs).toBe(3 * deltaMatrices + attentionMatrices + 4 * (moeMatrices + chosen))
  })
})

describe('what fak bench times', () => {
  it('is compared with the better of the two moments around each run', async () => {
    const { model, close } = await openModel(fixture('models/moe-r3/model.f32.gguf'))
    const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights)
    let moment = 0
    const { decode } = await measure(
      prepared,
      { prefill: 0, decode: 2, depth: 0, repeats: 2 },
      {
        vocabulary: 320,
        signal: new AbortController().signal,
        onRun: () => {},
        measureMachine: async () => ({ bandwidth: [10, 1000][moment++]!, macRate: null }),
      },
    )
    // The first run has the first moment beside it, the second run both; with so different moments the first has the larger share.
    const shares = [
      decode!.share(10, ({ bandwidth }) => bandwidth)!,
      decode!.share(1000, ({ bandwidth }) => bandwidth)!,
    ]
    expect(shares[1]! / shares[0]!).toBeCloseTo(100, 9)
    expect(shares[0]).toBeGreaterThan((10 * decode!.median) / 1000)
    expect(decode!.share(10, ({ macRate }) => macRate)).toBeNull()
    await prepared.dispose()
    await close()
  })

  it('is the tokens of every run, none of them kept from an earlier one; the depth is computed once', async () => {
    const { model, close } = await openModel(fixture('models/moe-r3/model.f32.gguf'))
    const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights)
    let computed = 0
    const machine = vi.fn(async () => ({ bandwidth: 1, macRate: null }))
    const run = prepared.run.bind(prepared)
    vi.spyOn(prepared, 'run').mockImplementation((step) => {
      computed += step.tokens.length
      return run(step)
    })
    const [prefill, decode, depth, repeats] = [20, 3, 5, 2]
    await measure(
      prepared,
      { prefill, decode, depth, repeats },
      { vocabulary: 320, signal: new AbortController().signal, onRun: () => {}, measureMachine: machine },
    )
    expect(computed).toBe(depth + repeats * (prefill + decode))
    expect(machine).toHaveBeenCalledTimes(2 * repeats - 1)
    await prepared.dispose()
    await close()
  })
})
