import type { StepProfile } from '@fak/graph'
import { Random, sameBits, tinyModel } from '@fak/testkit'
import { describe, expect, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'

const { program, weights, config } = tinyModel(3)
const tokens = new Random(2).tokens(11, config.vocabularySize)
const prepare = (threads: number) => new NativeExecutor({ threads }).prepare(program, weights, { maxTokens: 16 })

describe('the profile of a step', () => {
  it.each([1, 2])('names every op, on %i threads, and changes no bit', async (threads) => {
    const prepared = await prepare(threads)
    const state = prepared.createState()
    const seen: StepProfile[] = []
    const stop = prepared.profile!((step) => seen.push(step))
    const { outputs } = await prepared.run({ state, tokens, rows: 2 })
    await prepared.run({ state, tokens: tokens.slice(0, 1) })
    stop()
    stop()
    await prepared.run({ state, tokens: tokens.slice(0, 1) })
    expect(seen).toHaveLength(2)
    expect(seen[0]).toMatchObject({ tokens: 11, rows: 2, position: 0, gapMs: null })
    expect(seen[1]).toMatchObject({ tokens: 1, rows: 1, position: 11 })
    expect(seen[1]!.gapMs).toBeGreaterThan(0)
    for (const { stages, totalMs, executorMs, backupMs, busyMs } of seen) {
      const tasks = stages.flatMap((stage) => stage.tasks)
      const done = tasks.flatMap(({ ops }) => ops)
      // Attention of one token is cut into spans of keys, which a task of its own merges.
      expect([...new Set(done)].sort((a, b) => a - b)).toEqual(program.ops.map((_, op) => op))
      expect(busyMs).toHaveLength(threads)
      // The same time, added up by task and by thread; and nobody works longer than the stages last.
      const sum = (times: number[]) => times.reduce((a, b) => a + b, 0)
      expect(sum(tasks.map(({ busyMs }) => busyMs))).toBeCloseTo(sum([...busyMs]), 9)
      const stagesMs = sum(stages.map(({ ms }) => ms))
      for (const busy of busyMs) expect(busy).toBeLessThanOrEqual(stagesMs)
      expect(stagesMs + backupMs).toBeLessThanOrEqual(executorMs)
      expect(executorMs).toBeLessThanOrEqual(totalMs)
      for (const { chunks, ops, prepares } of tasks) {
        expect(chunks).toBeGreaterThan(0)
        if (prepares === null) expect(ops.length).toBeGreaterThan(0)
        else expect(ops).not.toContain(prepares)
      }
      // Norms are done on the way to the rows of the linears.
      const kinds = (ops: readonly number[]) => ops.map((op) => program.ops[op]!.kind)
      expect(tasks.some(({ ops, prepares }) => prepares !== null && kinds(ops).includes('rmsNorm'))).toBe(true)
    }
    const plain = await prepared.run({ state: prepared.createState(), tokens, rows: 2 })
    expect(sameBits(plain.outputs.logits!, outputs.logits!)).toBe(true)
    await prepared.dispose()
    expect(() => prepared.profile!(() => {})).toThrow(expect.objectContaining({ code: 'DISPOSED' }))
  })

  it('leaves out what only feeds outputs when none is wanted, and steps that fail', async () => {
    const prepared = await prepare(2)
    const state = prepared.createState()
    const seen: StepProfile[] = []
    prepared.profile!((step) => seen.push(step))
    await prepared.run({ state, tokens, rows: 0 })
    const done = seen[0]!.stages.flatMap(({ tasks }) =>
      tasks.flatMap(({ ops }) => ops.map((op) => program.ops[op]!.label)),
    )
    expect(done).not.toContain('lm_head')
    await expect(prepared.run({ state, tokens, signal: AbortSignal.abort() })).rejects.toThrow()
    expect(seen).toHaveLength(1)
    await prepared.dispose()
  })

  it('hands on what an observer throws, after the step', async () => {
    const prepared = await prepare(1)
    const state = prepared.createState()
    const stop = prepared.profile!(() => {
      throw new Error('no')
    })
    await expect(prepared.run({ state, tokens })).rejects.toThrow('no')
    expect(state.position).toBe(tokens.length)
    stop()
    await prepared.run({ state, tokens })
    await prepared.dispose()
  })
})
