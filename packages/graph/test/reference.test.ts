import { describe, expect, it } from 'vitest'
import { defineOp, ops, record } from '../src/index.js'
import { ReferenceExecutor } from '../src/reference/index.js'
import { f32, toy, weightsOf } from './helpers.js'

const { program, bindings, d } = toy()
const prompt = Uint32Array.of(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 19)

/** All rows of the toy's output for the prompt, run in the given chunks. */
async function rowsInChunks(chunks: readonly number[], options = {}): Promise<number[]> {
  const prepared = await new ReferenceExecutor(options).prepare(program, bindings, { maxTokens: 16 })
  const state = prepared.createState()
  const rows: number[] = []
  for (const size of chunks) {
    const tokens = prompt.slice(state.position, state.position + size)
    rows.push(...(await prepared.run({ state, tokens, rows: tokens.length })).outputs.y!)
  }
  expect(state.position).toBe(prompt.length)
  await prepared.dispose()
  return rows
}

describe('ReferenceExecutor', () => {
  it('gives the same bits for every split of a prompt, in dirty memory, and with weights read at each use', async () => {
    const whole = await rowsInChunks([15])
    expect(whole).toHaveLength(15 * d)
    expect(await rowsInChunks([1, 3, 7, 4])).toEqual(whole)
    expect(await rowsInChunks(Array(15).fill(1))).toEqual(whole)
    expect(await rowsInChunks([8, 7], { poison: true })).toEqual(whole)
    expect(await rowsInChunks([14, 1], { heldBytes: 0 })).toEqual(whole)
  })

  it('returns the rows asked for, and the taps', async () => {
    const taps = ['mixed', 'o']
    const prepared = await new ReferenceExecutor().prepare(program, bindings, { maxTokens: 16, taps })
    const all = await prepared.run({ state: prepared.createState(), tokens: prompt, rows: 15 })
    const last = await prepared.run({ state: prepared.createState(), tokens: prompt })
    const none = await prepared.run({ state: prepared.createState(), tokens: prompt, rows: 0 })
    expect(last.outputs.y).toEqual(all.outputs.y!.slice(14 * d))
    expect(none.outputs.y).toHaveLength(0)
    expect([...all.taps.keys()]).toEqual(taps)
    expect(all.taps.get('mixed')).toHaveLength(15 * d)
    expect(all.taps.get('mixed')!.some((x) => x !== 0)).toBe(true)
  })

  it('leaves the state as it was when a step fails', async () => {
    const prepared = await new ReferenceExecutor().prepare(program, bindings, { maxTokens: 16 })
    const [state, untouched] = [prepared.createState(), prepared.createState()]
    const first = prompt.slice(0, 5)
    for (const each of [state, untouched]) await prepared.run({ state: each, tokens: first })

    const signal = AbortSignal.abort('enough')
    await expect(prepared.run({ state, tokens: prompt, signal })).rejects.toMatchObject({ code: 'ABORTED' })
    const step = (tokens: readonly number[], rows?: number) =>
      prepared.run({ state, tokens: Uint32Array.from(tokens), ...(rows === undefined ? {} : { rows }) })
    await expect(step([3, 20])).rejects.toMatchObject({ code: 'TOKEN_OUT_OF_RANGE', field: 'tokens[1]' })
    await expect(step(Array(17).fill(0))).rejects.toMatchObject({ code: 'STEP_TOO_LONG' })
    await expect(step([])).rejects.toMatchObject({ code: 'STEP_EMPTY' })
    for (const tokens of [Int32Array.of(-1), Float64Array.of(1.5), BigUint64Array.of(1n), [1], null, undefined]) {
      await expect(prepared.run({ state, tokens: tokens as never })).rejects.toMatchObject({ code: 'STEP_BAD_TOKENS' })
    }
    await expect(step([1, 2], 3)).rejects.toMatchObject({ code: 'STEP_BAD_ROWS' })

    expect(state.position).toBe(5)
    const next = { tokens: prompt.slice(5), rows: 10 }
    expect(await prepared.run({ state, ...next })).toEqual(await prepared.run({ state: untouched, ...next }))
  })

  it('sees an abort that comes while a long step runs', async () => {
    let ran = 0
    const slow = defineOp({
      kind: 'test.slow',
      inputs: ['x'],
      states: [],
      attrs: {},
      shape: (site) => site.activation('x'),
      run: ({ inputs: { x }, out }) => {
        for (const end = performance.now() + 25; performance.now() < end; );
        ran++
        out.set(x)
      },
    })
    const chain = record((g) => {
      const weight = g.weight(weightsOf(bindings).at('embed'))
      let x = g.op(ops.embedding, { tokens: g.tokens(), weight }, {})
      for (let i = 0; i < 40; i++) x = g.op(slow, { x }, {})
      return { x }
    })
    const prepared = await new ReferenceExecutor({ ops: [slow] }).prepare(chain, bindings)
    const abort = new AbortController()
    const running = prepared.run({ state: prepared.createState(), tokens: prompt, signal: abort.signal })
    setTimeout(() => abort.abort(), 50)
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    expect(ran).toBeLessThan(40)
  })

  it('refuses two steps on one state at once, and runs steps on two states one after the other', async () => {
    const prepared = await new ReferenceExecutor().prepare(program, bindings, { maxTokens: 16 })
    const [a, b] = [prepared.createState(), prepared.createState()]
    const first = prepared.run({ state: a, tokens: prompt })
    const second = prepared.run({ state: b, tokens: prompt })
    await expect(prepared.run({ state: a, tokens: prompt })).rejects.toMatchObject({ code: 'STATE_BUSY' })
    expect(() => a.reset()).toThrow(expect.objectContaining({ code: 'STATE_BUSY' }))
    expect(await first).toEqual(await second)
    a.reset()
    expect(a.position).toBe(0)
    expect(await prepared.run({ state: a, tokens: prompt })).toEqual(await second)
  })

  it('waits for the running step when disposed of, and runs no other', async () => {
    const prepared = await new ReferenceExecutor().prepare(program, bindings, { maxTokens: 16 })
    const other = await new ReferenceExecutor().prepare(program, bindings, { maxTokens: 16 })
    const state = prepared.createState()
    await expect(other.run({ state, tokens: prompt })).rejects.toMatchObject({ code: 'STATE_MISMATCH' })
    const running = prepared.run({ state, tokens: prompt })
    await Promise.all([prepared.dispose(), prepared.dispose(), state.dispose()])
    expect((await running).outputs.y).toHaveLength(d)
    expect(state.byteLength).toBe(0)
    await expect(prepared.run({ state, tokens: prompt })).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  it('names what cannot run when it prepares', async () => {
    const executor = new ReferenceExecutor()
    const without = new Map([...bindings].filter(([label]) => label !== 'o.weight'))
    await expect(executor.prepare(program, without)).rejects.toMatchObject({
      code: 'PROGRAM_MISSING_WEIGHT',
      field: 'o.weight',
    })
    const swapped = new Map(bindings).set('up.weight', f32([d, 32], new Float32Array(d * 32)))
    await expect(executor.prepare(program, swapped)).rejects.toMatchObject({
      code: 'PROGRAM_WEIGHT_MISMATCH',
      reason: `recorded as F32 [32, ${d}], bound to F32 [${d}, 32]`,
    })
    const strange = { ...program, ops: program.ops.map((op) => ({ ...op, kind: `x.${op.kind}` })) }
    await expect(executor.prepare(strange, bindings)).rejects.toMatchObject({
      code: 'PROGRAM_UNSUPPORTED',
      reason: expect.stringContaining('x.embedding, x.causalConv1d'),
    })
  })

  it('ends with NON_FINITE naming the op when a weight is broken, and goes on afterwards', async () => {
    const values = new Float32Array(d * 3)
    values[7] = Number.NaN
    const broken = new Map(bindings).set('conv.weight', f32([d, 3], values))
    const prepared = await new ReferenceExecutor().prepare(program, broken)
    const state = prepared.createState()
    await expect(prepared.run({ state, tokens: prompt })).rejects.toMatchObject({
      code: 'NON_FINITE',
      field: 'causalConv1d',
    })
    expect(state.position).toBe(0)
  })
})
