// Editing, merging and splitting: what changes is the metadata asked for, and nothing else.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  editGguf,
  encodeGguf,
  type GgufContent,
  type GgufEdit,
  type GgufFile,
  type GgufValueContent,
  ggufStream,
  mergeGguf,
  openGgufSet,
  openGguf as openInput,
  parseGguf,
  splitGguf,
} from '@fak/gguf'
import { editGgufFile, openGguf, writeGgufFile, writeGgufSplit } from '@fak/gguf/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const model = fileURLToPath(new URL('../../../fixtures/models/tied/model.f32.gguf', import.meta.url))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fak-gguf-edit-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const text = (value: string): GgufValueContent => ({ type: 'string', value })
const u16 = (value: number): GgufValueContent => ({ type: 'u16', value })
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function bytesOf(content: GgufContent): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of encodeGguf(content)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Keys with type and value, arrays as their stored bytes. */
const metadataOf = (file: GgufFile): unknown[] =>
  [...file.metadata.entries()].map(([key, { type, value }]) => [
    key,
    type,
    typeof value === 'object' ? sha256(value.stored) : value,
  ])

async function tensorsOf(file: GgufFile): Promise<unknown[]> {
  return Promise.all(
    [...file.tensors.values()].map(async ({ name, dtype, shape, source, offset, byteLength }) => [
      name,
      dtype,
      shape,
      sha256(await source.read(offset, byteLength)),
    ]),
  )
}

describe('an edit', () => {
  it('renames, removes and sets keys in their places, and leaves tensors alone', async () => {
    const file = await openGguf(model)
    const keys = [...file.metadata.keys()]
    const edit: GgufEdit = {
      rename: [['general.name', 'general.basename']],
      remove: ['general.file_type'],
      set: [
        ['tokenizer.chat_template', text('{{ messages }}')],
        ['general.type', { type: 'u64', value: 2n ** 64n - 1n }],
        ['my.list', { type: 'array', value: { itemType: 'string', items: ['a', 'ü'] } }],
      ],
    }
    const edited = parseGguf(await bytesOf(editGguf(file, edit)))
    const expected = keys
      .filter((key) => key !== 'general.file_type')
      .map((key) => (key === 'general.name' ? 'general.basename' : key))
    for (const key of ['tokenizer.chat_template', 'my.list']) if (!expected.includes(key)) expected.push(key)
    expect([...edited.metadata.keys()]).toEqual(expected)
    expect(edited.metadata.get('general.basename')).toBe(file.metadata.get('general.name'))
    expect(edited.metadata.string('tokenizer.chat_template')).toBe('{{ messages }}')
    expect(edited.metadata.bigint('general.type')).toBe(2n ** 64n - 1n)
    expect(edited.metadata.strings('my.list')).toEqual(['a', 'ü'])
    expect(await tensorsOf(edited)).toEqual(await tensorsOf(file))
    await file.close()
  })

  it('of nothing writes an official file back byte for byte', async () => {
    const file = await openGguf(model)
    expect((await bytesOf(editGguf(file, {}))).equals(readFileSync(model))).toBe(true)
    await file.close()
  })

  it.each([1, 64, 4096])('moves the tensors to an alignment of %i', async (alignment) => {
    const file = await openGguf(model)
    const set: GgufEdit['set'] = [['general.alignment', { type: 'u32', value: alignment }]]
    const edited = parseGguf(await bytesOf(editGguf(file, { set })))
    expect([edited.alignment, edited.dataOffset % alignment, edited.trailingBytes]).toEqual([alignment, 0, 0])
    expect(await tensorsOf(edited)).toEqual(await tensorsOf(file))
    await file.close()
  })

  it.each<[string, GgufEdit, string]>([
    ['removing a key that is not there', { remove: ['nope'] }, 'GGUF_NO_SUCH_KEY'],
    ['removing a key twice', { remove: ['general.name', 'general.name'] }, 'GGUF_NO_SUCH_KEY'],
    ['renaming a key that is not there', { rename: [['nope', 'x']] }, 'GGUF_NO_SUCH_KEY'],
    ['a new name that is taken', { rename: [['general.name', 'general.type']] }, 'GGUF_DUPLICATE_KEY'],
    ['a key of the split set', { set: [['split.count', u16(3)]] }, 'GGUF_SPLIT_KEY'],
    ['renaming to a key of the split set', { rename: [['general.name', 'split.no']] }, 'GGUF_SPLIT_KEY'],
    ['a value that its type cannot hold', { set: [['k', { type: 'u8', value: 256 }]] }, 'GGUF_BAD_VALUE'],
    ['an empty key', { set: [['', text('')]] }, 'GGUF_EMPTY_KEY'],
    ['half a surrogate pair', { set: [['k', text('\ud83d')]] }, 'GGUF_BAD_UTF8'],
    ['an alignment of 13', { set: [['general.alignment', { type: 'u32', value: 13 }]] }, 'GGUF_BAD_ALIGNMENT'],
    ['an alignment of another type', { set: [['general.alignment', u16(32)]] }, 'GGUF_WRONG_TYPE'],
  ])('refuses %s, and leaves no file', async (_, edit, code) => {
    const target = join(folder, 'target.gguf')
    await expect(editGgufFile(model, target, edit)).rejects.toMatchObject({ code })
    expect(readdirSync(folder)).toEqual([])
  })

  it('replaces the file it reads from', async () => {
    const path = join(folder, 'model.gguf')
    copyFileSync(model, path)
    await editGgufFile(path, path, { set: [['general.name', text('renamed')]] })
    const [before, after] = [await openGguf(model), await openGguf(path)]
    expect(after.metadata.string('general.name')).toBe('renamed')
    expect(await tensorsOf(after)).toEqual(await tensorsOf(before))
    expect(readdirSync(folder)).toEqual(['model.gguf'])
    await before.close()
    await after.close()
  })

  it('works from a Blob to a stream', async () => {
    const file = await openInput(new Blob([readFileSync(model)]))
    const stream = ggufStream(editGguf(file, { set: [['general.name', text('x')]] }))
    const edited = parseGguf(new Uint8Array(await new Response(stream).arrayBuffer()))
    expect(edited.metadata.string('general.name')).toBe('x')
    expect(await tensorsOf(edited)).toEqual(await tensorsOf(file))
  })

  it('reads nothing ahead of a stream that nobody reads, and stops when it is cancelled', async () => {
    const file = await openInput(new Blob([readFileSync(model)]))
    let reads = 0
    let returned = false
    const tensors = [...file.tensors.values()].map(({ name, dtype, shape, byteLength }) => ({
      name,
      dtype,
      shape,
      *data() {
        reads++
        try {
          yield new Uint8Array(byteLength)
        } finally {
          returned = true
        }
      },
    }))
    const reader = ggufStream({ metadata: [], tensors }).getReader()
    await reader.read()
    expect(reads).toBe(0)
    await reader.read()
    expect([reads, returned]).toEqual([1, false])
    await reader.cancel()
    expect([reads, returned]).toEqual([1, true])
  })

  it('reports progress up to the size of the file, and stops on a signal without leaving a file', async () => {
    const file = await openGguf(model)
    const seen: number[] = []
    const path = join(folder, 'copy.gguf')
    await writeGgufFile(path, editGguf(file, {}), {
      onProgress: (done, total) => {
        expect(total).toBe(readFileSync(model).length)
        seen.push(done)
      },
    })
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.at(-1)).toBe(readFileSync(path).length)
    rmSync(path)
    const stop = new AbortController()
    const writing = writeGgufFile(path, editGguf(file, {}), {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    })
    await expect(writing).rejects.toThrow('enough')
    expect(readdirSync(folder)).toEqual([])
    await file.close()
  })

  // The limit on file sizes stands for a full disk: the system refuses to write on.
  it.skipIf(process.platform !== 'linux')('that finds the disk full leaves the old file and nothing else', async () => {
    const path = join(folder, 'model.gguf')
    copyFileSync(model, path)
    const limit = (bytes: string) => execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`])
    const ignore = () => {}
    process.on('SIGXFSZ', ignore)
    limit('100000')
    try {
      const edit = editGgufFile(path, path, { set: [['general.name', text('x')]] })
      await expect(edit).rejects.toMatchObject({ code: 'WRITE_FAILED', file: path })
    } finally {
      limit('unlimited')
      process.off('SIGXFSZ', ignore)
    }
    expect(readFileSync(path).equals(readFileSync(model))).toBe(true)
    expect(readdirSync(folder)).toEqual(['model.gguf'])
  })
})

describe('a split set', () => {
  const split = async (limits: { maxBytes?: number; maxTensors?: number }): Promise<string[]> => {
    const file = await openGguf(model)
    return writeGgufSplit(join(folder, 'set'), mergeGguf(file), limits).finally(() => file.close())
  }

  it('is cut by number of tensors, opens as one, and merges to the bytes it came from', async () => {
    const paths = await split({ maxTensors: 10 })
    const file = await openGguf(paths[1]!)
    expect(paths.map((path) => basename(path)).slice(0, 2)).toEqual([
      `set-00001-of-0000${paths.length}.gguf`,
      `set-00002-of-0000${paths.length}.gguf`,
    ])
    expect(file.parts.map(({ tensors }) => tensors.size)).toEqual(
      paths.map((_, no) => Math.min(10, file.tensors.size - 10 * no)),
    )
    // As gguf-split types them.
    expect(['split.no', 'split.count', 'split.tensors.count'].map((key) => file.metadata.entry(key)?.type)).toEqual([
      'u16',
      'u16',
      'i32',
    ])
    await writeGgufFile(join(folder, 'whole.gguf'), mergeGguf(file))
    await file.close()
    expect(readFileSync(join(folder, 'whole.gguf')).equals(readFileSync(model))).toBe(true)
  })

  it('is cut by size: no file exceeds it but one with a single larger tensor', async () => {
    const maxBytes = 40_000
    const file = await openGguf((await split({ maxBytes }))[0]!)
    expect(file.parts.length).toBeGreaterThan(2)
    for (const { tensors } of file.parts) {
      const bytes = [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
      expect(bytes <= maxBytes || tensors.size === 1).toBe(true)
    }
    const whole = await openGguf(model)
    expect(await tensorsOf(file)).toEqual(await tensorsOf(whole))
    await whole.close()
    await file.close()
  })

  it.each([{}, { maxTensors: 0 }, { maxBytes: 1.5 }, { maxBytes: -1 }, { maxTensors: 1000 }, { maxBytes: 2 ** 40 }])(
    'is refused with limits %j',
    async (limits) => {
      await expect(split(limits)).rejects.toMatchObject({ code: 'PARAM_OUT_OF_RANGE' })
      expect(readdirSync(folder)).toEqual([])
    },
  )

  it('leaves no files when one cannot be written', async () => {
    const file = await openGguf(model)
    const tensors = [...file.tensors.values()]
    const { name, dtype, shape } = tensors.at(-1)!
    const broken = { name, dtype, shape, data: () => [new Uint8Array(1)] }
    const content = { metadata: file.metadata.entries(), tensors: [...tensors.slice(0, -1), broken] }
    const writing = writeGgufSplit(join(folder, 'set'), content, { maxTensors: 10 })
    await expect(writing).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
    expect(readdirSync(folder)).toEqual([])
    await file.close()
  })

  it('stays a set when one of its files is edited', async () => {
    const [first] = await split({ maxTensors: 10 })
    await editGgufFile(first!, first!, { set: [['general.name', text('edited')]] })
    const file = await openGguf(first!)
    expect(file.metadata.string('general.name')).toBe('edited')
    expect(file.parts.length).toBeGreaterThan(1)
    await file.close()
  })

  it('becomes one file when it is edited as a whole', async () => {
    const file = await openGguf((await split({ maxTensors: 10 }))[0]!)
    const edited = parseGguf(await bytesOf(editGguf(file, { remove: ['general.name'] })))
    const whole = await openGguf(model)
    expect(metadataOf(edited)).toEqual(metadataOf(whole).filter((entry) => (entry as string[])[0] !== 'general.name'))
    expect(edited.tensors.size).toBe(whole.tensors.size)
    await whole.close()
    await file.close()
  })

  it('is not merged when a file is missing, or counts differ', async () => {
    const paths = await split({ maxTensors: 10 })
    rmSync(paths[2]!)
    await expect(openGguf(paths[0]!)).rejects.toMatchObject({
      code: 'GGUF_SPLIT_MISSING',
      reason: expect.stringContaining(paths[2]!),
    })
    const blobs = paths.slice(0, 2).map((path) => new Blob([readFileSync(path)]))
    await expect(openGgufSet(blobs)).rejects.toMatchObject({ code: 'GGUF_SPLIT_MISSING' })
    const other = await bytesOf({
      metadata: [
        ['split.no', u16(1)],
        ['split.count', u16(2)],
      ],
      tensors: [],
    })
    await expect(openGgufSet([blobs[0]!, other])).rejects.toMatchObject({ code: 'GGUF_SPLIT_MISMATCH' })
  })

  it.each<[string, [string, GgufValueContent], string | null]>([
    ['a key that the first file lacks', ['extra', u16(1)], 'GGUF_SPLIT_MISMATCH'],
    ['a value that contradicts the first file', ['general.name', text('other')], 'GGUF_SPLIT_MISMATCH'],
    ['a value of another type', ['n', { type: 'u32', value: 1 }], 'GGUF_SPLIT_MISMATCH'],
    ['another array', ['list', { type: 'array', value: { itemType: 'u8', items: [2] } }], 'GGUF_SPLIT_MISMATCH'],
    ['the same value', ['general.name', text('name')], null],
    ['the same array', ['list', { type: 'array', value: { itemType: 'u8', items: [1] } }], null],
    ['an alignment of its own', ['general.alignment', { type: 'u32', value: 64 }], null],
  ])('merges or refuses %s in a later file', async (_, extra, code) => {
    const metadata: [string, GgufValueContent][] = [
      ['general.name', text('name')],
      ['n', u16(1)],
      ['list', { type: 'array', value: { itemType: 'u8', items: [1] } }],
    ]
    const tensors = ['a', 'b'].map((name) => ({ name, dtype: 'F32' as const, shape: [3], data: new Uint8Array(12) }))
    const [first, second] = splitGguf({ metadata, tensors }, { maxTensors: 1 })
    const later = { ...second!, metadata: [...second!.metadata, extra] }
    const file = await openGgufSet([await bytesOf(first!), await bytesOf(later)])
    if (code !== null) return expect(() => mergeGguf(file)).toThrow(expect.objectContaining({ code }))
    const merged = parseGguf(await bytesOf(mergeGguf(file)))
    expect([...merged.metadata.keys()]).toEqual(['general.name', 'n', 'list'])
    expect([...merged.tensors.keys()]).toEqual(['a', 'b'])
  })
})

it('a file with bytes that nothing describes is edited without them', async () => {
  const path = join(folder, 'trailing.gguf')
  writeFileSync(path, Buffer.concat([readFileSync(model), Buffer.from('0123456789')]))
  await editGgufFile(path, path, {})
  expect(readFileSync(path).equals(readFileSync(model))).toBe(true)
})
