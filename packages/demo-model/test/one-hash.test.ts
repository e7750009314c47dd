// One arithmetic: the logits of the demo model have one hash for every instruction set, thread count and split of the prompt.

import { createHash } from 'node:crypto'
import { NativeExecutor, nativeInfo } from '@fak/kernels-native'
import { openModel } from '@fak/testkit/node'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { answers, q4km, shipped } from './helpers.js'

const conversations = answers.flatMap(({ promptIds, answerIds }) => [...promptIds, ...answerIds])
/** More than two chunks of 64, and a whole number of no chunk but 1. */
const tokens = Uint32Array.from(conversations.slice(0, 150))

/** SHA-256 of the logits of every token. */
async function hashOf(path: string, threads: number, chunk: number): Promise<string> {
  const { model, close } = await openModel(path)
  const prepared = await new NativeExecutor({ threads }).prepare(model.program(), model.weights, { maxTokens: chunk })
  const state = prepared.createState()
  const hash = createHash('sha256')
  while (state.position < tokens.length) {
    const step = tokens.slice(state.position, state.position + chunk)
    const { logits } = (await prepared.run({ state, tokens: step, rows: step.length })).outputs
    hash.update(new Uint8Array(logits!.buffer, logits!.byteOffset, logits!.byteLength))
  }
  await prepared.dispose()
  await close()
  return hash.digest('hex')
}

// A team of more threads than there are free cores waits at every barrier.
vi.setConfig({ testTimeout: 300_000 })
afterEach(() => vi.unstubAllEnvs())

describe.each([
  { weights: 'Q8_0', path: shipped },
  { weights: 'Q4_K_M', path: q4km },
])('$weights', ({ path }) => {
  it.for(['scalar', 'avx2', 'avxvnni', 'avx512'])(
    'gives the hash of one scalar thread with FAK_ISA=%s',
    async (isa, { skip }) => {
      if (!nativeInfo()!.isas.includes(isa)) skip(`this machine has no ${isa}`)
      vi.stubEnv('FAK_ISA', 'scalar')
      const expected = await hashOf(path, 1, 64)
      vi.stubEnv('FAK_ISA', isa)
      for (const threads of [1, 2, 3]) {
        for (const chunk of [1, 7, 64]) {
          expect(await hashOf(path, threads, chunk), `${threads} threads, chunks of ${chunk}`).toBe(expected)
        }
      }
    },
  )
})
