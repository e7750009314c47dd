import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeSafetensors, MAX_HEADER_BYTES, parseSafetensors, type SafetensorsContent } from '@fak/safetensors'
import { openSafetensors, writeSafetensorsFile } from '@fak/safetensors/node'
import { readRows } from '@fak/tensor'
import { describe, expect, it } from 'vitest'

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url))
const official = readdirSync(fixtures, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.safetensors'),
)

const collect = async (content: SafetensorsContent): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of encodeSafetensors(content)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('files of the official library', () => {
  it.each(official)('%s is written back byte for byte', async (name) => {
    const file = await openSafetensors(join(fixtures, name))
    const folder = mkdtempSync(join(tmpdir(), 'fak-st-write-'))
    const copy = join(folder, 'copy.safetensors')
    await writeSafetensorsFile(copy, { metadata: file.metadata, tensors: [...file.tensors.values()].reverse() })
    await file.close()
    const same = readFileSync(copy).equals(readFileSync(join(fixtures, name)))
    rmSync(folder, { recursive: true })
    expect(same).toBe(true)
  })
})

describe('a file of our own', () => {
  it('reads back as it was written, widest type first', async () => {
    const content: SafetensorsContent = {
      metadata: [['note', 'é "quoted" \u2028\n']],
      tensors: [
        { name: 'bytes', dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
        { name: '__proto__', dtype: 'F32', shape: [1, 2], data: new Uint8Array(new Float32Array([1.5, -2]).buffer) },
        { name: '\uffff', dtype: 'F16', shape: [], data: () => [Uint8Array.of(0), Uint8Array.of(0x3c)] },
        { name: '\u{10000}', dtype: 'F16', shape: [0, 5], data: new Uint8Array(0) },
        { name: 'half', dtype: 'F4', shape: [2], data: Uint8Array.of(0x12) },
      ],
    }
    const bytes = await collect(content)
    const file = parseSafetensors(bytes)
    expect(file.dataOffset % 8).toBe(0)
    expect([...file.metadata]).toEqual([...content.metadata!])
    expect([...file.tensors.keys()]).toEqual(['__proto__', '\uffff', '\u{10000}', 'bytes', 'half'])
    expect([...(await readRows(file.tensors.get('__proto__')!))]).toEqual([1.5, -2])
    expect([...(await readRows(file.tensors.get('\uffff')!))]).toEqual([1])
    expect(await collect({ metadata: file.metadata, tensors: file.tensors.values() })).toEqual(bytes)
  })

  it('may be empty', async () => {
    expect(parseSafetensors(await collect({ tensors: [] })).tensors.size).toBe(0)
  })
})

describe('what the reader would refuse is not written', () => {
  const one = { name: 't', dtype: 'U8' as const, shape: [2], data: new Uint8Array(2) }
  const cases: [string, SafetensorsContent, string][] = [
    ['a type that safetensors lacks', { tensors: [{ ...one, dtype: 'Q8_0' }] }, 'ST_BAD_DTYPE'],
    ['bits that fill no byte', { tensors: [{ ...one, dtype: 'F4', shape: [3] }] }, 'ST_SIZE_MISMATCH'],
    ['a size beyond 2^53', { tensors: [{ ...one, shape: [2 ** 30, 2 ** 30] }] }, 'ST_TENSOR_TOO_LARGE'],
    ['a dimension that is no integer', { tensors: [{ ...one, shape: [1.5] }] }, 'ST_TENSOR_TOO_LARGE'],
    ['65 dimensions', { tensors: [{ ...one, shape: Array(65).fill(1) }] }, 'ST_BAD_SHAPE'],
    ['two equal names', { tensors: [one, one] }, 'ST_DUPLICATE_NAME'],
    ['the reserved name', { tensors: [{ ...one, name: '__metadata__' }] }, 'ST_DUPLICATE_NAME'],
    [
      'two equal metadata keys',
      {
        tensors: [],
        metadata: [
          ['a', ''],
          ['a', ''],
        ],
      },
      'ST_DUPLICATE_NAME',
    ],
    ['half a surrogate pair', { tensors: [{ ...one, name: '\udc00' }] }, 'ST_BAD_UTF8'],
    ['data that is too short', { tensors: [{ ...one, data: new Uint8Array(1) }] }, 'SIZE_MISMATCH'],
    ['data that is too long', { tensors: [{ ...one, data: new Uint8Array(3) }] }, 'SIZE_MISMATCH'],
  ]
  it.each(cases)('%s', async (_, content, code) => {
    await expect(collect(content)).rejects.toMatchObject({ code })
  })

  it('a header beyond the limit', async () => {
    const metadata = [['a', 'x'.repeat(MAX_HEADER_BYTES)]] as const
    await expect(collect({ tensors: [], metadata })).rejects.toMatchObject({ code: 'ST_HEADER_TOO_LARGE' })
  })
})
