import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openSafetensors, parseSafetensors, type SafetensorsFile } from '@fak/safetensors'
import { openSafetensors as openPath } from '@fak/safetensors/node'
import { readRows } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { file, tensor } from './build.js'

const models = fileURLToPath(new URL('../../../fixtures/models/', import.meta.url))
const bytes = readFileSync(`${models}tied/model.safetensors`)

/** What the header states, read by the plainest means. */
const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<
  string,
  { dtype: string; shape: number[]; data_offsets: [number, number] }
>

describe('a file written by HF transformers', () => {
  const opened: [string, () => SafetensorsFile | Promise<SafetensorsFile>][] = [
    ['from memory', () => parseSafetensors(bytes, 'model.safetensors')],
    ['from a Blob', () => openSafetensors(new Blob([bytes]))],
    ['by path', () => openPath(`${models}tied/model.safetensors`)],
    ['by directory', () => openPath(`${models}tied`)],
  ]

  it.each(opened)('opens %s with every tensor where the header says', async (_, open) => {
    const model = await open()
    const { __metadata__, ...tensors } = header
    expect([...model.tensors.keys()]).toEqual(Object.keys(tensors))
    expect(Object.fromEntries(model.metadata)).toEqual(__metadata__)
    const dataOffset = 8 + Number(bytes.readBigUInt64LE(0))
    for (const [name, { dtype, shape, data_offsets }] of Object.entries(tensors)) {
      const [begin, end] = data_offsets
      expect(model.tensors.get(name)).toMatchObject({
        dtype,
        shape,
        offset: dataOffset + begin,
        byteLength: end - begin,
      })
    }
    const rows = await readRows(model.tensors.get('model.embed_tokens.weight')!, { start: 2, end: 4 })
    const { shape, data_offsets } = tensors['model.embed_tokens.weight']!
    const at = dataOffset + data_offsets[0] + 2 * shape[1]! * 4
    expect([...rows]).toEqual(Array.from({ length: 2 * shape[1]! }, (_, i) => bytes.readFloatLE(at + 4 * i)))
    await model.close()
  })
})

describe('a sharded checkpoint', () => {
  it('opens as one, with the values of the single file it was made from', async () => {
    const sharded = await openPath(`${models}tied-sharded-bf16`)
    const whole = parseSafetensors(bytes)
    expect(sharded.parts).toHaveLength(4)
    expect(new Set(sharded.tensors.keys())).toEqual(new Set(whole.tensors.keys()))
    for (const [name, stored] of sharded.tensors) {
      expect(await readRows(stored)).toEqual(await readRows(whole.tensors.get(name)!))
    }
    await sharded.close()
  })

  it('opens by the path of its index', async () => {
    const sharded = await openPath(`${models}tied-sharded-bf16/model.safetensors.index.json`)
    expect(sharded.parts).toHaveLength(4)
    await sharded.close()
  })
})

describe('types', () => {
  it('knows every type of the format with its size', () => {
    const sizes = {
      BOOL: 1,
      U8: 1,
      I8: 1,
      U16: 2,
      I16: 2,
      U32: 4,
      I32: 4,
      U64: 8,
      I64: 8,
      F16: 2,
      BF16: 2,
      F32: 4,
      F64: 8,
      C64: 8,
    }
    const small = { F4: 0.5, F6_E2M3: 0.75, F6_E3M2: 0.75, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1 }
    for (const [dtype, size] of Object.entries({ ...sizes, ...small })) {
      const model = parseSafetensors(file({ t: tensor(dtype, [4], [0, 4 * size]) }, 4 * size))
      expect(model.tensors.get('t')).toMatchObject({ dtype, byteLength: 4 * size })
    }
  })
})
