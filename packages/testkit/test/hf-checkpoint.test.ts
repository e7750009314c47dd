import { readFile } from 'node:fs/promises'
import { configFromHf } from '@fak/model-qwen35'
import { parseSafetensors } from '@fak/safetensors'
import { bytesSource, readRows, type TensorContent } from '@fak/tensor'
import { expect, it } from 'vitest'
import { hfCheckpoint } from '../src/index.js'
import { fixturePath, openFixture } from '../src/node.js'

it.each(['tied', 'untied-r3', 'odd'])('%s: the checkpoint that the converter was given comes back', async (name) => {
  const { model, close } = await openFixture('models', name, 'model.f32.gguf')
  const { config, tensors } = await hfCheckpoint(model)
  await close()
  const original = parseSafetensors(await readFile(fixturePath('models', name, 'model.safetensors')))
  expect(tensors.map((tensor) => tensor.name).sort()).toEqual([...original.tensors.keys()].sort())
  for (const { name, shape, data } of tensors as (TensorContent & { data: Uint8Array })[]) {
    const expected = original.tensors.get(name)!
    expect(shape, name).toEqual(expected.shape)
    const bytes = { dtype: 'F32', shape, source: bytesSource(data), offset: 0, byteLength: data.length } as const
    const [found, wanted] = [await readRows(bytes), await readRows(expected)]
    // "+1" and the exponential were rounded once on the way here; everything else is the same bits.
    const exact = !/norm\.weight$|A_log$/.test(name)
    const error = wanted.reduce((worst, x, i) => Math.max(worst, Math.abs(x - found[i]!)), 0)
    expect(error, name).toBeLessThanOrEqual(exact ? 0 : 2e-7)
  }
  const stored = { name, tensors: original.tensors }
  const written: unknown = JSON.parse(await readFile(fixturePath('models', name, 'config.json'), 'utf8'))
  const wanted = configFromHf(written, stored)
  expect(configFromHf(config, stored)).toEqual({ ...wanted, eps: Math.fround(wanted.eps) }) // GGUF keeps a float32
})
