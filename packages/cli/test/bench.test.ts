import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ReferenceExecutor } from '@fak/graph/reference'
import { describe, expect, it, vi } from 'vitest'
import { compareResults, printBenchComparison } from '../src/bench/earlier.js'
import { measure } from '../src/bench/measure.js'
import { bytesPerToken, macsPerToken } from '../src/bench/traffic.js'
import { openModel } from '../src/model/open.js'
import { fak, fixture, scratchFolder } from './harness.js'

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
    const { model, close } = await openModel({ path: fixture('models/moe-r3/model.f32.gguf'), isDemo: false })
    const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights)
    await prepared.dispose()
    await close()
    return prepared
  }
  const layers = 3 * (deltaMatrices + deltaRest) + attentionMatrices + attentionRest
  const weights = layers + 4 * (moeMatrices + chosen + norms) + d + table + d
  // Recurrent matrices and the last rows of the convolution, there and back.
  const recurrent = 2 * 3 * (6 * 16 * 16 + 3 * 160)
  const cacheRow = 2 * 16

  it('reads the experts that are chosen, one row of the table, its states, and the rows held', async () => {
    const held = await counted()
    expect(bytesPerToken(held, 0)).toBe(4 * (weights + recurrent + cacheRow))
    expect(bytesPerToken(held, 99.5)).toBe(4 * (weights + recurrent + 100.5 * cacheRow))
  })

  it('reads cached rows in the type that they have', async () => {
    const { program, stateArrays } = await counted()
    const half = stateArrays.map((array) => (array.kind === 'kv' ? { ...array, dtype: 'F16' as const } : array))
    expect(bytesPerToken({ program, stateArrays: half }, 9)).toBe(4 * (weights + recurrent) + 2 * 10 * cacheRow)
  })

  it('multiplies with the experts that are chosen, and without the head', async () => {
    expect(macsPerToken(await counted())).toBe(3 * deltaMatrices + attentionMatrices + 4 * (moeMatrices + chosen))
  })
})

describe('what fak bench times', () => {
  it('is compared with the better of the two moments around each run', async () => {
    const { model, close } = await openModel({ path: fixture('models/moe-r3/model.f32.gguf'), isDemo: false })
    const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights)
    let moment = 0
    const { depths } = await measure(
      prepared,
      { prefill: 0, decode: 2, depths: [0], repeats: 2 },
      {
        vocabulary: 320,
        signal: new AbortController().signal,
        onProgress: () => {},
        measureMachine: async () => ({ bandwidth: [10, 1000][moment++]!, macRate: null }),
      },
    )
    const { decode } = depths[0]!
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

  it('is the tokens of every run, none of them kept from an earlier one; each depth is computed once', async () => {
    const { model, close } = await openModel({ path: fixture('models/moe-r3/model.f32.gguf'), isDemo: false })
    const prepared = await new ReferenceExecutor().prepare(model.program(), model.weights)
    let computed = 0
    const machine = vi.fn(async () => ({ bandwidth: 1, macRate: null }))
    const run = prepared.run.bind(prepared)
    vi.spyOn(prepared, 'run').mockImplementation((step) => {
      computed += step.tokens.length
      return run(step)
    })
    const heard: [string, number, number][] = []
    const [prefill, decode, depths, repeats] = [20, 3, [5, 0], 2] as const
    const found = await measure(
      prepared,
      { prefill, decode, depths, repeats },
      {
        vocabulary: 320,
        signal: new AbortController().signal,
        onProgress: (...progress) => heard.push(progress),
        measureMachine: machine,
      },
    )
    const [warmUp, depth] = [8, 5]
    expect(computed).toBe(depth + warmUp + depths.length * repeats * (prefill + decode))
    expect(machine).toHaveBeenCalledTimes(depths.length * 2 * (repeats - 1) + 1)
    expect(found.depths.map(({ depth }) => depth)).toEqual(depths)
    expect(heard.map(([what]) => what)).toEqual(expect.arrayContaining(['filling 5 tokens', 'decode 2 of 2 at 5']))
    const done = heard.map(([, done]) => done)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
    expect(done.at(-1)).toBe(heard[0]![2])
    await prepared.dispose()
    await close()
  })
})

describe('fak bench at several depths, and beside an earlier run', () => {
  const model = fixture('quantized/quant-32.q8_0.gguf')
  const argv = ['bench', '-m', model, '-p', '16', '-n', '2', '-d', '0,40', '-t', '1']
  const file = join(scratchFolder(), 'before.json')

  it('prints each depth, and keeps the first where scripts look for it', async () => {
    const { code, stdout } = await fak([...argv, '-r', '2', '--json'])
    expect(code).toBe(0)
    writeFileSync(file, stdout)
    const result = JSON.parse(stdout)
    expect(result.depths.map(({ depth }: { depth: number }) => depth)).toEqual([0, 40])
    const { depth, prefill, decode } = result
    expect({ depth, prefill, decode }).toEqual(result.depths[0])
    expect(result.depths[1].decode.bytesPerToken).toBeGreaterThan(decode.bytesPerToken)
    for (const { median, best, worst } of [prefill.tokensPerSecond, decode.tokensPerSecond]) {
      expect([worst, median, best]).toEqual([worst, median, best].toSorted((a, b) => a - b))
    }
  })

  it('compares: ratios of every number, with a word where runs do not overlap', async () => {
    const { code, stdout } = await fak([...argv, '-r', '2', '--compare', file, '--json'])
    expect(code).toBe(0)
    const { comparison, depths } = JSON.parse(stdout)
    const before = JSON.parse(readFileSync(file, 'utf8'))
    const line = comparison.compared.find(({ what }: { what: string }) => what === 'decode at 40')
    const [was, is] = [before, { depths }].map(({ depths }) => depths[1].decode.tokensPerSecond)
    const clear = is.worst > was.best || is.best < was.worst
    expect(line).toEqual({
      what: 'decode at 40',
      unit: 'tok/s',
      before: was.median,
      now: is.median,
      ratio: is.median / was.median,
      clear,
    })
    expect(comparison).toMatchObject({ file, otherCpu: null })
    const people = await fak([...argv, '-r', '1', '--compare', file])
    expect(people.stdout).toMatch(/^decode at 40 +2 +[\d.]+ +[\d.]+ +[\d.]+ +.* of .*\/s +\d+ %$/m)
    expect(people.stdout).toMatch(/^this machine: 1 thread with \w+ read .*bounds decode; multiply .*bounds prefill$/m)
    expect(people.stdout).toMatch(/^beside .*before\.json \(fak [\d.]+\):$/m)
    expect(people.stdout).toMatch(/^prefill at 40 +[\d.]+ tok\/s +[\d.]+ tok\/s +[\d.]+$/m)
  })

  it('says which way a clear difference goes, and that the processor was another', () => {
    const rates = (median: number) => ({ median, best: median + 1, worst: median - 1 })
    const result = JSON.parse(readFileSync(file, 'utf8'))
    const at = (median: number) => ({
      ...result,
      depths: [{ depth: 0, prefill: null, decode: { ...result.decode, tokensPerSecond: rates(median) } }],
    })
    const lines = (before: number, now: number) =>
      printBenchComparison(compareResults('b.json', { ...at(before), cpu: 'other' }, at(now))).join('\n')
    expect(lines(10, 20)).toMatch(/^decode +10\.0 tok\/s +20\.0 tok\/s +2\.00 +faster$/m)
    expect(lines(20, 10)).toMatch(/ 0\.50 +slower$/m)
    expect(lines(10, 11)).toMatch(/ 1\.10 +runs overlap: no clear change$/m)
    expect(lines(1, 1)).toMatch(/measured on another processor: other:/)
  })

  it.each([
    [['-n', '3'], /before\.json measured something else: --decode was 2, is 3 /],
    [['-d', '40,0', '--kv-cache', 'f16'], /--kv-cache was f32, is f16; --depth was 0,40, is 40,0 /],
    [
      ['-m', fixture('quantized/quant-256.q4_k_m.gguf')],
      /the model was quant-32\.q8_0\.gguf, is quant-256\.q4_k_m\.gguf; the model's size/,
    ],
  ])('refuses a run of something else: %j', async (more, message) => {
    const { code, stdout, stderr } = await fak([...argv, '-r', '1', ...more, '--compare', file])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  it.each([
    ['not JSON', 'x', /is not the output of fak bench --json.*\[BENCH_BAD_RESULT\]/],
    ['something else', '{"fak":"1"}', /must be a string .*\(cpu\) \[BENCH_BAD_RESULT\]/],
    ['no depth', undefined, /must be a list that is not empty .*\(depths\)/],
    ['text for a rate', undefined, /must be a number .*\(depths\[1\]\.decode\.tokensPerSecond\.best\)/],
  ])('refuses a file with %s', async (what, text, message) => {
    const result = JSON.parse(readFileSync(file, 'utf8'))
    if (what === 'no depth') result.depths = []
    else if (text === undefined) result.depths[1].decode.tokensPerSecond.best = 'fast'
    const bad = join(scratchFolder(), 'bad.json')
    writeFileSync(bad, text ?? JSON.stringify(result))
    const { code, stderr } = await fak([...argv, '--compare', bad])
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })

  it.each(['0,0', 'x', '1,', '1;2', Array.from({ length: 17 }, (_, i) => i).join()])(
    'refuses depths %s',
    async (depths) => {
      const { code, stderr } = await fak(['bench', '-d', depths])
      expect(code).toBe(2)
      expect(stderr).toMatch(/Allowed: /)
    },
  )
})
