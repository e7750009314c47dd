import type { PreparedProgram } from '@fak/graph'
import { ReferenceExecutor } from '@fak/graph/reference'
import { FakError } from '@fak/tensor'
import { type fixtureNames, openFixture, readReferenceRun } from '@fak/testkit/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbedOptions, embed } from '../src/index.js'
import { toyModel } from './toy.js'

const code = (name: string) => expect.objectContaining({ code: name })

/** The row after the final norm for each of the first tokens, by transformers. */
async function oracleRows(name: (typeof fixtureNames)[number]) {
  const { prompt, hidden, hiddenTokens } = await readReferenceRun(name)
  const tokens = prompt.slice(0, hiddenTokens)
  const { model, close } = await openFixture('models', name, 'model.f32.gguf')
  const width = model.config.hidden
  const normed = hidden.subarray(hidden.length - hiddenTokens * width)
  const prepare = (maxTokens: number, program = model.program({ hidden: true })) =>
    new ReferenceExecutor().prepare(program, model.weights, { maxTokens })
  return {
    tokens,
    width,
    rows: Array.from({ length: hiddenTokens }, (_, t) => normed.subarray(t * width, (t + 1) * width)),
    prepare,
    model,
    close,
  }
}

const unit = (row: ArrayLike<number>) => {
  const length = Math.hypot(...Array.from(row))
  return Array.from(row, (x) => x / length)
}
const meanOf = (rows: readonly Float32Array[]) =>
  Array.from(rows[0]!, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)))

describe.each(['tied', 'odd', 'moe-r3'] as const)('embeddings of %s beside transformers', (name) => {
  let oracle: Awaited<ReturnType<typeof oracleRows>>
  let prepared: PreparedProgram
  beforeAll(async () => {
    oracle = await oracleRows(name)
    prepared = await oracle.prepare(64)
  })
  afterAll(async () => {
    await prepared.dispose()
    await oracle.close()
  })

  it('are the last row or the mean of the rows after the final norm', async () => {
    const { rows, tokens } = oracle
    for (const count of [1, 3, 64, 65]) {
      const some = tokens.slice(0, count)
      const raw: EmbedOptions = { normalize: false }
      const last = await embed(prepared, some, raw)
      const mean = await embed(prepared, some, { ...raw, pooling: 'mean' })
      // Measured: up to 6e-5. Neighbouring rows are further apart than 0.1.
      expect(farthest(last, rows[count - 1]!)).toBeLessThan(2e-4)
      expect(farthest(mean, meanOf(rows.slice(0, count)))).toBeLessThan(2e-4)
      if (count > 1) expect(farthest(last, rows[count - 2]!)).toBeGreaterThan(0.1)
      expect(farthest(await embed(prepared, some), unit(rows[count - 1]!))).toBeLessThan(2e-4)
      expect(Math.hypot(...(await embed(prepared, some, { pooling: 'mean' })))).toBeCloseTo(1, 6)
    }
    expect(prepared.stateBytes).toBe(0)
  })

  it('are the same bits in steps of any length', async () => {
    const small = await oracle.prepare(7)
    for (const pooling of ['last', 'mean'] as const) {
      expect(await embed(small, oracle.tokens, { pooling })).toEqual(await embed(prepared, oracle.tokens, { pooling }))
    }
    await small.dispose()
  })
})

/** A model whose hidden rows are `[token, 1, -token]`, in steps of 4. */
function hiddenToy(options: Parameters<typeof toyModel>[0] = {}, row = (token: number) => [token, 1, -token]) {
  const toy = toyModel({ maxTokens: 4, ...options })
  const { prepared } = toy
  const program = {
    ...prepared.program,
    values: [...prepared.program.values, { kind: 'activation', shape: ['T', 3], label: 'hidden' } as const],
    outputs: { ...prepared.program.outputs, hidden: prepared.program.values.length },
  }
  const run: PreparedProgram['run'] = async (step) => {
    const { outputs, taps } = await prepared.run(step)
    return { outputs: { ...outputs, hidden: Float32Array.from([...step.tokens].flatMap(row)) }, taps }
  }
  return { ...toy, prepared: Object.assign(Object.create(prepared) as PreparedProgram, { program, run }) }
}

describe('embed', () => {
  it('takes steps of maxTokens without logits, and frees its state', async () => {
    const { prepared, steps, states } = hiddenToy()
    expect(await embed(prepared, [1, 2, 3, 4, 5, 6], { pooling: 'mean', normalize: false })).toEqual(
      Float32Array.of(3.5, 1, -3.5),
    )
    expect(steps).toEqual([
      { tokens: [1, 2, 3, 4], rows: 0 },
      { tokens: [5, 6], rows: 0 },
    ])
    expect(states.map(({ disposed }) => disposed)).toEqual([true])
  })

  it.each<[string, readonly number[], object]>([
    ['PROMPT_EMPTY', [], {}],
    ['TOKEN_OUT_OF_RANGE', [1, 1.5], {}],
    ['TOKEN_OUT_OF_RANGE', [-1], {}],
    ['CONTEXT_LENGTH_EXCEEDED', [1, 2, 3], { contextLength: 2 }],
    ['PARAM_OUT_OF_RANGE', [1], { pooling: 'max' }],
    ['PARAM_OUT_OF_RANGE', [1], { normalize: 1 }],
    ['PARAM_OUT_OF_RANGE', [1], { contextLength: 0 }],
    ['UNKNOWN_OPTION', [1], { pool: 'mean' }],
  ])('refuses with %s before it computes: %j %j', async (name, tokens, options) => {
    const { prepared, states } = hiddenToy()
    await expect(embed(prepared, tokens, options)).rejects.toEqual(code(name))
    expect(states).toEqual([])
  })

  it('takes exactly what the context holds', async () => {
    await embed(hiddenToy().prepared, [1, 2], { contextLength: 2 })
  })

  it('needs a Program with hidden rows', async () => {
    await expect(embed(toyModel().prepared, [1])).rejects.toEqual(code('PROGRAM_NO_HIDDEN'))
  })

  it('ends within a step when it is told to, and frees its state', async () => {
    const stop = new AbortController()
    const { prepared, steps, states } = hiddenToy({ onStep: () => void (steps.length === 1 && stop.abort()) })
    await expect(embed(prepared, Array(20).fill(1), { signal: stop.signal })).rejects.toEqual(code('ABORTED'))
    expect(steps.length).toBe(1)
    expect(states.map(({ disposed }) => disposed)).toEqual([true])
    await expect(embed(prepared, [1], { signal: AbortSignal.abort() })).rejects.toEqual(code('ABORTED'))
  })

  it('frees its state when a step fails, and names numbers that are none', async () => {
    const { prepared, states } = hiddenToy({ fails: () => true })
    await expect(embed(prepared, [1])).rejects.toSatisfy((error) => FakError.isInstance(error, 'NON_FINITE'))
    expect(states.map(({ disposed }) => disposed)).toEqual([true])
    await expect(embed(hiddenToy({}, () => [Number.NaN, 0, 0]).prepared, [1])).rejects.toEqual(code('NON_FINITE'))
  })

  it('gives no direction to nothing', async () => {
    const { prepared } = hiddenToy({}, () => [0, 0, 0])
    await expect(embed(prepared, [1])).rejects.toEqual(code('EMBEDDING_ZERO'))
    expect(await embed(prepared, [1], { normalize: false })).toEqual(new Float32Array(3))
  })
})
