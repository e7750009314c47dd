import { NativeExecutor } from '@fak/kernels-native'
import { embed } from '@fak/session'
import { openFixture, readReferenceRun } from '@fak/testkit/node'
import { expect, it } from 'vitest'

const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)))

it.each(['tied', 'odd', 'moe-r3'] as const)('native embeddings of %s are those of transformers', async (name) => {
  const { prompt, hidden, hiddenTokens } = await readReferenceRun(name)
  const tokens = prompt.slice(0, hiddenTokens)
  const { model, close } = await openFixture('models', name, 'model.f32.gguf')
  const d = model.config.hidden
  const rows = Array.from({ length: hiddenTokens }, (_, t) =>
    hidden.subarray(hidden.length - (hiddenTokens - t) * d).subarray(0, d),
  )
  const mean = Array.from({ length: d }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
  const unit = (row: ArrayLike<number>) => Array.from(row, (x) => x / Math.hypot(...Array.from(row)))
  const embeddings: Float32Array[][] = []
  for (const maxTokens of [64, 5]) {
    const prepared = await new NativeExecutor({ threads: 2 }).prepare(model.program({ hidden: true }), model.weights, {
      maxTokens,
    })
    embeddings.push([await embed(prepared, tokens), await embed(prepared, tokens, { pooling: 'mean' })])
    expect(prepared.stateBytes).toBe(0)
    await prepared.dispose()
  }
  await close()
  expect(embeddings[1]).toEqual(embeddings[0])
  const [last, pooled] = embeddings[0]!
  expect(farthest(last!, unit(rows.at(-1)!))).toBeLessThan(2e-5)
  expect(farthest(pooled!, unit(mean))).toBeLessThan(2e-5)
})
