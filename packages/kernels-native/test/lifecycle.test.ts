import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { ops, type Program, record, Weights } from '@fak/graph'
import { FakError } from '@fak/tensor'
import { f32Tensor, Random, sameBits, tinyModel } from '@fak/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { loadNative, NativeExecutor, nativeInfo } from '../src/index.js'
import { allRows, logitsOf } from './helpers.js'

const { program, weights, config } = tinyModel(11)
const tokens = new Random(12).tokens(64, config.vocabularySize)

const prepare = (options = {}) => new NativeExecutor({ threads: 2 }).prepare(program, weights, options)
const failsWith = (code: string) => expect.objectContaining({ code })

describe('a step', () => {
  it('is all or nothing when aborted, before or while it runs', async () => {
    const prepared = await prepare({ maxTokens: 64 })
    const expected = await logitsOf(prepared, tokens, 32)
    let aborted = 0
    for (let delay = 0; delay < 20; delay++) {
      const state = prepared.createState()
      const head = await allRows(prepared, state, tokens.slice(0, 32))
      expect(sameBits(head, expected.slice(0, head.length))).toBe(true)
      const controller = new AbortController()
      if (delay === 0) controller.abort(new Error('too late'))
      const step = prepared.run({ state, tokens: tokens.slice(32), rows: 32, signal: controller.signal })
      if (delay > 0) setTimeout(() => controller.abort(), delay / 10)
      const error = await step.then(() => undefined).catch((e) => e)
      if (error !== undefined) {
        expect(error).toEqual(failsWith('ABORTED'))
        expect(state.position).toBe(32)
        aborted++
        // The same step again gives what it would have given.
        const tail = await allRows(prepared, state, tokens.slice(32))
        expect(sameBits(tail, expected.slice(head.length))).toBe(true)
      }
      await state.dispose()
    }
    expect(aborted).toBeGreaterThan(0)
    await prepared.dispose()
  })

  it('goes on from a state that was read, in another prepared program', async () => {
    const [prepared, other] = [await prepare(), await prepare({ maxTokens: 9 })]
    const [original, ahead] = [prepared.createState(), other.createState()]
    await prepared.run({ state: original, tokens: tokens.slice(0, 30) })
    for (const part of [tokens.slice(0, 9), tokens.slice(9, 18)]) await other.run({ state: ahead, tokens: part })
    const read = (index: number) => original.read(index)
    const state = await other.restoreState({ position: 30, read })
    const rest = tokens.slice(30, 39)
    const expected = await allRows(prepared, original, rest)
    expect(sameBits(await allRows(other, state, rest), expected)).toBe(true)
    // Refused without a trace: too few bytes, and caches that are too short or another program's.
    const held = other.stateBytes
    await expect(other.restoreState({ position: 31, read })).rejects.toThrow(failsWith('STATE_SHAPE_MISMATCH'))
    await expect(other.restoreState({ position: 30, read, caches: ahead })).rejects.toThrow(failsWith('STATE_MISMATCH'))
    await expect(other.restoreState({ position: 9, read, caches: original })).rejects.toThrow(
      failsWith('STATE_MISMATCH'),
    )
    expect(other.stateBytes).toBe(held)
    await Promise.all([prepared.dispose(), other.dispose()])
  })

  it('refuses a busy, a disposed and a foreign state', async () => {
    const [prepared, other] = [await prepare(), await prepare()]
    const state = prepared.createState()
    const running = prepared.run({ state, tokens })
    expect(() => state.reset()).toThrow(failsWith('STATE_BUSY'))
    await expect(prepared.run({ state, tokens })).rejects.toThrow(failsWith('STATE_BUSY'))
    await running
    await expect(prepared.run({ state: other.createState(), tokens })).rejects.toThrow(failsWith('STATE_MISMATCH'))
    await state.dispose()
    await state.dispose()
    expect(state.byteLength).toBe(0)
    expect(() => state.reset()).toThrow(failsWith('DISPOSED'))
    await expect(prepared.run({ state, tokens })).rejects.toThrow(failsWith('DISPOSED'))
    await Promise.all([prepared.dispose(), other.dispose()])
  })

  it('refuses tokens and rows out of range, and leaves the state alone', async () => {
    const prepared = await prepare({ maxTokens: 8 })
    const state = prepared.createState()
    const cases: [object, string][] = [
      [{ tokens: new Uint32Array(9) }, 'STEP_TOO_LONG'],
      [{ tokens: new Uint32Array(0) }, 'STEP_EMPTY'],
      [{ tokens: Int32Array.of(-1) }, 'STEP_BAD_TOKENS'],
      [{ tokens: [1] }, 'STEP_BAD_TOKENS'],
      [{ tokens: Uint32Array.of(0, config.vocabularySize) }, 'TOKEN_OUT_OF_RANGE'],
      [{ tokens: Uint32Array.of(2 ** 32 - 1) }, 'TOKEN_OUT_OF_RANGE'],
      [{ tokens: Uint32Array.of(1), rows: 2 }, 'STEP_BAD_ROWS'],
      [{ tokens: Uint32Array.of(1), rows: -1 }, 'STEP_BAD_ROWS'],
      [{ tokens: Uint32Array.of(1), rows: 0.5 }, 'STEP_BAD_ROWS'],
    ]
    for (const [step, code] of cases) {
      await expect(prepared.run({ state, ...step } as never)).rejects.toThrow(failsWith(code))
    }
    expect(state.position).toBe(0)
    await prepared.dispose()
  })

  it('does not see changes the caller makes to its tokens meanwhile', async () => {
    const prepared = await prepare()
    const expected = await logitsOf(prepared, tokens, 64)
    const mine = tokens.slice()
    const step = prepared.run({ state: prepared.createState(), tokens: mine, rows: 64 })
    mine.fill(2 ** 32 - 1)
    expect(sameBits((await step).outputs.logits!, expected)).toBe(true)
    await prepared.dispose()
  })

  it('resets to a fresh sequence', async () => {
    const prepared = await prepare()
    const state = prepared.createState()
    const first = await allRows(prepared, state, tokens)
    state.reset()
    expect(state.position).toBe(0)
    expect(sameBits(await allRows(prepared, state, tokens), first)).toBe(true)
    await prepared.dispose()
  })

  it('leaves the event loop free', async () => {
    const prepared = await prepare()
    const state = prepared.createState()
    const order: string[] = []
    const step = prepared.run({ state, tokens }).then(() => order.push('step'))
    await new Promise((resolve) => setImmediate(resolve))
    order.push('loop')
    await step
    expect(order[0]).toBe('loop')
    await prepared.dispose()
  })
})

describe('disposal', () => {
  it('waits for the running steps and refuses new ones', async () => {
    const prepared = await prepare()
    const states = [prepared.createState(), prepared.createState()]
    const order: string[] = []
    const steps = states.map((state) => prepared.run({ state, tokens }).then(() => order.push('step')))
    const disposal = prepared.dispose().then(() => order.push('disposed'))
    await expect(prepared.run({ state: states[0]!, tokens })).rejects.toThrow(failsWith('DISPOSED'))
    expect(() => prepared.createState()).toThrow(failsWith('DISPOSED'))
    await Promise.all([...steps, disposal, prepared.dispose()])
    expect(order).toEqual(['step', 'step', 'disposed'])
    for (const state of states) await state.dispose()
  })

  it('of a state waits for its step', async () => {
    const prepared = await prepare()
    const state = prepared.createState()
    const step = prepared.run({ state, tokens, rows: 64 })
    await state.dispose()
    // Moved on only when the step was over.
    expect(state.position).toBe(tokens.length)
    expect(sameBits((await step).outputs.logits!, await logitsOf(prepared, tokens, 64))).toBe(true)
    await prepared.dispose()
  })

  it('leaks nothing over 1,000 programs and states', async () => {
    const executor = new NativeExecutor({ threads: 2 })
    const cycle = async () => {
      const prepared = await executor.prepare(program, weights, { maxTokens: 8 })
      const state = prepared.createState()
      await prepared.run({ state, tokens: tokens.slice(0, 2) })
      await state.dispose()
      await prepared.dispose()
    }
    for (let i = 0; i < 100; i++) await cycle()
    const before = process.memoryUsage().rss
    for (let i = 0; i < 1000; i++) await cycle()
    // One leaked arena, state or thread stack per cycle would be far more than this.
    expect(process.memoryUsage().rss - before).toBeLessThan(24 * 2 ** 20)
  })

  it('happens by itself when a worker ends in the middle of a step', async () => {
    const addon = new URL('../build/Release/fak_native.node', import.meta.url).pathname
    const source = `
      const { Executor, describe } = require(${JSON.stringify(addon)})
      const [embedding, linear] = ['embedding', 'linear'].map((kind) => describe().ops.indexOf(kind))
      // layout 2, 2,000 tokens, tokens -> embedding [4, 4096] -> 1 linear [4096, 4096]
      const T = -1, words = Float64Array.of(3, 2000, 2 * 2000 * 4096 * 4, 0, 5, 0, 1, 0, 4, 4096, 0, 2, T, 4096, 0, 1, 0, 4096, 4096, 0,
        2, T, 4096, 2000 * 4096 * 4, 0, 2, embedding, 2, 0, 1, 0, 2, 0, linear, 2, 2, 3, 0, 4, 0, 2, 1, 0, 1, 1, 1, 4)
      const bytes = (n) => ({ data: new Uint8Array(n), copy: false })
      const prepared = new Executor(2, 'scalar').prepare(words,
        [undefined, bytes(4 * 4096 * 4), undefined, bytes(4096 * 4096 * 4), undefined])
      const request = { state: prepared.createState(), position: 0, tokens: new Uint32Array(2000), rows: 1, abort: new Int32Array(1) }
      prepared.run([request], [new Float32Array(2000 * 4096)], false)
      require('node:worker_threads').parentPort.postMessage('running')
    `
    const worker = new Worker(source, { eval: true })
    await once(worker, 'message')
    const started = performance.now()
    expect(await worker.terminate()).toBe(1)
    // The whole step would take tens of seconds: it was ended early.
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('leaves the process alive when a worker ends while steps are reported', async () => {
    // In a process of its own: this failed by aborting it.
    const source = `
      const { Executor, describe } = require(${JSON.stringify(new URL('../build/Release/fak_native.node', import.meta.url).pathname)})
      const embedding = describe().ops.indexOf('embedding')
      // layout 2, 1 token, tokens -> embedding [4, 8]
      const words = Float64Array.of(3, 1, 64, 0, 3, 0, 1, 0, 4, 8, 0, 2, -1, 8, 0, 0, 1, embedding, 2, 0, 1, 0, 2, 0, 1, 1, 0, 1, 2)
      const prepared = new Executor(1, 'scalar').prepare(words,
        [undefined, { data: new Uint8Array(4 * 8 * 4), copy: true }, undefined])
      const step = (state) =>
        prepared.run([{ state, position: 0, tokens: new Uint32Array(1), rows: 1 }], [new Float32Array(8)], false).then(() => step(state))
      for (let i = 0; i < 32; i++) step(prepared.createState())
      require('node:worker_threads').parentPort.postMessage('running')
    `
    const parent = `
      const { once } = require('node:events')
      const { Worker } = require('node:worker_threads')
      void (async () => {
        for (let i = 0; i < 12; i++) {
          const worker = new Worker(${JSON.stringify(source)}, { eval: true })
          await once(worker, 'message')
          await new Promise((resolve) => setTimeout(resolve, i))
          await worker.terminate()
        }
        console.log('alive')
      })()
    `
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', parent])
    expect(stdout).toBe('alive\n')
  })
})

describe('preparing', () => {
  it('lists every op and type without a kernel', async () => {
    const odd: Program = {
      ...program,
      ops: [{ ...program.ops[0]!, kind: 'teleport' }, ...program.ops.slice(1)],
      values: program.values.map((v) =>
        v.kind === 'weight' && v.label === 'lm_head.weight' ? { ...v, dtype: 'I8' } : v,
      ),
    }
    const error = await new NativeExecutor().prepare(odd, weights).catch((e) => e)
    expect(error).toEqual(failsWith('PROGRAM_UNSUPPORTED'))
    expect(error.reason).toContain('teleport')
    expect(error.reason).toContain('I8')
  })

  it.each<[string, (p: Program) => Program]>([
    [
      'an operand out of range',
      (p) => ({ ...p, ops: p.ops.map((op) => ({ ...op, inputs: op.inputs.map((i) => i + 1e6) })) }),
    ],
    ['ops in the wrong order', (p) => ({ ...p, ops: p.ops.toReversed() })],
    ['a value written twice', (p) => ({ ...p, ops: [...p.ops, p.ops.at(-1)!] })],
    ['a missing attribute', (p) => ({ ...p, ops: p.ops.map((op) => ({ ...op, attrs: {} })) })],
    ['an output nobody writes', (p) => ({ ...p, outputs: { logits: 0 } })],
    ['a state that is not declared', (p) => ({ ...p, states: [] })],
  ])('refuses %s', async (_, change) => {
    const error = await new NativeExecutor().prepare(change(program), weights).catch((e) => e)
    expect(FakError.isInstance(error)).toBe(true)
    expect(error.code).toMatch(/^(PROGRAM_INVALID|GRAPH_SHAPE)$/)
  })

  it('refuses weights that are missing or of another shape', async () => {
    const without = new Map([...weights].filter(([label]) => label !== 'norm.weight'))
    await expect(new NativeExecutor().prepare(program, without)).rejects.toThrow(failsWith('PROGRAM_MISSING_WEIGHT'))
    const other = new Map(weights).set('norm.weight', f32Tensor([3], [1, 2, 3]))
    await expect(new NativeExecutor().prepare(program, other)).rejects.toThrow(failsWith('PROGRAM_WEIGHT_MISMATCH'))
    const short = new Map(weights).set('norm.weight', { ...weights.get('norm.weight')!, byteLength: 8 })
    await expect(new NativeExecutor().prepare(program, short)).rejects.toThrow(failsWith('PROGRAM_WEIGHT_MISMATCH'))
  })

  it('reports progress and can be aborted', async () => {
    const seen: number[] = []
    const prepared = await prepare({ onProgress: (done: number, total: number) => seen.push(done / total) })
    expect(seen.at(-1)).toBe(1)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    await prepared.dispose()
    await expect(prepare({ signal: AbortSignal.abort() })).rejects.toThrow(failsWith('ABORTED'))
  })

  it('runs an op on a value that is both output and tap', async () => {
    const w = new Map([['e.weight', f32Tensor([3, 2], [1, 2, 3, 4, 5, 6])]])
    const twice = record((g) => {
      const e = g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(new Weights(w, 'e')) }, {}, 'e')
      return { a: e, b: e }
    })
    const prepared = await new NativeExecutor().prepare(twice, w, { taps: ['e'] })
    const { outputs, taps } = await prepared.run({ state: prepared.createState(), tokens: Uint32Array.of(2, 0) })
    for (const array of [outputs.a, outputs.b, taps.get('e')]) expect([...array!]).toEqual([5, 6, 1, 2])
    outputs.a![0] = 99
    expect(outputs.b![0]).toBe(5)
    await prepared.dispose()
  })
})

describe('choices', () => {
  const saved = { ...process.env }
  afterEach(() => {
    process.env = { ...saved }
  })

  it('come from the caller, then the environment, then the machine', () => {
    delete process.env.FAK_THREADS
    delete process.env.FAK_ISA
    const machine = nativeInfo()!
    expect(machine.isa).toBe(machine.isas.at(-1))
    expect(machine.threads).toBeGreaterThanOrEqual(1)
    expect(machine.linear.Q4_K).toContain('q4_K')
    process.env.FAK_THREADS = '3'
    process.env.FAK_ISA = 'scalar'
    expect(new NativeExecutor()).toMatchObject({ threads: 3, isa: 'scalar', description: 'native scalar, 3 threads' })
    expect(new NativeExecutor({ threads: 1, isa: machine.isa })).toMatchObject({ threads: 1, isa: machine.isa })
    expect(loadNative().executor?.isa).toBe('scalar')
  })

  it.each(['0', '-1', '1025', 'many', '2.5', ' 2'])('refuse FAK_THREADS=%s', (value) => {
    process.env.FAK_THREADS = value
    expect(() => new NativeExecutor()).toThrow(
      expect.objectContaining({ code: 'NATIVE_BAD_THREADS', field: 'FAK_THREADS' }),
    )
  })

  it('refuse an unknown instruction set', () => {
    process.env.FAK_ISA = 'mmx'
    expect(() => loadNative()).toThrow(expect.objectContaining({ code: 'NATIVE_BAD_ISA', field: 'FAK_ISA' }))
    expect(() => new NativeExecutor({ isa: 'mmx' })).toThrow(expect.objectContaining({ field: 'isa' }))
  })
})
