import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeGguf, type GgufContent, type GgufValueContent, openGguf, parseGguf } from '@fak/gguf'
import { openGguf as openPath, writeGgufFile } from '@fak/gguf/node'
import { readRows } from '@fak/tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url))
const official = readdirSync(fixtures, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.gguf'))

const collect = async (content: GgufContent): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of encodeGguf(content)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
const codeOf = (content: GgufContent): Promise<unknown> =>
  collect(content).then(
    () => 'nothing',
    (error) => error.code,
  )

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fak-gguf-write-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('files of the official converter', () => {
  it('are there in several types', () => expect(official.length).toBeGreaterThan(3))

  it.each(official)('%s is written back byte for byte', async (name) => {
    const file = await openPath(join(fixtures, name))
    const copy = join(folder, 'copy.gguf')
    await writeGgufFile(copy, { metadata: file.metadata.entries(), tensors: file.tensors.values() })
    await file.close()
    const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
    expect(hash(copy)).toBe(hash(join(fixtures, name)))
  })

  it('can be edited while the tensors stay as they are', async () => {
    const file = await openPath(join(fixtures, 'models/tied/model.f32.gguf'))
    const metadata = new Map<string, GgufValueContent>(file.metadata.entries())
    metadata.set('tokenizer.chat_template', { type: 'string', value: '{{ messages }}' })
    metadata.delete('general.name')
    const edited = parseGguf(await collect({ metadata, tensors: file.tensors.values() }))
    expect(edited.metadata.string('tokenizer.chat_template')).toBe('{{ messages }}')
    expect(edited.metadata.has('general.name')).toBe(false)
    expect([...edited.tensors.keys()]).toEqual([...file.tensors.keys()])
    for (const [name, { source, offset, byteLength }] of edited.tensors) {
      const before = file.tensors.get(name)!
      const stored = await before.source.read(before.offset, before.byteLength)
      expect(Buffer.compare(await source.read(offset, byteLength), stored)).toBe(0)
    }
    await file.close()
  })
})

describe('a file of our own', () => {
  const f32 = new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6]).buffer)
  const content: GgufContent = {
    metadata: [
      ['general.alignment', { type: 'u32', value: 64 }],
      ['u8', { type: 'u8', value: 255 }],
      ['i8', { type: 'i8', value: -128 }],
      ['u16', { type: 'u16', value: 65535 }],
      ['i16', { type: 'i16', value: -32768 }],
      ['u32', { type: 'u32', value: 4294967295 }],
      ['i32', { type: 'i32', value: -2147483648 }],
      ['f32', { type: 'f32', value: 0.5 }],
      ['bool', { type: 'bool', value: true }],
      ['string', { type: 'string', value: 'é\u{1f600}\ufeff\0' }],
      ['u64', { type: 'u64', value: 2n ** 64n - 1n }],
      ['i64', { type: 'i64', value: -(2n ** 63n) }],
      ['f64', { type: 'f64', value: Math.PI }],
      ['__proto__', { type: 'string', value: 'just a key' }],
      ['strings', { type: 'array', value: { itemType: 'string', items: ['', 'a', 'ü'] } }],
      ['bools', { type: 'array', value: { itemType: 'bool', items: [true, false] } }],
      ['i64s', { type: 'array', value: { itemType: 'i64', items: [-1n, 2n] } }],
      ['none', { type: 'array', value: { itemType: 'f32', items: [] } }],
    ],
    tensors: [
      { name: 'matrix', dtype: 'F32', shape: [2, 3], data: f32 },
      { name: 'scalar', dtype: 'I8', shape: [], data: Uint8Array.of(7) },
      { name: 'empty', dtype: 'F32', shape: [0, 4], data: new Uint8Array(0) },
      {
        name: 'streamed',
        dtype: 'F32',
        shape: [6],
        *data() {
          yield f32.subarray(0, 5)
          yield f32.subarray(5)
        },
      },
    ],
  }

  it('reads back as it was written', async () => {
    const file = parseGguf(await collect(content))
    expect(file).toMatchObject({ version: 3, alignment: 64, trailingBytes: 0 })
    expect(file.dataOffset % 64).toBe(0)
    for (const [key, { type, value }] of content.metadata) {
      if (type !== 'array') expect([file.metadata.entry(key)?.type, file.metadata.get(key)]).toEqual([type, value])
    }
    expect(file.metadata.strings('strings')).toEqual(['', 'a', 'ü'])
    expect(file.metadata.booleans('bools')).toEqual([true, false])
    expect(file.metadata.array('i64s')?.toArray()).toEqual(BigInt64Array.of(-1n, 2n))
    expect(file.metadata.numbers('none')).toEqual(new Float32Array(0))
    expect([...file.tensors.values()].map(({ name, shape }) => [name, shape])).toEqual([
      ['matrix', [2, 3]],
      ['scalar', [1]],
      ['empty', [0, 4]],
      ['streamed', [6]],
    ])
    expect([...(await readRows(file.tensors.get('matrix')!, { start: 1 }))]).toEqual([4, 5, 6])
    expect([...(await readRows(file.tensors.get('scalar')!))]).toEqual([7])
    expect([...(await readRows(file.tensors.get('streamed')!))]).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('is the same when written again', async () => {
    const bytes = await collect(content)
    const file = await openGguf(new Blob([bytes]))
    expect(await collect({ metadata: file.metadata.entries(), tensors: file.tensors.values() })).toEqual(bytes)
  })
})

describe('what the reader would refuse is not written', () => {
  const value = (type: string, v: unknown): GgufContent => ({
    metadata: [['key', { type, value: v } as GgufValueContent]],
    tensors: [],
  })
  const tensor = (fields: object): GgufContent => ({
    metadata: [],
    tensors: [{ name: 't', dtype: 'F32', shape: [1], data: new Uint8Array(4), ...fields }],
  })
  const cases: [string, GgufContent, string][] = [
    ['a u8 of 256', value('u8', 256), 'GGUF_BAD_VALUE'],
    ['an i8 of -129', value('i8', -129), 'GGUF_BAD_VALUE'],
    ['an i32 of 1.5', value('i32', 1.5), 'GGUF_BAD_VALUE'],
    ['a u32 of NaN', value('u32', Number.NaN), 'GGUF_BAD_VALUE'],
    ['a u64 that is no bigint', value('u64', 1), 'GGUF_BAD_VALUE'],
    ['a u64 of 2^64', value('u64', 2n ** 64n), 'GGUF_BAD_VALUE'],
    ['an i64 of 2^63', value('i64', 2n ** 63n), 'GGUF_BAD_VALUE'],
    ['a bool of 1', value('bool', 1), 'GGUF_BAD_VALUE'],
    ['a string of 1', value('string', 1), 'GGUF_BAD_VALUE'],
    ['a number as array', value('array', 1), 'GGUF_BAD_VALUE'],
    ['half a surrogate pair', value('string', '\ud83d'), 'GGUF_BAD_UTF8'],
    [
      'an alignment of 13',
      { metadata: [['general.alignment', { type: 'u32', value: 13 }]], tensors: [] },
      'GGUF_BAD_ALIGNMENT',
    ],
    [
      'two equal keys',
      {
        metadata: [
          ['a', { type: 'u8', value: 1 }],
          ['a', { type: 'u8', value: 1 }],
        ],
        tensors: [],
      },
      'GGUF_DUPLICATE_KEY',
    ],
    ['an empty tensor name', tensor({ name: '' }), 'GGUF_BAD_TENSOR_NAME'],
    ['a tensor name of 64 bytes', tensor({ name: 'x'.repeat(64) }), 'GGUF_BAD_TENSOR_NAME'],
    ['five dimensions', tensor({ shape: [1, 1, 1, 1, 1] }), 'GGUF_BAD_DIMS'],
    ['a type that GGUF lacks', tensor({ dtype: 'F8_E4M3', data: new Uint8Array(1) }), 'GGUF_BAD_TENSOR_TYPE'],
    ['a row that is no whole number of blocks', tensor({ dtype: 'Q8_0', shape: [31] }), 'ROW_NOT_BLOCK_MULTIPLE'],
    ['data that is too short', tensor({ data: new Uint8Array(3) }), 'SIZE_MISMATCH'],
    ['data that is too long', tensor({ data: new Uint8Array(5) }), 'SIZE_MISMATCH'],
    ['a producer that gives too much', tensor({ data: () => [new Uint8Array(4), new Uint8Array(1)] }), 'SIZE_MISMATCH'],
  ]
  it.each(cases)('%s', async (_, content, code) => expect(await codeOf(content)).toBe(code))

  it('takes the same values inside their limits', async () => {
    expect(await codeOf(value('u8', 255))).toBe('nothing')
    expect(await codeOf(tensor({ name: 'x'.repeat(63), shape: [1, 1, 1, 1] }))).toBe('nothing')
  })
})

describe('writing to a path', () => {
  it('leaves the old file alone when the data turns out wrong', async () => {
    const path = join(folder, 'kept.gguf')
    writeFileSync(path, 'old')
    const broken: GgufContent = {
      metadata: [],
      tensors: [{ name: 't', dtype: 'F32', shape: [9], data: () => [new Uint8Array(4)] }],
    }
    await expect(writeGgufFile(path, broken)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(folder).filter((name) => name.includes('kept'))).toEqual(['kept.gguf'])
  })
})
