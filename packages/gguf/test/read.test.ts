import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openGguf, parseGguf } from '@fak/gguf'
import { openGguf as openPath } from '@fak/gguf/node'
import { type ByteSource, bytesSource, readRows } from '@fak/tensor'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { array, entry, file, info, raw, str, TYPE, u8, u32, u64 } from './build.js'

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url))
const modelPath = `${fixtures}models/tied/model.f32.gguf`
const modelBytes = readFileSync(modelPath)

/** A source that lets nobody take all bytes at once, and counts. */
function counted(bytes: Uint8Array): { source: ByteSource; reads: number[] } {
  const reads: number[] = []
  const inner = bytesSource(bytes)
  const source: ByteSource = {
    name: null,
    size: bytes.length,
    read(offset, length) {
      reads.push(length)
      return inner.read(offset, length)
    },
    close: () => inner.close(),
  }
  return { source, reads }
}

describe('a file of the official converter', () => {
  it.each([
    ['by path', () => openPath(modelPath)],
    ['from memory', () => openGguf(modelBytes)],
    ['from a Blob', () => openGguf(new Blob([modelBytes]))],
    ['from a source', () => openGguf(counted(modelBytes).source)],
  ])('opens %s', async (_, open) => {
    const model = await open()
    expect(model).toMatchObject({ version: 3, alignment: 32, size: modelBytes.length, trailingBytes: 0, parts: [] })
    expect(model.metadata.string('general.architecture')).toBe('qwen35')
    const embedding = model.tensors.get('token_embd.weight')!
    expect(embedding).toMatchObject({ dtype: 'F32', shape: [320, 48], byteLength: 320 * 48 * 4 })
    const row = await readRows(embedding, { start: 3, end: 4 })
    expect([...row]).toEqual(Array.from(row, (_, i) => modelBytes.readFloatLE(embedding.offset + (3 * 48 + i) * 4)))
    await model.close()
  })

  it('knows the keys of the architecture with their types', () => {
    const { metadata } = parseGguf(modelBytes)
    const blocks = metadata.known('qwen35.block_count')
    const sections = metadata.known('qwen35.rope.dimension_sections')
    const recurrent = metadata.known('qwen35.attention.recurrent_layers')
    const tokens = metadata.known('tokenizer.ggml.tokens')
    expectTypeOf(blocks).toEqualTypeOf<number | undefined>()
    expectTypeOf(recurrent).toEqualTypeOf<boolean[] | undefined>()
    expectTypeOf(tokens).toEqualTypeOf<string[] | undefined>()
    expect(blocks).toBe(4)
    expect([...sections!]).toEqual([2, 1, 1, 0])
    expect(recurrent).toEqual([true, true, true, false])
    expect(tokens).toHaveLength(320)
    expect(metadata.known('qwen35moe.expert_count')).toBeUndefined()
  })
})

describe('metadata', () => {
  const { metadata } = parseGguf(
    file({
      entries: [
        entry('u8', TYPE.u8, u8(255)),
        entry('i8', TYPE.i8, raw([0x80])),
        entry('u16', TYPE.u16, raw([0xff, 0xff])),
        entry('i16', TYPE.i16, raw([0, 0x80])),
        entry('u32', TYPE.u32, u32(2 ** 32 - 1)),
        entry('i32', TYPE.i32, u32(2 ** 31)),
        entry('f32', TYPE.f32, raw([0, 0, 0x80, 0xbf])),
        entry('bool', TYPE.bool, u8(1)),
        entry('string', TYPE.string, ...str('\ufeffé')),
        entry('u64', TYPE.u64, u64(2n ** 64n - 1n)),
        entry('small', TYPE.u64, u64(5)),
        entry('i64', TYPE.i64, u64(2n ** 63n)),
        entry('f64', TYPE.f64, raw([0, 0, 0, 0, 0, 0, 0xf0, 0x3f])),
        entry('__proto__', TYPE.string, ...str('own')),
        entry('constructor', TYPE.u8, u8(1)),
        entry('strings', TYPE.array, ...array(TYPE.string, 3, ...str('a'), ...str(''), ...str('\u{1f600}é'))),
        entry('bools', TYPE.array, ...array(TYPE.bool, 2, u8(0), u8(1))),
        entry('i16s', TYPE.array, ...array(TYPE.i16, 2, raw([0xff, 0xff]), raw([2, 0]))),
        entry('u64s', TYPE.array, ...array(TYPE.u64, 2, u64(1), u64(2n ** 53n))),
        entry('general.architecture', TYPE.u32, u32(1)),
      ],
    }),
    'm.gguf',
  )

  it('gives each value as it is stored', () => {
    const { u8, i8, u16, i16, u32, i32, f32, bool, string, u64, i64, f64 } = Object.fromEntries(metadata)
    expect([u8, i8, u16, i16, u32, i32, f32]).toEqual([255, -128, 65535, -32768, 4294967295, -2147483648, -1])
    expect([bool, string, u64, i64, f64]).toEqual([true, '\ufeffé', 2n ** 64n - 1n, -(2n ** 63n), 1])
  })

  it('keeps names that objects use as ordinary keys', () => {
    expect([metadata.string('__proto__'), metadata.number('constructor'), metadata.has('toString')]).toEqual([
      'own',
      1,
      false,
    ])
    expect(metadata.get('toString')).toBeUndefined()
  })

  it('converts within a kind and never between kinds', () => {
    expect([metadata.number('u32'), metadata.number('f64'), metadata.number('small')]).toEqual([4294967295, 1, 5])
    expect([metadata.bigint('i64'), metadata.bigint('i8')]).toEqual([-(2n ** 63n), -128n])
    expect(() => metadata.number('u64')).toThrow(/GGUF_NUMBER_TOO_LARGE/)
    for (const act of [
      () => metadata.number('string'),
      () => metadata.number('bool'),
      () => metadata.number('i16s'),
      () => metadata.bigint('f32'),
      () => metadata.string('u8'),
      () => metadata.boolean('u8'),
      () => metadata.array('u8'),
      () => metadata.strings('i16s'),
      () => metadata.stringBytes('i16s'),
      () => metadata.numbers('strings'),
      () => metadata.numbers('bools'),
      () => metadata.booleans('u8'),
      () => metadata.known('general.architecture'),
    ]) {
      expect(act).toThrow(/^m\.gguf: .* at byte \d+\) \[GGUF_WRONG_TYPE\]$/)
    }
  })

  it('is undefined for a key that is absent, whatever is asked', () => {
    const { metadata: none } = parseGguf(file())
    expect([none.string('k'), none.number('k'), none.bigint('k'), none.boolean('k'), none.array('k')]).toEqual(
      Array(5).fill(undefined),
    )
    expect([none.strings('k'), none.numbers('k'), none.booleans('k'), none.entry('k')]).toEqual(
      Array(4).fill(undefined),
    )
  })

  it('decodes arrays when asked', () => {
    expect(metadata.strings('strings')).toEqual(['a', '', '\u{1f600}é'])
    expect(metadata.array('strings')?.toArray(2)).toEqual(['a', ''])
    expect(metadata.array('bools')?.toArray(1)).toEqual([false])
    expect(metadata.array('i16s')?.toArray(9)).toEqual(Int16Array.of(-1, 2))
    const { length, bytes, starts, ends } = metadata.stringBytes('strings')!
    expect(Array.from({ length }, (_, i) => new TextDecoder().decode(bytes.subarray(starts[i], ends[i])))).toEqual(
      metadata.strings('strings'),
    )
    expect(metadata.booleans('bools')).toEqual([false, true])
    expect(metadata.numbers('i16s')).toEqual(Int16Array.of(-1, 2))
    expect(metadata.array('u64s')).toMatchObject({ itemType: 'u64', length: 2 })
    expect(metadata.array('u64s')!.toArray()).toEqual(BigUint64Array.of(1n, 2n ** 53n))
    expect(() => metadata.numbers('u64s')).toThrow(/u64s\[1\] at byte \d+\) \[GGUF_NUMBER_TOO_LARGE\]/)
  })

  it('knows where each pair lies', () => {
    expect(metadata.entry('u8')).toEqual({ type: 'u8', value: 255, offset: 24, valueOffset: 38 })
  })
})

describe('shapes', () => {
  it('have the slowest dimension first', () => {
    const infos = [info({ dimensions: [8, 3, 2, 1] })]
    expect(parseGguf(file({ infos, data: 192 })).tensors.get('t')!.shape).toEqual([1, 2, 3, 8])
  })
})

describe('a vocabulary of a quarter of a million tokens', () => {
  const COUNT = 248_320
  const encoder = new TextEncoder()
  const words = Array.from({ length: COUNT }, (_, i) =>
    i % 1000 === 0 ? `é\u{1f600}${i}` : i % 7 === 0 ? `Ġ${i}` : `token${i}`,
  )
  const items = new Uint8Array(COUNT * 32)
  let filled = 0
  for (const word of words) {
    const { written } = encoder.encodeInto(word, items.subarray(filled + 8))
    new DataView(items.buffer).setBigUint64(filled, BigInt(written), true)
    filled += 8 + written
  }
  const bytes = file({
    entries: [
      entry('tokenizer.ggml.tokens', TYPE.array, ...array(TYPE.string, COUNT, raw(items.subarray(0, filled)))),
      entry('tokenizer.ggml.merges', TYPE.array, ...array(TYPE.string, COUNT, raw(items.subarray(0, filled)))),
      entry('long', TYPE.array, ...array(TYPE.string, 3, ...str('x'), ...str('é'.repeat(100_000)), ...str('y'))),
    ],
    infos: [info()],
    data: 32,
  })

  it('is parsed and decoded quickly', () => {
    const cpu = (): number => process.cpuUsage().user / 1000
    const start = cpu()
    const model = parseGguf(bytes)
    const parsed = cpu()
    const tokens = model.metadata.strings('tokenizer.ggml.tokens')
    const decoded = cpu()
    expect(tokens).toEqual(words)
    expect(model.metadata.strings('long')).toEqual(['x', 'é'.repeat(100_000), 'y'])
    // About 50 and 40 ms of processor time on an idle machine; the limits leave room for a slow or busy one.
    expect(parsed - start).toBeLessThan(500)
    expect(decoded - parsed).toBeLessThan(500)
  })

  it('is read in few pieces, and no byte twice', async () => {
    const { source, reads } = counted(bytes)
    const model = await openGguf(source)
    expect(model.metadata.strings('tokenizer.ggml.merges')).toEqual(words)
    expect(reads.length).toBeLessThan(10)
    expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(bytes.length)
  })
})

describe('opening', () => {
  it('closes a source that it made, and not one that it was given', async () => {
    let closed = 0
    const broken = bytesSource(new Uint8Array(3))
    const source: ByteSource = { ...broken, close: async () => void closed++ }
    await expect(openGguf(source)).rejects.toMatchObject({ code: 'GGUF_TRUNCATED' })
    expect(closed).toBe(0)
    await (await openGguf({ ...source, size: 24, bytes: file(), read: bytesSource(file()).read })).close()
    expect(closed).toBe(1)
  })

  it('stops with the reason of the signal', async () => {
    const reason = new Error('stop')
    await expect(openGguf(new Blob([modelBytes]), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
