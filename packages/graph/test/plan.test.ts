import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ARENA_ALIGNMENT, ops, type Program, planProgram, record, type Value } from '../src/index.js'
import { randomWeights, weightsOf } from './helpers.js'

const weights = weightsOf(
  randomWeights({ 'table.weight': [8, 16], 'up.weight': [48, 16], 'down.weight': [16, 48], 'taps.weight': [16, 3] }),
)

/** A random program: each number picks two earlier values and joins them in one of several ways. */
function randomProgram(choices: readonly number[]): Program {
  return record((g) => {
    const values: Value[] = [g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(weights.at('table')) }, {})]
    for (const [i, choice] of choices.entries()) {
      const x = values[choice % values.length]!
      const y = values[(choice >> 4) % values.length]!
      const wide = () => g.op(ops.linear, { x, weight: g.weight(weights.at('up')) }, {})
      const kinds = [
        () => g.add(x, y),
        () => g.op(ops.linear, { x: wide(), weight: g.weight(weights.at('down')) }, {}),
        () => {
          const conv = g.state(`conv${i}`, [2, 16])
          return g.op(ops.causalConv1d, { x, weight: g.weight(weights.at('taps')), conv }, { activation: 'silu' })
        },
      ]
      values.push(kinds[(choice >> 8) % kinds.length]!())
    }
    return { y: g.op(ops.lastRows, { x: values.at(-1)! }, {}) }
  })
}

const programs = fc.array(fc.nat(4095), { minLength: 1, maxLength: 40 }).map(randomProgram)

/** First and last phase in which each activation must keep its bytes, worked out from the plan's phases alone. */
function lifetimes(program: Program, phases: readonly (readonly number[])[], kept: readonly number[]) {
  const phaseOf = new Map(phases.flatMap((indices, phase) => indices.map((index) => [index, phase] as const)))
  return program.ops.map((op, index) => {
    const readers = program.ops.flatMap((other, i) => (other.inputs.includes(op.output) ? [phaseOf.get(i)!] : []))
    const last = kept.includes(op.output) ? phases.length : Math.max(phaseOf.get(index)!, ...readers)
    return { id: op.output, first: phaseOf.get(index)!, last }
  })
}

describe('planProgram', () => {
  it('runs every op once, after everything that it reads', () => {
    fc.assert(
      fc.property(programs, (program) => {
        const { phases } = planProgram(program, 4)
        const order = phases.flat()
        expect(order.toSorted((a, b) => a - b)).toEqual(program.ops.map((_, i) => i))
        const written = new Map<number, number>()
        for (const [phase, indices] of phases.entries()) {
          for (const op of indices.map((i) => program.ops[i]!)) {
            for (const id of op.inputs) {
              if (program.values[id]!.kind === 'activation') expect(written.get(id)).toBeLessThan(phase)
            }
          }
          for (const index of indices) written.set(program.ops[index]!.output, phase)
        }
      }),
    )
  })

  it('never lets two values that are alive in one phase share a byte', () => {
    fc.assert(
      fc.property(programs, fc.integer({ min: 1, max: 9 }), fc.nat(), (program, maxTokens, pick) => {
        const tap = program.ops[pick % program.ops.length]!
        const { phases, offsets, arenaBytes } = planProgram(program, maxTokens, { taps: [tap.label] })
        const alive = lifetimes(program, phases, [tap.output, program.outputs.y!]).map((life) => {
          const start = offsets.get(life.id)!
          const end = start + maxTokens * Number(program.values[life.id]!.shape[1]) * 4
          expect(start % ARENA_ALIGNMENT).toBe(0)
          expect(end).toBeLessThanOrEqual(arenaBytes)
          return { ...life, start, end }
        })
        for (const [i, a] of alive.entries()) {
          for (const b of alive.slice(i + 1)) {
            const together = a.first <= b.last && b.first <= a.last
            if (together) expect(a.end <= b.start || b.end <= a.start).toBe(true)
          }
        }
      }),
    )
  })

  it('puts independent ops side by side and keeps ops on one state in order', () => {
    const program = record((g) => {
      const x = g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(weights.at('table')) }, {})
      const conv = g.state('conv', [2, 16])
      const convolve = () =>
        g.op(ops.causalConv1d, { x, weight: g.weight(weights.at('taps')), conv }, { activation: 'none' })
      const [first, second] = [convolve(), convolve()]
      return { first, second, sum: g.add(x, x) }
    })
    expect(planProgram(program, 1).phases).toEqual([[0], [1, 3], [2]])
  })

  it('reuses memory: a chain of any length needs two places', () => {
    const chain = (length: number) =>
      record((g) => {
        let x = g.op(ops.embedding, { tokens: g.tokens(), weight: g.weight(weights.at('table')) }, {})
        for (let i = 0; i < length; i++) x = g.add(x, x)
        return { x }
      })
    expect(planProgram(chain(30), 4).arenaBytes).toBe(2 * 4 * 16 * 4)
  })

  it('gives the same plan for the same program', () => {
    const program = randomProgram([17, 4000, 2500, 999, 1234, 3333, 2048])
    expect(planProgram(program, 5)).toEqual(planProgram(structuredClone(program), 5))
  })

  it('refuses a tap that does not exist', () => {
    expect(() => planProgram(randomProgram([1]), 1, { taps: ['layers.7'] })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_TAP', message: expect.stringContaining('"layers.7"') }),
    )
  })

  it.each([0, -1, 1.5, Number.NaN, Infinity])('refuses steps of %d tokens', (maxTokens) => {
    expect(() => planProgram(randomProgram([1]), maxTokens)).toThrow(
      expect.objectContaining({ code: 'BAD_MAX_TOKENS' }),
    )
  })
})
