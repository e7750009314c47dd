import { planProgram } from '@fak/graph'
import { difference } from '@fak/graph/compare'
import { ReferenceExecutor } from '@fak/graph/reference'
import { Random, sameBits, tinyModel } from '@fak/testkit'
import { describe, expect, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'

const { program, weights, config } = tinyModel(3)
const tokens = new Random(2).tokens(11, config.vocabularySize)
const executors = { native: new NativeExecutor({ threads: 2 }), reference: new ReferenceExecutor({ poison: true }) }

async function run(name: keyof typeof executors, taps: readonly string[], rows: number) {
  const prepared = await executors[name].prepare(program, weights, { maxTokens: 16, taps })
  const result = await prepared.run({ state: prepared.createState(), tokens, rows })
  await prepared.dispose()
  return result
}

describe('taps on the native and the reference executor', () => {
  const labels = program.ops.map((op) => op.label)

  it('read any activation, with T or R rows, and change nothing else', async () => {
    for (const rows of [0, 3, 11]) {
      const [native, reference] = await Promise.all([run('native', labels, rows), run('reference', labels, rows)])
      expect([...native.taps.keys()]).toEqual(labels)
      for (const { label, output } of program.ops) {
        const [count, columns] = program.values[output]!.shape as [string, number]
        const [found, expected] = [native.taps.get(label)!, reference.taps.get(label)!]
        expect(found.length, label).toBe((count === 'R' ? rows : tokens.length) * columns)
        expect(difference(expected, found, columns).error, label).toBeLessThan(1e-4)
      }
      const plain = await run('native', [], rows)
      expect(plain.taps.size).toBe(0)
      expect(sameBits(plain.outputs.logits!, native.outputs.logits!)).toBe(true)
      expect(native.taps.get('lm_head')).toEqual(native.outputs.logits)
    }
  })

  it('one at a time, a value is the same bits as among all others', async () => {
    const all = await run('native', labels, 2)
    // Inputs and outputs of the linears that share one preparation of x, and values that the plan would overwrite.
    for (const label of labels.filter((_, i) => i % 3 === 0)) {
      const { taps } = await run('native', [label], 2)
      expect([...taps.keys()]).toEqual([label])
      expect(sameBits(taps.get(label)!, all.taps.get(label)!), label).toBe(true)
    }
  })

  it.each(['native', 'reference'] as const)('%s: two names of one value get an array each', async (name) => {
    const names = ['logits', 'lm_head', 'lm_head', 'layers.0.mixed']
    const { taps, outputs } = await run(name, names, 2)
    expect([...taps.keys()]).toEqual(['logits', 'lm_head', 'layers.0.mixed'])
    const [byOutput, byLabel] = [taps.get('logits')!, taps.get('lm_head')!]
    expect(byOutput).toEqual(byLabel)
    byLabel.fill(0)
    expect(byOutput).toEqual(outputs.logits)
    expect(byOutput.some((x) => x !== 0)).toBe(true)
  })

  it.each(['native', 'reference'] as const)('%s: an unknown name is refused with those that are near', async (name) => {
    for (const [asked, near] of [
      ['layers.1.self_attn.q_proj.weight', 'layers.1.self_attn.q_proj'],
      ['layer.3.mlp.down_proj', 'layers.3.mlp.down_proj'],
      ['LM_HEAD', 'lm_head'],
      ['', 'norm'],
      ['x'.repeat(1e6), 'norm'],
    ] as const) {
      const error = await run(name, [asked], 1).catch((e) => e)
      expect(error).toMatchObject({ code: 'UNKNOWN_TAP', field: 'taps' })
      if (asked.length > 4 && asked.length < 100) expect(error.reason).toContain(`the nearest are "${near}"`)
      expect(error.message.length).toBeLessThan(400)
    }
  })

  it('take room in the arena only when asked for', () => {
    const bytes = (taps: readonly string[]) => planProgram(program, 16, { taps }).arenaBytes
    expect(bytes(labels)).toBeGreaterThan(4 * bytes([]))
    expect(bytes(['logits'])).toBe(bytes([]))
  })
})
