// The malformed inputs G1 to G50: each broken file has one defect, and beside it stands a sibling without it that opens.

import { openGguf, parseGguf } from '@fak/gguf'
import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { bounded } from '../../tensor/test/bounded.js'
import { alignmentEntry, architecture, array, entry, file, info, raw, str, TYPE, text, u8, u32, u64 } from './build.js'

interface Expected {
  code: string | string[]
  offset?: number
  field?: RegExp
  reason?: RegExp
}
type Case = [name: string, broken: Uint8Array, sibling: Uint8Array, expected: Expected]

const two = (value: number): bigint => 2n ** BigInt(value)
const MAX_U64 = two(64) - 1n
const bytesOf = (value: string): Uint8Array => text(value).bytes
const empty = file()
/** One tensor of eight floats. */
const one = (fields: Parameters<typeof info>[0] = {}, data = 32): Uint8Array => file({ infos: [info(fields)], data })
/** Two tensors of eight floats, the second at the given place. */
const pair = (offset: number, data: number, second = 'b'): Uint8Array =>
  file({ infos: [info({ name: 'a' }), info({ name: second, offset })], data })
const withEntry = (...parts: Parameters<typeof entry>): Uint8Array => file({ entries: [entry(...parts)] })
const aligned = (alignment: number): Uint8Array =>
  file({ entries: [alignmentEntry(alignment)], infos: [info()], alignment: Math.max(alignment, 1), data: 32 })

/** `count` strings as an array value; the last may state another length. */
const strings = (count: number, last: number): Uint8Array => {
  const item = new Uint8Array(9)
  item[0] = 1
  item[8] = 0x61
  const items = new Uint8Array(9 * count)
  for (let i = 0; i < count; i++) items.set(item, 9 * i)
  items[9 * (count - 1)] = last
  return withEntry('tokens', TYPE.array, ...array(TYPE.string, count, raw(items)))
}

const FIRST_INFO = 24
const DIMENSIONS = FIRST_INFO + 8 + 1

const cases: Case[] = [
  ['G1 empty file', new Uint8Array(0), empty, { code: 'GGUF_TRUNCATED', offset: 0, reason: /\b0 bytes/ }],
  ['G2 only the magic', bytesOf('GGUF'), empty, { code: 'GGUF_TRUNCATED', offset: 4, field: /version/ }],
  ['G3 magic FUGG', file({ magic: 'FUGG' }), empty, { code: 'GGUF_BAD_MAGIC', offset: 0, reason: /46 55 47 47/ }],
  [
    'G3 a ZIP',
    bytesOf('PK\x03\x04 and so on'),
    empty,
    { code: 'GGUF_BAD_MAGIC', reason: /50 4b 03 04.*looks like ZIP/ },
  ],
  [
    'G3 a PNG',
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10),
    empty,
    { code: 'GGUF_BAD_MAGIC', reason: /looks like PNG/ },
  ],
  ['G3 an HTML page', bytesOf('<!DOCTYPE html><p>404'), empty, { code: 'GGUF_BAD_MAGIC', reason: /looks like HTML/ }],
  [
    'G3 a safetensors file',
    Uint8Array.of(64, 0, 0, 0, 0, 0, 0, 0, 0x7b),
    empty,
    { code: 'GGUF_BAD_MAGIC', reason: /looks like safetensors/ },
  ],
  ['G4 version 0', file({ version: u32(0) }), empty, { code: 'GGUF_BAD_VERSION', offset: 4 }],
  [
    'G5 version 1',
    file({ version: u32(1) }),
    file({ version: u32(2) }),
    { code: 'GGUF_BAD_VERSION', reason: /version 1 is not supported/ },
  ],
  ['G6 version 4', file({ version: u32(4) }), empty, { code: 'GGUF_BAD_VERSION', reason: /newest supported is 3/ }],
  [
    'G6 version 2^31',
    file({ version: u32(2 ** 31) }),
    empty,
    { code: 'GGUF_BAD_VERSION', reason: /newest supported is 3/ },
  ],
  ['G7 big-endian', file({ version: raw([0, 0, 0, 3]) }), empty, { code: 'GGUF_BIG_ENDIAN', offset: 4 }],
  [
    'G8 more tensors than the bytes left can describe',
    file({ tensorCount: 3, entries: [architecture()] }),
    file({ entries: [architecture()] }),
    { code: 'GGUF_COUNT_TOO_LARGE', offset: 8, reason: /\b54 bytes left/ },
  ],
  ...[MAX_U64, two(32), 10n ** 9n].flatMap((count): Case[] => [
    [
      `G8 ${count} tensors`,
      file({ tensorCount: count }),
      empty,
      { code: 'GGUF_COUNT_TOO_LARGE', offset: 8, reason: /\b8 bytes left/ },
    ],
    [
      `G9 ${count} keys`,
      file({ keyCount: count }),
      empty,
      { code: 'GGUF_COUNT_TOO_LARGE', offset: 16, reason: /\b0 bytes left/ },
    ],
  ]),
  [
    'G10 one key more than present',
    file({ entries: [architecture()], keyCount: 2 }),
    file({ entries: [architecture()] }),
    { code: 'GGUF_TRUNCATED', offset: 24 + 46 },
  ],
  [
    'G12 key length 2^64-1',
    file({ entries: [[...str('k', MAX_U64), u32(0), u8(1)]] }),
    withEntry('k', 0, u8(1)),
    { code: 'GGUF_STRING_TOO_LONG', offset: 24 },
  ],
  [
    'G13 key one byte past the end',
    file({ entries: [str('k'.repeat(20), 21)] }),
    withEntry('k'.repeat(7), 0, u8(1)),
    { code: 'GGUF_TRUNCATED', offset: 32 },
  ],
  [
    'G14 empty key',
    withEntry('', 0, u8(1)),
    withEntry('k', 0, u8(1)),
    { code: 'GGUF_EMPTY_KEY', offset: 24, field: /\b0\b/ },
  ],
  [
    'G15 two equal keys',
    file({ entries: [entry('key', 0, u8(1)), entry('key', 0, u8(1))] }),
    file({ entries: [entry('key', 0, u8(1)), entry('kez', 0, u8(1))] }),
    { code: 'GGUF_DUPLICATE_KEY', offset: 40, field: /key/, reason: /byte 24\b.*byte 40\b/ },
  ],
  [
    'G16 key that is not UTF-8',
    file({ entries: [[...str(Uint8Array.of(0x61, 0xc3, 0x28)), u32(0), u8(1)]] }),
    withEntry('é', 0, u8(1)),
    { code: 'GGUF_BAD_UTF8', offset: 33 },
  ],
  [
    'G16 string that is not UTF-8',
    withEntry('k', TYPE.string, ...str(Uint8Array.of(0xed, 0xa0, 0x80))),
    withEntry('k', TYPE.string, ...str('퟿')),
    { code: 'GGUF_BAD_UTF8', offset: 45 },
  ],
  [
    'G16 array item that is not UTF-8',
    withEntry('k', TYPE.array, ...array(TYPE.string, 1, ...str(Uint8Array.of(0xff)))),
    withEntry('k', TYPE.array, ...array(TYPE.string, 1, ...str('x'))),
    { code: 'GGUF_BAD_UTF8', field: /k\[0\]/ },
  ],
  [
    'G16 tensor name that is not UTF-8',
    one({ name: Uint8Array.of(0xc0, 0x80) }),
    one({ name: 'é' }),
    { code: 'GGUF_BAD_UTF8', offset: 32 },
  ],
  ...[13, 255, 2 ** 32 - 1].map(
    (type): Case => [
      `G17 value type ${type}`,
      withEntry('k', type, u64(0)),
      withEntry('k', 12, u64(0)),
      { code: 'GGUF_BAD_VALUE_TYPE', offset: 33, field: /k/ },
    ],
  ),
  [
    'G18 string of 2^40 bytes',
    withEntry('k', TYPE.string, ...str('v', two(40))),
    withEntry('k', TYPE.string, ...str('v')),
    { code: 'GGUF_STRING_TOO_LONG', offset: 37 },
  ],
  [
    'G19 2^61 strings',
    withEntry('k', TYPE.array, ...array(TYPE.string, two(61))),
    withEntry('k', TYPE.array, ...array(TYPE.string, 0)),
    { code: 'GGUF_ARRAY_TOO_LONG', offset: 41 },
  ],
  [
    'G20 2^40 bytes',
    withEntry('k', TYPE.array, ...array(TYPE.u8, two(40), u8(1))),
    withEntry('k', TYPE.array, ...array(TYPE.u8, 1, u8(1))),
    { code: 'GGUF_ARRAY_TOO_LONG', offset: 41 },
  ],
  [
    'G20 one item more than the file has',
    withEntry('k', TYPE.array, ...array(TYPE.u32, 2, u32(1))),
    withEntry('k', TYPE.array, ...array(TYPE.u32, 1, u32(1))),
    { code: 'GGUF_ARRAY_TOO_LONG', reason: /8 bytes, 4 are left/ },
  ],
  [
    'G21 array of arrays',
    withEntry('k', TYPE.array, ...array(TYPE.array, 1, ...array(TYPE.u8, 0))),
    withEntry('k', TYPE.array, ...array(TYPE.u8, 0)),
    { code: 'GGUF_NESTED_ARRAY', offset: 37 },
  ],
  [
    'G22 array of type 99',
    withEntry('k', TYPE.array, ...array(99, 0)),
    withEntry('k', TYPE.array, ...array(12, 0)),
    { code: 'GGUF_BAD_VALUE_TYPE', offset: 37 },
  ],
  [
    'G23 the last of 100,000 strings truncated',
    strings(100_000, 2),
    strings(100_000, 1),
    { code: 'GGUF_TRUNCATED', field: /tokens\[99999\]/ },
  ],
  [
    'G24 bool of 2',
    withEntry('k', TYPE.bool, u8(2)),
    withEntry('k', TYPE.bool, u8(1)),
    { code: 'GGUF_BAD_BOOL', offset: 37 },
  ],
  [
    'G24 bool of 2 in an array',
    withEntry('k', TYPE.array, ...array(TYPE.bool, 2, u8(1), u8(2))),
    withEntry('k', TYPE.array, ...array(TYPE.bool, 2, u8(1), u8(0))),
    { code: 'GGUF_BAD_BOOL', offset: 50, field: /k\[1\]/ },
  ],
  ['G25 alignment 0', aligned(0), aligned(32), { code: 'GGUF_BAD_ALIGNMENT', offset: 24 + 8 + 17 + 4 }],
  ['G26 alignment 13', aligned(13), aligned(16), { code: 'GGUF_BAD_ALIGNMENT' }],
  [
    'G27 alignment 2^30',
    file({ entries: [alignmentEntry(2 ** 30)] }),
    aligned(2 ** 20),
    { code: 'GGUF_BAD_ALIGNMENT' },
  ],
  ['G27 alignment 2^31', file({ entries: [alignmentEntry(2 ** 31)] }), aligned(64), { code: 'GGUF_BAD_ALIGNMENT' }],
  [
    'G28 alignment as i32',
    withEntry('general.alignment', TYPE.i32, u32(32)),
    withEntry('general.alignment', TYPE.u32, u32(32)),
    { code: 'GGUF_WRONG_TYPE', field: /general\.alignment/ },
  ],
  [
    'G28 alignment as string',
    withEntry('general.alignment', TYPE.string, ...str('32')),
    withEntry('general.alignment', TYPE.u32, u32(32)),
    { code: 'GGUF_WRONG_TYPE' },
  ],
  [
    'G30 empty tensor name',
    one({ name: '' }),
    one({ name: 'x' }),
    { code: 'GGUF_BAD_TENSOR_NAME', offset: FIRST_INFO },
  ],
  [
    'G30 tensor name of 64 bytes',
    one({ name: 'x'.repeat(64) }),
    one({ name: 'x'.repeat(63) }),
    { code: 'GGUF_BAD_TENSOR_NAME' },
  ],
  ['G30 tensor name of 2^64-1 bytes', one({ nameLength: MAX_U64 }), one(), { code: 'GGUF_BAD_TENSOR_NAME' }],
  [
    'G31 two tensors of one name',
    pair(32, 64, 'a'),
    pair(32, 64),
    { code: 'GGUF_DUPLICATE_TENSOR', offset: 57, reason: /byte 24\b.*byte 57\b/ },
  ],
  ...[0, 5, 2 ** 32 - 1].map(
    (count): Case => [
      `G32 ${count} dimensions`,
      one({ dimensionCount: count }),
      one({ dimensions: [2, 2, 2, 1] }),
      { code: 'GGUF_BAD_DIMS', offset: DIMENSIONS },
    ],
  ),
  ['G33 dimension -1', one({ dimensions: [MAX_U64] }), one(), { code: 'GGUF_BAD_SHAPE', offset: DIMENSIONS + 4 }],
  ['G33 dimension 2^48', one({ dimensions: [two(48)] }), one(), { code: 'GGUF_BAD_SHAPE' }],
  [
    'G34 product wraps',
    one({ dimensions: [two(33), two(33)] }),
    one({ dimensions: [4, 2] }),
    { code: 'GGUF_TENSOR_TOO_LARGE', field: /t/ },
  ],
  ...[
    ['I64', 27],
    ['F64', 28],
  ].map(
    ([name, type]): Case => [
      `G35 byte count of ${name} wraps`,
      one({ dimensions: [1_533_600_000, 1_533_600_000], type: type as number }),
      one({ dimensions: [2, 2], type: type as number }),
      { code: 'GGUF_TENSOR_TOO_LARGE' },
    ],
  ),
  [
    'G36 dimension 2^42+1',
    one({ dimensions: [two(42) + 1n] }),
    one(),
    { code: ['GGUF_TENSOR_OUT_OF_FILE', 'GGUF_TENSOR_TOO_LARGE'], field: /t/ },
  ],
  [
    'G36 dimension 2^42+1 of blocks',
    one({ dimensions: [two(42) + 1n], type: 8 }, 34),
    one({ dimensions: [32], type: 8 }, 34),
    { code: ['GGUF_TENSOR_OUT_OF_FILE', 'GGUF_TENSOR_TOO_LARGE'] },
  ],
  ...[43, 2 ** 32 - 1, 2 ** 31].map(
    (type): Case => [
      `G38 tensor type ${type}`,
      one({ type }),
      one({ type: 26 }),
      { code: 'GGUF_BAD_TENSOR_TYPE', offset: DIMENSIONS + 12, field: /t/ },
    ],
  ),
  ...[4, 5, 31, 32, 33, 36, 37, 38].map(
    (type): Case => [
      `G39 removed tensor type ${type}`,
      one({ type }),
      one({ type: 0 }),
      { code: 'GGUF_BAD_TENSOR_TYPE', reason: /removed/ },
    ],
  ),
  [
    'G41 a Q8_0 row of 31',
    one({ dimensions: [31], type: 8 }, 34),
    one({ dimensions: [32], type: 8 }, 34),
    { code: 'GGUF_ROW_NOT_BLOCK_MULTIPLE', reason: /31 .*32 / },
  ],
  [
    'G41 a Q4_K row of 255',
    one({ dimensions: [255], type: 12 }, 144),
    one({ dimensions: [256], type: 12 }, 144),
    { code: 'GGUF_ROW_NOT_BLOCK_MULTIPLE' },
  ],
  ['G42 offset 2^64-1', one({ offset: MAX_U64 }), one(), { code: 'GGUF_TENSOR_OUT_OF_FILE', offset: DIMENSIONS + 16 }],
  ['G43 misaligned offset', pair(33, 96), pair(32, 64), { code: 'GGUF_TENSOR_MISALIGNED', field: /b/ }],
  ['G44 same offset', pair(0, 64), pair(32, 64), { code: 'GGUF_TENSOR_OVERLAP', reason: /\bb\b.*\ba\b/ }],
  [
    'G45 starts inside the one before',
    file({ infos: [info({ name: 'a', dimensions: [16] }), info({ name: 'b', offset: 32 })], data: 96 }),
    file({ infos: [info({ name: 'a', dimensions: [16] }), info({ name: 'b', offset: 64 })], data: 96 }),
    { code: 'GGUF_TENSOR_OVERLAP', reason: /\bb\b.*\ba\b/ },
  ],
  ['G46 a hole of 1 MiB', pair(32 + 2 ** 20, 64 + 2 ** 20), pair(32, 64), { code: 'GGUF_TENSOR_GAP', field: /b/ }],
  ['G46 a hole before the first tensor', one({ offset: 32 }, 64), one(), { code: 'GGUF_TENSOR_GAP' }],
  [
    'G47 last tensor one byte past the end',
    one({}, 31),
    one({}, 32),
    { code: 'GGUF_TENSOR_OUT_OF_FILE', reason: /byte 96, the file has 95/ },
  ],
  [
    'G48 two tensors whose sizes add up to 2^64',
    file({
      infos: ['a', 'b'].map((name) => info({ name, dimensions: [64 * 524287, 274878431233], type: 24 })),
      data: 32,
    }),
    file({
      infos: ['a', 'b'].map((name, i) => info({ name, dimensions: [4, 2], type: 24, offset: 32 * i })),
      data: 40,
    }),
    { code: ['GGUF_TENSOR_TOO_LARGE', 'GGUF_TENSOR_OUT_OF_FILE'] },
  ],
]

const failureOf = (act: () => unknown): FakError => {
  try {
    act()
  } catch (error) {
    if (FakError.isInstance(error)) return error
    throw error
  }
  return expect.fail('the broken file opened')
}

describe('refused, with a sibling that opens', () => {
  it.each(cases)('%s', async (_, broken, sibling, { code, offset, field, reason }) => {
    const error = bounded(() => failureOf(() => parseGguf(broken, 'm.gguf')))
    expect([code].flat()).toContain(error.code)
    if (offset !== undefined) expect(error.offset).toBe(offset)
    if (field !== undefined) expect(error.field).toMatch(field)
    if (reason !== undefined) expect(error.reason).toMatch(reason)
    expect(error.message).toMatch(/^m\.gguf: .* \[GGUF_[A-Z0-9_]+\]$/s)

    // Piece by piece the same defect is found at the same place.
    const streamed: unknown = await openGguf(new Blob([new Uint8Array(broken)])).catch((thrown: unknown) => thrown)
    expect(streamed).toMatchObject({ code: error.code, offset: error.offset, field: error.field, reason: error.reason })

    bounded(() => parseGguf(sibling))
    await (await openGguf(new Blob([new Uint8Array(sibling)]))).close()
  })
})

describe('accepted', () => {
  it('G11 no keys and no tensors', () => {
    const model = parseGguf(empty)
    expect([model.metadata.size, model.tensors.size]).toEqual([0, 0])
  })

  it('G29 alignment 1', () => {
    const infos = [
      info({ name: 'a', dimensions: [3], type: 24 }),
      info({ name: 'b', dimensions: [5], type: 24, offset: 3 }),
    ]
    const model = parseGguf(file({ entries: [alignmentEntry(1)], infos, alignment: 1, data: 8 }))
    expect(model.tensors.get('b')!.offset).toBe(model.dataOffset + 3)
    expect(model.trailingBytes).toBe(0)
  })

  it('G37 a dimension of 0, with blocks and without', () => {
    for (const type of [0, 12]) {
      const infos = [info({ name: 'none', dimensions: [0, 3], type }), info({ name: 'some' })]
      const model = parseGguf(file({ infos, data: 32 }))
      expect(model.tensors.get('none')).toMatchObject({ shape: [3, 0], byteLength: 0 })
    }
  })

  it('G40 every type of the format, whether it can be run or not', () => {
    const removed = new Set([4, 5, 31, 32, 33, 36, 37, 38])
    for (let type = 0; type < 43; type++) {
      if (removed.has(type)) continue
      const model = parseGguf(one({ dimensions: [0], type }, 0))
      expect(model.tensors.get('t')!.dtype).toMatch(/^[A-Z]/)
    }
    expect(parseGguf(one({ dimensions: [256], type: 22 }, 82)).tensors.get('t')!.dtype).toBe('IQ2_S')
  })

  it('G49 no padding after the last tensor', () => {
    expect(parseGguf(one({ dimensions: [3], type: 24 }, 3)).trailingBytes).toBe(0)
    expect(parseGguf(one({ dimensions: [3], type: 24 }, 32)).trailingBytes).toBe(0)
  })

  it('G50 trailing data, and says how much', () => {
    expect(parseGguf(one({}, 42)).trailingBytes).toBe(10)
    expect(parseGguf(one({ dimensions: [3], type: 24 }, 42)).trailingBytes).toBe(10)
    expect(parseGguf(one({ dimensions: [3], type: 24 }, 13)).trailingBytes).toBe(10)
  })

  it('tensors whose data lies in another order than their descriptions', () => {
    expect(
      parseGguf(file({ infos: [info({ name: 'a', offset: 32 }), info({ name: 'b' })], data: 64 })).tensors.size,
    ).toBe(2)
  })
})
