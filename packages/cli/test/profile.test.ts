import type { StepProfile } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { describe, expect, it } from 'vitest'
import { printProfile, summarizeProfile } from '../src/bench/profile.js'
import { opTraffic } from '../src/bench/traffic.js'
import { openModel } from '../src/model/open.js'
import { fak, fixture } from './harness.js'

const { model, close } = await openModel({ path: fixture('models/moe-r3/model.f32.gguf'), isDemo: false })
const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights)
await prepared.dispose()
await close()
const { program } = prepared
const first = (kind: string) => program.ops.findIndex((op) => op.kind === kind)

describe('the traffic of an op', () => {
  // moe-r3: d = 32, delta layers of Hk = 2, Hv = 6, D = 16; attention of Hq = 4, Hk = 1, D = 16; 3 of 8 experts of 16. All F32.
  const of = (kind: string, tokens: number, position = 0) =>
    opTraffic(prepared, program.ops[first(kind)]!, { tokens, rows: 1, position })

  it('is the chosen experts: exactly for one token, as many as even choices hit for several', () => {
    const matrix = 16 * 32
    expect(of('expertLinear', 1)).toEqual({ weightBytes: 3 * matrix * 4, stateBytes: 0, macs: 3 * matrix })
    const { weightBytes, macs } = of('expertLinear', 2)
    expect(weightBytes).toBeCloseTo(8 * (1 - (5 / 8) ** 2) * matrix * 4, 6)
    expect(macs).toBe(2 * 3 * matrix)
  })

  it('is the keys and values held, and the pairs that may see each other', () => {
    expect(of('attention', 3, 10)).toEqual({
      weightBytes: 0,
      stateBytes: 13 * 2 * 16 * 4,
      macs: (11 + 12 + 13) * 4 * 32,
    })
  })

  it('is the recurrent state there and back, whatever the tokens', () => {
    const state = 2 * 6 * 16 * 16 * 4
    expect(of('gatedDelta', 1)).toMatchObject({ stateBytes: state, macs: 3 * 6 * 16 * 16 })
    expect(of('gatedDelta', 5)).toMatchObject({ stateBytes: state, macs: 5 * 3 * 6 * 16 * 16 })
  })

  it('is rows of the table for an embedding', () => {
    expect(of('embedding', 7).weightBytes).toBe(7 * 32 * 4)
  })
})

describe('the profile of a run', () => {
  const linear = first('linear')
  const step = (gapMs: number | null): StepProfile => ({
    sequences: 1,
    tokens: 1,
    rows: 1,
    position: 0,
    totalMs: 10,
    executorMs: 9,
    backupMs: 1,
    gapMs,
    busyMs: [5, 2],
    stages: [
      {
        ms: 4,
        serial: false,
        tasks: [
          { ops: [linear, first('add')], prepares: null, chunks: 4, busyMs: 4.5 },
          { ops: [], prepares: linear, chunks: 1, busyMs: 1.5 },
        ],
      },
      { ms: 1, serial: true, tasks: [{ ops: [first('rmsNorm')], prepares: linear, chunks: 1, busyMs: 1 }] },
    ],
  })
  const summed = summarizeProfile(prepared, [step(null), step(2)], { bandwidth: 1e9, macRate: null })

  it('divides a step into its parts', () => {
    expect(summed).toMatchObject({ steps: 2, ms: 12, stagesMs: 5, backupMs: 1, executorMs: 3, callMs: 1, gapMs: 2 })
    expect(summed.busy).toEqual([1, 0.4])
  })

  it('gives each name its share of the wall time, and what it waited', () => {
    const [byTime, preparation, norm] = summed.ops
    expect(byTime).toMatchObject({
      name: 'linear + add',
      count: 1,
      ms: 3,
      share: 0.25,
      waiting: 0.25,
      shareOfMacRate: null,
    })
    const { weightBytes } = opTraffic(prepared, program.ops[linear]!, { tokens: 1, rows: 1, position: 0 })
    expect(byTime).toMatchObject({ weightBytes, shareOfBandwidth: weightBytes / 3e-3 / 1e9 })
    expect([preparation!.name, preparation!.ms, preparation!.weightBytes]).toEqual(['for linear', 1, 0])
    expect(norm).toMatchObject({ name: 'rmsNorm for linear', ms: 1, waiting: 0.5 })
    expect(summed.stages.map(({ name }) => name)).toEqual([
      'linear + add, for linear',
      '(one thread) rmsNorm for linear',
    ])
  })

  it('is printed as tables', () => {
    const lines = printProfile('decode', summed)
    expect(lines[0]).toBe('decode: 2 steps of 1 token, 12.0 ms each:')
    expect(lines.join('\n')).toMatch(/^linear \+ add +1 +3\.000 +25 % +25 % +[\d.]+ \(.*%\)/m)
  })
})

describe('fak bench --profile', () => {
  const argv = ['bench', '-m', fixture('quantized/quant-32.q8_0.gguf'), '-p', '8', '-n', '2', '-r', '1', '-t', '1']

  it('clocks one more run of each kind', async () => {
    const { profile } = JSON.parse((await fak([...argv, '--profile', '--json'])).stdout)
    expect(profile.prefill).toMatchObject({ steps: 1, tokensPerStep: 8 })
    expect(profile.decode).toMatchObject({ steps: 2, tokensPerStep: 1 })
    expect(profile.decode.ops.map(({ name }: { name: string }) => name)).toContain('linear')
  })

  it('is refused where nothing is clocked', async () => {
    const { code, stderr } = await fak([...argv, '--profile', '--executor', 'reference'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/--profile needs the native executor/)
  })
})
