// The malformed inputs S1 to S26: each broken file has one defect, and beside it stands a sibling without it that opens.

import { MAX_DIMENSIONS, MAX_HEADER_BYTES, MAX_JSON_DEPTH, openSafetensors, parseSafetensors } from '@fak/safetensors'
import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { bounded } from '../../tensor/test/bounded.js'
import { file, fileOf, tensor } from './build.js'

interface Expected {
  code: string
  offset?: number
  field?: RegExp
  reason?: RegExp
}
type Case = [name: string, broken: Uint8Array, sibling: Uint8Array, expected: Expected]

const two = (value: number): bigint => 2n ** BigInt(value)
const ok = file({ t: tensor('F32', [2, 2], [0, 16]) }, 16)
const one = (fields: { dtype?: unknown; shape?: unknown; offsets?: unknown }, data = 16): Uint8Array =>
  file({ t: tensor(fields.dtype ?? 'F32', fields.shape ?? [2, 2], fields.offsets ?? [0, 16]) }, data)
/** A file whose one tensor has the given JSON texts as shape and offsets, so that they can be what no object holds. */
const literal = (shape: string, offsets = '[0,16]', dtype = '"F32"'): Uint8Array =>
  fileOf(`{"t":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}}`, 16)
const length = (declared: bigint): Uint8Array => fileOf('{}', 0, declared)
const bigEndian = (): Uint8Array => {
  const bytes = ok.slice()
  bytes.subarray(0, 8).reverse()
  return bytes
}
const notUtf8 = new TextEncoder().encode('{"a?":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}')
notUtf8[3] = 0xff
const deep = (depth: number): Uint8Array =>
  fileOf(`{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":${'['.repeat(depth)}${']'.repeat(depth)}}}`, 1)
const pair = (a: [number, number], b: [number, number], data: number): Uint8Array =>
  file({ a: tensor('U8', [a[1] - a[0]], a), b: tensor('U8', [b[1] - b[0]], b) }, data)
const weights = (count: number, place: (i: number) => number): Uint8Array =>
  file(
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`w${i}`, tensor('U8', [16], [place(i), place(i) + 16])]),
    ),
    16 * count,
  )
const fullPair = pair([0, 8], [8, 16], 16)

const cases: Case[] = [
  ['S1 0 bytes', new Uint8Array(0), fileOf('{}', 0), { code: 'ST_TRUNCATED', reason: /\b0 bytes/ }],
  ['S1 7 bytes', ok.subarray(0, 7), ok, { code: 'ST_TRUNCATED', reason: /\b7 bytes/ }],
  ['S2 header length 0', fileOf('', 4), fileOf('{}', 0), { code: 'ST_BAD_HEADER', offset: 0 }],
  ...[two(64) - 1n, two(63), 100_000_001n].map(
    (declared): Case => [
      `S3 header length ${declared}`,
      length(declared),
      length(2n),
      { code: 'ST_HEADER_TOO_LARGE', offset: 0 },
    ],
  ),
  ['S4 header length one past the end', length(3n), length(2n), { code: 'ST_TRUNCATED' }],
  ['S5 header length big-endian', bigEndian(), ok, { code: 'ST_HEADER_TOO_LARGE', reason: /byte order/ }],
  [
    'S6 not UTF-8',
    fileOf(notUtf8, 1),
    fileOf('{"aé":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1),
    { code: 'ST_BAD_UTF8', offset: 8 + 3 },
  ],
  [
    'S6 half a surrogate pair',
    fileOf('{"\\ud83d":{}}', 0),
    fileOf('{"\\ud83d\\ude00":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0),
    { code: 'ST_BAD_UTF8', offset: 8 + 2 },
  ],
  ['S6 a low surrogate first', fileOf('{"\\ude00\\ud83d":{}}', 0), ok, { code: 'ST_BAD_UTF8' }],
  ...(
    [
      ['no JSON', 'hello', 0],
      ['an array', '[]', 0],
      ['a string', '"t"', 0],
      ['null', 'null', 0],
      ['a number', '7', 0],
      ['spaces only', '   ', 3],
      ['an object that does not end', '{', 1],
      ['a comma before the end', '{"a":1,}', 5],
      ['a missing colon', '{"__metadata__" {}}', 16],
      ['a missing comma', '{"__metadata__":{"a":"b""c":"d"}}', 24],
      ['a name without quotes', '{t:{}}', 1],
      ['text after the object', '{}x', 2],
      ['a NUL after the object', '{}\0', 2],
      ['an escape that JSON lacks', '{"\\x41":{}}', 3],
      ['an escape cut short', '{"\\u00', 3],
      ['a raw line break in a string', '{"a\nb":{}}', 3],
      ['a string that does not end', '{"abc', 5],
      ['a tensor that is a string', '{"t":"F32"}', 5],
      ['an unknown field that is no value', '{"t":{"x":tru}}', 10],
      ['an unknown field with a number of JavaScript', '{"t":{"x":0x10}}', 10],
      ['an unknown field with a leading zero', '{"t":{"x":01}}', 10],
    ] as const
  ).map(
    ([name, json, at]): Case => [
      `S7 ${name}`,
      fileOf(json, 0),
      fileOf('{}', 0),
      { code: 'ST_BAD_HEADER', offset: 8 + at },
    ],
  ),
  [
    'S8 two equal names',
    fileOf(
      '{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0074":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
      2,
    ),
    fileOf(
      '{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0075":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
      2,
    ),
    { code: 'ST_DUPLICATE_NAME', offset: 61, field: /t/, reason: /byte 9\b.*byte 61\b/ },
  ],
  [
    'S8 two metadata keys',
    fileOf('{"__metadata__":{"a":"","a":""}}', 0),
    fileOf('{"__metadata__":{"a":"","b":""}}', 0),
    { code: 'ST_DUPLICATE_NAME' },
  ],
  [
    'S8 dtype twice',
    fileOf('{"t":{"dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1]}}', 1),
    literal('[4]'),
    { code: 'ST_DUPLICATE_NAME' },
  ],
  ...['1', '{}', 'null', '["a"]'].flatMap((value): Case[] => [
    [
      `S9 metadata with ${value} as value`,
      fileOf(`{"__metadata__":{"k":${value}}}`, 0),
      fileOf('{"__metadata__":{"k":"1"}}', 0),
      { code: 'ST_BAD_METADATA', field: /k/ },
    ],
    ...(value === '{}'
      ? []
      : [
          [
            `S9 metadata that is ${value}`,
            fileOf(`{"__metadata__":${value}}`, 0),
            fileOf('{"__metadata__":{}}', 0),
            { code: 'ST_BAD_METADATA' },
          ] as Case,
        ]),
  ]),
  ['S10 nested 100,000 deep', deep(100_000), deep(10), { code: 'ST_TOO_DEEP' }],
  ['S10 one level too deep', deep(MAX_JSON_DEPTH - 1), deep(MAX_JSON_DEPTH - 2), { code: 'ST_TOO_DEEP' }],
  ...['F128', 'f32', 'F32 ', 'toString', ''].map(
    (dtype): Case => [`S11 dtype ${JSON.stringify(dtype)}`, one({ dtype }), ok, { code: 'ST_BAD_DTYPE', field: /^t$/ }],
  ),
  ...[32, null, ['F32']].map(
    (dtype): Case => [
      `S11 dtype ${JSON.stringify(dtype)}`,
      file({ t: tensor(dtype, [2, 2], [0, 16]) }, 16),
      ok,
      { code: 'ST_BAD_DTYPE', field: /^t$/ },
    ],
  ),
  ['S11 no dtype', fileOf('{"t":{"shape":[4],"data_offsets":[0,16]}}', 16), ok, { code: 'ST_BAD_DTYPE', field: /^t$/ }],
  ...['[-1]', '[1.5]', '[4e0]', '[1e3]', '["2"]', 'null', '4', '[[4]]', '[04]', '[+4]', '[-0]', '[4.0]', '[true]'].map(
    (shape): Case => [`S12 shape ${shape}`, literal(shape), literal('[4]'), { code: 'ST_BAD_SHAPE', field: /^t$/ }],
  ),
  [
    'S12 more dimensions than allowed',
    literal(`[4${',1'.repeat(MAX_DIMENSIONS)}]`),
    literal(`[4${',1'.repeat(MAX_DIMENSIONS - 1)}]`),
    { code: 'ST_BAD_SHAPE' },
  ],
  ['S12 no shape', fileOf('{"t":{"dtype":"F32","data_offsets":[0,16]}}', 16), ok, { code: 'ST_BAD_SHAPE' }],
  [
    'S13 shape that a double rounds',
    literal('[2,18446744073709551614]'),
    literal('[2,2]'),
    { code: 'ST_TENSOR_TOO_LARGE', reason: /18446744073709551614/ },
  ],
  ['S13 shape beyond 64 bits', literal('[18446744073709551616]'), literal('[4]'), { code: 'ST_TENSOR_TOO_LARGE' }],
  [
    'S13 shape of a million digits',
    literal(`[${'9'.repeat(1_000_000)}]`),
    literal('[4]'),
    { code: 'ST_TENSOR_TOO_LARGE' },
  ],
  [
    'S14 byte count that wraps',
    literal('[2,9223372036854775807]', '[0,16]', '"I32"'),
    literal('[2,2]', '[0,16]', '"I32"'),
    { code: 'ST_TENSOR_TOO_LARGE' },
  ],
  ['S14 byte count beyond 2^53', literal('[94906266,94906266]'), ok, { code: 'ST_TENSOR_TOO_LARGE' }],
  ...[
    '[16]',
    '[]',
    '[0,16,32]',
    '["0","16"]',
    '[-1,15]',
    '[0.0,16]',
    '16',
    'null',
    '{"0":0,"1":16}',
    '[0,18446744073709551616]',
  ].map(
    (offsets): Case => [
      `S15 data_offsets ${offsets}`,
      literal('[4]', offsets),
      literal('[4]'),
      { code: 'ST_BAD_OFFSETS', field: /^t$/ },
    ],
  ),
  ['S15 no data_offsets', fileOf('{"t":{"dtype":"F32","shape":[4]}}', 16), ok, { code: 'ST_BAD_OFFSETS' }],
  ['S16 begin after end', one({ offsets: [16, 0] }), ok, { code: 'ST_BAD_OFFSETS', reason: /16.*0/ }],
  ['S17 size and shape disagree', one({ shape: [2, 3] }), ok, { code: 'ST_SIZE_MISMATCH', reason: /24 bytes.*16/ }],
  [
    'S18 ten weights on the same bytes',
    weights(10, () => 0),
    weights(10, (i) => 16 * i),
    { code: 'ST_OVERLAP', reason: /w1 overlaps w0/ },
  ],
  ['S19 overlap by one byte', pair([0, 8], [7, 15], 15), fullPair, { code: 'ST_OVERLAP', reason: /b overlaps a/ }],
  ['S20 hole between two', pair([0, 8], [9, 17], 17), fullPair, { code: 'ST_HOLE', field: /b/ }],
  ['S21 first starts at 8', one({ offsets: [8, 24] }, 24), ok, { code: 'ST_HOLE' }],
  ['S22 bytes after the last tensor', one({}, 17), one({}, 16), { code: 'ST_TRAILING_DATA', reason: /\b1 bytes/ }],
  ['S22 bytes without any tensor', fileOf('{}', 1), fileOf('{}', 0), { code: 'ST_TRAILING_DATA' }],
  [
    'S23 two bytes missing',
    one({}, 14),
    one({}, 16),
    { code: 'ST_TRUNCATED', reason: new RegExp(`byte ${ok.length}, the file has ${ok.length - 2} bytes`) },
  ],
  ...(['F4', 'F6_E2M3', 'F6_E3M2'] as const).map(
    (dtype): Case => [
      `S25 ${dtype} that does not fill a byte`,
      file({ t: tensor(dtype, [3], [0, 2]) }, 2),
      file({ t: tensor(dtype, [4], [0, dtype === 'F4' ? 2 : 3]) }, dtype === 'F4' ? 2 : 3),
      { code: 'ST_SIZE_MISMATCH' },
    ],
  ),
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
    const error = bounded(() => failureOf(() => parseSafetensors(broken, 'm.safetensors')))
    expect(error.code).toBe(code)
    if (offset !== undefined) expect(error.offset).toBe(offset)
    if (field !== undefined) expect(error.field).toMatch(field)
    if (reason !== undefined) expect(error.reason).toMatch(reason)
    expect(error.message).toMatch(/^m\.safetensors: .* \[ST_[A-Z0-9_]+\]$/s)

    const streamed: unknown = await openSafetensors(new Blob([new Uint8Array(broken)])).catch(
      (thrown: unknown) => thrown,
    )
    expect(streamed).toMatchObject({ code: error.code, offset: error.offset, reason: error.reason })

    bounded(() => parseSafetensors(sibling))
  })

  it('the limit of the header from both sides', () => {
    // An object, and spaces up to the length: legal padding.
    const padded = (bytes: number): Uint8Array => {
      const text = new Uint8Array(bytes).fill(0x20)
      text.set(new TextEncoder().encode('{}'))
      return fileOf(text, 0)
    }
    expect(parseSafetensors(padded(MAX_HEADER_BYTES)).tensors.size).toBe(0)
    expect(failureOf(() => parseSafetensors(padded(MAX_HEADER_BYTES + 1))).code).toBe('ST_HEADER_TOO_LARGE')
  })
})

describe('S24 accepted', () => {
  const cases: [string, Uint8Array][] = [
    ['trailing spaces', fileOf('{"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}   ', 2)],
    [
      'white space before and inside',
      fileOf(' \n\t\r{ "t" : { "dtype" : "U8" , "shape" : [ 2 ] , "data_offsets" : [ 0 , 2 ] } }', 2),
    ],
    ['fields in another order', fileOf('{"t":{"data_offsets":[0,2],"shape":[2],"dtype":"U8"}}', 2)],
    [
      'unknown fields',
      fileOf('{"t":{"x":[1,-2.5e-3,{"y":null}],"dtype":"U8","shape":[2],"data_offsets":[0,2],"z":true}}', 2),
    ],
    ['tensors out of offset order', file({ u: tensor('U8', [1], [2, 3]), t: tensor('U8', [2], [0, 2]) }, 3)],
    ['a zero-size tensor', file({ u: tensor('F64', [0, 7], [2, 2]), t: tensor('U8', [2], [0, 2]) }, 2)],
    [
      'a huge zero-size tensor',
      file({ u: tensor('F64', [2 ** 52, 0, 2 ** 52], [0, 0]), t: tensor('U8', [2], [0, 2]) }, 2),
    ],
    ['a scalar', file({ s: tensor('U8', [], [2, 3]), t: tensor('U8', [2], [0, 2]) }, 3)],
  ]
  it.each(cases)('%s', async (_, bytes) => {
    const found = parseSafetensors(bytes).tensors.get('t')!
    expect(found).toMatchObject({ dtype: 'U8', shape: [2], byteLength: 2 })
    expect(await found.source.read(found.offset, 2)).toEqual(Uint8Array.of(0, 1))
  })

  it('keeps the order of the header, whatever the order of the data', () => {
    const bytes = file({ u: tensor('U8', [1], [2, 3]), t: tensor('U8', [2], [0, 2]) }, 3)
    expect([...parseSafetensors(bytes).tensors.keys()]).toEqual(['u', 't'])
  })
})

describe('S26 names that objects use', () => {
  it('are ordinary names, and no prototype changes', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', ' ', '\0', 'é', 'e\u0301']
    const members = names.map(
      (name, i) => `${JSON.stringify(name)}:{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
    )
    const model = parseSafetensors(fileOf(`{"__metadata__":{"__proto__":"x"},${members.join(',')}}`, names.length))
    expect([...model.tensors.keys()]).toEqual(names)
    expect(model.metadata.get('__proto__')).toBe('x')
    expect(model.tensors.get('valueOf')).toBeUndefined()
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})
