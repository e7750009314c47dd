// Weights that are bad, or turn bad while a model is in use: G67 to G69 of the corpus of malformed inputs.

import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ops, record, type WeightBindings, Weights } from '@fak/graph'
import { type ByteSource, bytesSource, sliceAt, stackTensors, type TensorData, type WeightTensor } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'
import { Random, randomTensor, sameBits, tinyModel } from '@fak/testkit'
import { afterAll, describe, expect, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'
import { logitsOf } from './helpers.js'

const scratch = mkdtempSync(join(tmpdir(), 'fak-weights-'))
const opened: ByteSource[] = []
afterAll(async () => {
  for (const source of opened) await source.close()
  rmSync(scratch, { recursive: true })
})

/** A file source that is closed after the tests. */
async function open(path: string): Promise<ByteSource> {
  const source = await fileSource(path)
  opened.push(source)
  return source
}

const { program, weights, config } = tinyModel(21, { dtype: 'Q4_K' })
const tokens = new Random(22).tokens(40, config.vocabularySize)
const failsWith = (code: string, more = {}) => expect.objectContaining({ code, ...more })

/** The weights written to a file, tensor after tensor with odd gaps, and bound to it. */
async function onDisk(name: string): Promise<{ path: string; bindings: WeightBindings }> {
  const path = join(scratch, name)
  const parts: Uint8Array[] = []
  const places: [string, TensorData, number][] = []
  let offset = 0
  for (const [label, tensor] of weights) {
    const bytes = await tensor.source.read(tensor.offset, tensor.byteLength)
    places.push([label, tensor, offset])
    parts.push(bytes, new Uint8Array(7))
    offset += bytes.length + 7
  }
  writeFileSync(path, Buffer.concat(parts))
  const source = await open(path)
  return { path, bindings: new Map(places.map(([label, tensor, at]) => [label, { ...tensor, source, offset: at }])) }
}

/** Changes the size of a file without replacing it. */
function truncate(path: string, size: number): void {
  const file = openSync(path, 'r+')
  ftruncateSync(file, size)
  closeSync(file)
}

describe('mapped weights', () => {
  it('give the same bits as weights in memory, whatever their alignment', async () => {
    const { bindings } = await onDisk('aligned')
    const executor = new NativeExecutor({ threads: 2 })
    const [mapped, held] = [await executor.prepare(program, bindings), await executor.prepare(program, weights)]
    expect(sameBits(await logitsOf(mapped, tokens, 8), await logitsOf(held, tokens, 8))).toBe(true)
    await Promise.all([mapped.dispose(), held.dispose()])
  })

  it.each([1, 20])('end in FILE_CHANGED when the file is cut, for a step of %i tokens (G68)', async (count) => {
    const { path, bindings } = await onDisk(`cut-${count}`)
    const prepared = await new NativeExecutor({ threads: 2 }).prepare(program, bindings)
    const state = prepared.createState()
    await prepared.run({ state, tokens: tokens.slice(0, 4) })
    truncate(path, readFileSync(path).length >> 1)
    const step = prepared.run({ state, tokens: tokens.slice(4, 4 + count) })
    await expect(step).rejects.toThrow(failsWith('FILE_CHANGED', { file: path }))
    expect(state.position).toBe(4)
    await prepared.dispose()
  })

  it('end in FILE_CHANGED, not in a signal, when the file is cut in the middle of a step (G68)', async () => {
    // Large enough to keep scalar kernels busy for a good part of a second.
    const [width, layers, count] = [1024, 6, 64]
    const path = join(scratch, 'cut-while-running')
    const matrixBytes = width * width * 4
    writeFileSync(path, new Uint8Array(layers * matrixBytes))
    const source = await open(path)
    const matrix = { dtype: 'F32', shape: [width, width], source, byteLength: matrixBytes } as const
    const large = new Map(
      Array.from({ length: layers }, (_, i) => [`w${i}.weight`, { ...matrix, offset: i * matrixBytes }] as const),
    )
    const stack = record((g) => {
      const w = new Weights(large)
      let x = g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(w.at('w0')) }, {})
      for (let i = 0; i < layers; i++) x = g.op(ops.linear, { x, weight: g.weight(w.at(`w${i}`)) }, {}, `linear${i}`)
      return { x }
    })
    const prepared = await new NativeExecutor({ threads: 2, isa: 'scalar' }).prepare(stack, large)
    const state = prepared.createState()
    const step = prepared.run({ state, tokens: new Uint32Array(count) }).catch((error) => error)
    // The leader has looked at the file by the time this timer fires.
    await new Promise((resolve) => setTimeout(resolve, 20))
    truncate(path, 4096)
    expect(await step).toEqual(failsWith('FILE_CHANGED', { field: expect.stringMatching(/^linear[0-9]$/) }))
    await expect(prepared.run({ state, tokens: Uint32Array.of(1) })).rejects.toThrow(failsWith('FILE_CHANGED'))
    await prepared.dispose()
  })

  it('end in FILE_CHANGED when the file is written to in place', async () => {
    const { path, bindings } = await onDisk('written')
    const prepared = await new NativeExecutor({ threads: 1 }).prepare(program, bindings)
    const file = openSync(path, 'r+')
    writeSync(file, Uint8Array.of(1, 2, 3), 0, 3, 100)
    closeSync(file)
    utimesSync(path, new Date(1e12), new Date(1e12))
    const step = prepared.run({ state: prepared.createState(), tokens })
    await expect(step).rejects.toThrow(failsWith('FILE_CHANGED'))
    await prepared.dispose()
  })

  it('do not notice that the file was replaced or removed (G69)', async () => {
    const { path, bindings } = await onDisk('replaced')
    const prepared = await new NativeExecutor({ threads: 2 }).prepare(program, bindings)
    const before = await logitsOf(prepared, tokens, 40)
    writeFileSync(`${path}.new`, 'something else')
    renameSync(`${path}.new`, path)
    expect(sameBits(await logitsOf(prepared, tokens, 40), before)).toBe(true)
    rmSync(path)
    expect(sameBits(await logitsOf(prepared, tokens, 40), before)).toBe(true)
    await prepared.dispose()
  })

  it('are refused when the file changed between opening and preparing', async () => {
    const { path, bindings } = await onDisk('early')
    truncate(path, 1000)
    await expect(new NativeExecutor().prepare(program, bindings)).rejects.toThrow(failsWith('FILE_CHANGED'))
  })
})

describe('weights that are not numbers (G67)', () => {
  /** The weights with the f16 scale of one block of a tensor replaced. */
  function damaged(label: string, block: number, scale: number): WeightBindings {
    const tensor = weights.get(label)!
    const bytes = tensor.source.bytes!.slice(tensor.offset, tensor.offset + tensor.byteLength)
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(block * 144, scale, true)
    return new Map(weights).set(label, { ...tensor, source: bytesSource(bytes), offset: 0 })
  }

  it.each([
    ['layers.2.mlp.down_proj', 0x7e00],
    ['layers.1.self_attn.v_proj', 0x7c00],
    ['layers.0.linear_attn.in_proj_qkv', 0xfc00],
    ['lm_head', 0x7e00],
  ])('are found at %s', async (op, scale) => {
    const prepared = await new NativeExecutor({ threads: 2 }).prepare(program, damaged(`${op}.weight`, 1, scale))
    for (const count of [1, 20]) {
      const state = prepared.createState()
      const step = prepared.run({ state, tokens: tokens.slice(0, count) })
      await expect(step).rejects.toThrow(failsWith('NON_FINITE', { field: op }))
      expect(state.position).toBe(0)
      // A step of several tokens was undone; after one of a single token the state must be reset.
      const again = prepared.run({ state, tokens: tokens.slice(0, 1) })
      await expect(again).rejects.toThrow(failsWith(count === 1 ? 'STATE_LOST' : 'NON_FINITE'))
      state.reset()
      await expect(prepared.run({ state, tokens: tokens.slice(0, 2) })).rejects.toThrow(failsWith('NON_FINITE'))
    }
    await prepared.dispose()
  })

  it('do no harm where no token reaches them', async () => {
    const last = config.vocabularySize - 1
    const prepared = await new NativeExecutor().prepare(program, damaged('embed_tokens.weight', last, 0x7e00))
    const state = prepared.createState()
    await prepared.run({ state, tokens: Uint32Array.of(1, 2, 3) })
    const step = prepared.run({ state, tokens: Uint32Array.of(last, 1) })
    await expect(step).rejects.toThrow(failsWith('NON_FINITE', { field: 'embed_tokens' }))
    await prepared.run({ state, tokens: Uint32Array.of(4) })
    expect(state.position).toBe(4)
    await prepared.dispose()
  })
})

describe('experts', () => {
  const [E, K, N, topK] = [6, 160, 130, 2]
  const random = new Random(31)
  const parts = Array.from({ length: E }, () => randomTensor('F32', [N, K], random, 0.1))
  const dense = new Map<string, TensorData>([
    ['embed.weight', randomTensor('F32', [40, K], random, 1)],
    ['router.weight', randomTensor('F32', [E, K], random, 1)],
  ])
  const bound = (experts: readonly TensorData[]): WeightBindings =>
    new Map<string, WeightTensor>(dense).set('experts.weight', stackTensors(experts))
  const mixture = record((g) => {
    const w = new Weights(bound(parts))
    const x = g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(w.at('embed')) }, {}, 'embed')
    const routes = g.op(
      ops.route,
      { logits: g.op(ops.linear, { x, weight: g.weight(w.at('router')) }, {}, 'router') },
      { topK },
      'routes',
    )
    const y = g.op(
      ops.expertLinear,
      { x, routes, weight: g.weight(w.at('experts')) },
      { topK, input: 'shared' },
      'experts',
    )
    return { logits: y }
  })
  const some = new Random(32).tokens(30, 40)

  /** The parts written to two files, even ones to the first, in reverse and with odd gaps. */
  async function inTwoFiles(name: string): Promise<{ paths: string[]; experts: TensorData[] }> {
    const paths = [0, 1].map((file) => join(scratch, `${name}-${file}`))
    const places = new Map<number, number>()
    for (const [file, path] of paths.entries()) {
      const bytes: Uint8Array[] = []
      let offset = 0
      for (let e = E - 2 + file; e >= 0; e -= 2) {
        const { source } = parts[e]!
        places.set(e, offset + 3)
        bytes.push(new Uint8Array(3), source.bytes!)
        offset += 3 + source.size
      }
      writeFileSync(path, Buffer.concat(bytes))
    }
    const sources = await Promise.all(paths.map(open))
    return { paths, experts: parts.map((part, e) => ({ ...part, source: sources[e % 2]!, offset: places.get(e)! })) }
  }

  it('give the same bits from two files, from one tensor and from memory', async () => {
    const executor = new NativeExecutor({ threads: 2 })
    const whole = bytesSource(Buffer.concat(parts.map(({ source }) => source.bytes!)))
    const tensor = { dtype: 'F32', shape: [E, N, K], source: whole, offset: 0, byteLength: whole.size } as const
    const { experts } = await inTwoFiles('experts')
    const results: Float32Array[] = []
    for (const weights of [bound(parts), bound(experts), new Map(bound(parts)).set('experts.weight', tensor)]) {
      const prepared = await executor.prepare(mixture, weights)
      results.push(await logitsOf(prepared, some, 11))
      await prepared.dispose()
    }
    expect(sliceAt(tensor, 1).byteLength).toBe(parts[1]!.byteLength)
    expect(results[0]!.some((x) => x !== 0)).toBe(true)
    for (const result of results) expect(sameBits(result, results[0]!)).toBe(true)
  })

  it.each([1, 20])('end in FILE_CHANGED when one of their files is cut, for a step of %i tokens', async (count) => {
    const { paths, experts } = await inTwoFiles(`cut-${count}`)
    const prepared = await new NativeExecutor({ threads: 2 }).prepare(mixture, bound(experts))
    const state = prepared.createState()
    await prepared.run({ state, tokens: some.slice(0, 4) })
    truncate(paths[1]!, 5000)
    await expect(prepared.run({ state, tokens: some.slice(4, 4 + count) })).rejects.toThrow(failsWith('FILE_CHANGED'))
    expect(state.position).toBe(4)
    await prepared.dispose()
  })

  it('that are not numbers are found when a token takes them, and do no harm otherwise', async () => {
    const taps = ['routes']
    const healthy = await new NativeExecutor().prepare(mixture, bound(parts), { taps })
    const token = some.subarray(0, 1)
    const routes = (await healthy.run({ state: healthy.createState(), tokens: token })).taps.get('routes')!
    const chosen = [...routes.subarray(0, topK)]
    await healthy.dispose()
    for (let e = 0; e < E; e++) {
      const bytes = parts[e]!.source.bytes!.slice()
      new DataView(bytes.buffer).setFloat32(4 * (N * K - 1), Number.NaN, true)
      const experts = parts.map((part, i) => (i === e ? { ...part, source: bytesSource(bytes) } : part))
      const prepared = await new NativeExecutor({ threads: 2 }).prepare(mixture, bound(experts))
      const step = prepared.run({ state: prepared.createState(), tokens: token })
      if (chosen.includes(e)) await expect(step).rejects.toThrow(failsWith('NON_FINITE', { field: 'experts' }))
      else expect((await step).outputs.logits!.every(Number.isFinite)).toBe(true)
      await prepared.dispose()
    }
  })

  it('are never chosen by a router that is not a number', async () => {
    const router = dense.get('router.weight')!
    const bytes = router.source.bytes!.slice()
    new DataView(bytes.buffer).setFloat32(0, Number.POSITIVE_INFINITY, true)
    const weights = new Map(bound(parts)).set('router.weight', { ...router, source: bytesSource(bytes) })
    const prepared = await new NativeExecutor({ threads: 2 }).prepare(mixture, weights)
    for (const count of [1, 20]) {
      const step = prepared.run({ state: prepared.createState(), tokens: some.slice(0, count) })
      await expect(step).rejects.toThrow(failsWith('NON_FINITE', { field: 'router' }))
    }
    await prepared.dispose()
  })
})
