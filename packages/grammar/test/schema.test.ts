// Schemas against ajv: every text that a grammar leads to must be valid, and values that are valid must be allowed.

import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormatsModule from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { type JsonSchema, jsonSchemaGrammar } from '../src/index.js'
import { AWKWARD, accepts, over, qwenSlice, random, say, textOf } from './tokens.js'

// A CommonJS module seen through ESM.
const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default
const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats(ajv)

const shape = (kind: string, properties: Record<string, JsonSchema>) => ({
  type: 'object',
  properties: { kind: { const: kind }, ...properties },
  required: ['kind'],
})

const schemas: Record<string, JsonSchema> = {
  anything: true,
  empty: {},
  'each type': { type: ['null', 'boolean', 'integer', 'string'] },
  object: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' }, c: true }, required: ['b'] },
  'optional members between required ones': {
    type: 'object',
    properties: { a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' }, d: { type: 'null' } },
    required: ['b', 'd'],
  },
  'required without a schema': { type: 'object', required: ['x', 'y"\n'], properties: { z: { type: 'null' } } },
  closed: { type: 'object', properties: { a: { type: 'null' } }, additionalProperties: false },
  'a map': { type: 'object', additionalProperties: { type: 'integer' } },
  'a map beside names': {
    type: 'object',
    properties: { a: { type: 'string' }, ab: { type: 'string' } },
    additionalProperties: { type: 'integer' },
    required: ['ab'],
  },
  'names of properties': {
    type: 'object',
    additionalProperties: { type: 'null' },
    propertyNames: { pattern: '^[a-c]+$', maxLength: 4 },
    maxProperties: 3,
  },
  'counts of properties': {
    type: 'object',
    properties: { a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' }, d: { type: 'null' } },
    minProperties: 2,
    maxProperties: 3,
  },
  array: { type: 'array', items: { type: 'integer' } },
  'counted items': { type: 'array', items: { type: 'boolean' }, minItems: 2, maxItems: 4 },
  tuple: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false, minItems: 1 },
  'tuple with more': { type: 'array', prefixItems: [{ type: 'null' }], items: { type: 'boolean' }, minItems: 2 },
  'tuple to be filled': { type: 'array', prefixItems: [{ type: 'null' }], minItems: 3 },
  'short strings': { type: 'string', minLength: 2, maxLength: 5 },
  pattern: { type: 'string', pattern: '^[A-Z]{2}-\\d{3}$' },
  'pattern somewhere': { type: 'string', pattern: '\\d[é"\\\\]', maxLength: 9 },
  'pattern over control characters': { type: 'string', pattern: '^[\\x00-\\x1f"/]+$' },
  ...Object.fromEntries(
    ['date', 'time', 'date-time', 'uuid', 'email', 'hostname', 'ipv4', 'ipv6', 'uri'].map((format) => [
      format,
      { type: 'string', format },
    ]),
  ),
  integers: { type: 'integer' },
  numbers: { type: 'number' },
  'a range': { type: 'number', minimum: -1.5, exclusiveMaximum: 20.25 },
  'a small range': { type: 'number', exclusiveMinimum: 0, maximum: 0.001 },
  'a range of integers': { type: 'integer', exclusiveMinimum: -12, maximum: 1050 },
  'negative numbers': { type: 'number', minimum: -300, maximum: -2.5 },
  multiples: { type: 'integer', multipleOf: 7, minimum: 15 },
  enum: { enum: ['a', 1, null, true, { b: [1, 'x'] }, 'é"\n', -0.5] },
  'enum with a type': { type: 'string', enum: ['a', 1, 'b'] },
  const: { const: { deep: [null] } },
  anyOf: {
    anyOf: [
      { type: 'string', maxLength: 1 },
      { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] },
    ],
  },
  'anyOf beside keywords': {
    type: 'object',
    properties: { a: true, b: true },
    anyOf: [{ required: ['a'] }, { required: ['b'] }],
  },
  'oneOf told apart': {
    oneOf: [shape('circle', { r: { type: 'number' } }), shape('square', { side: { type: 'integer' } })],
  },
  'oneOf of types': { oneOf: [{ type: 'string' }, { type: 'integer' }, { type: 'null' }] },
  'oneOf of strings': {
    oneOf: [
      { type: 'string', pattern: '^a' },
      { type: 'string', pattern: '^b' },
    ],
  },
  allOf: {
    allOf: [
      { type: 'object', properties: { a: { type: 'integer', minimum: 3 } }, required: ['a'] },
      { properties: { a: { maximum: 5 }, b: { type: 'string', pattern: 'x' } } },
      { properties: { b: { minLength: 3 } } },
    ],
  },
  definitions: {
    $defs: {
      node: {
        type: 'object',
        properties: { value: { type: 'integer' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
        required: ['value', 'next'],
      },
    },
    $ref: '#/$defs/node',
  },
  tree: {
    type: 'object',
    properties: { children: { type: 'array', items: { $ref: '#' } }, 'a/b~c': { $ref: '#/properties/children' } },
  },
  'an optional member that cannot be': { type: 'object', properties: { a: false, b: { type: 'null' } } },
  'nested alternatives': {
    type: 'array',
    minItems: 1,
    items: { anyOf: [{ type: 'array', items: { type: ['string', 'null'] }, maxItems: 2 }, { enum: ['[]', '{}'] }] },
  },
}

describe('texts of a grammar', () => {
  const qwen = qwenSlice()
  it.each(Object.entries(schemas))('are valid: %s', (_, schema) => {
    const validate = ajv.compile(schema as object)
    const grammar = jsonSchemaGrammar(schema)
    for (const [source, seeds] of [
      [AWKWARD, 40],
      [qwen, 6],
    ] as const) {
      const held = over(grammar, source)
      let finished = 0
      for (let seed = 0; seed < seeds; seed++) {
        const said = say(held.begin(), random(seed), { most: 400 })
        if (said === null) continue
        finished++
        const text = textOf(source, said)
        expect([text, validate(JSON.parse(text)), validate.errors]).toEqual([text, true, null])
      }
      expect(finished).toBeGreaterThan(0)
    }
  })

  it('may be laid out or packed', () => {
    const value = { a: [1, { b: 'x' }], c: null }
    const [loose, tight] = [jsonSchemaGrammar(true), jsonSchemaGrammar(true, { whiteSpace: 'none' })]
    const spaced = '{"a": [1, {"b": "x"}], "c": null}'
    for (const text of [
      JSON.stringify(value),
      JSON.stringify(value, null, 2),
      JSON.stringify(value, null, 4),
      spaced,
    ]) {
      expect([text, accepts(loose, text)]).toEqual([text, true])
      expect([text, accepts(tight, text)]).toEqual([text, text === JSON.stringify(value)])
    }
    expect(accepts(loose, ' 1')).toBe(false)
    expect(accepts(loose, '1 ')).toBe(false)
    expect(accepts(loose, '[\n\n1]')).toBe(false)
  })
})

describe('values', () => {
  it.each<[JsonSchema, unknown[], unknown[]]>([
    [true, [null, -0.5, 1e-7, 'a\u2028"\\\n\u0001😀', [[], {}], { '': { x: [] } }], []],
    [{ type: 'integer', minimum: -3, maximum: 12 }, [-3, -1, 0, 9, 10, 12], [-4, 13, 100, 1.5]],
    [{ type: 'number', minimum: 0.5, exclusiveMaximum: 10 }, [0.5, 0.51, 1, 9.999, 9], [0.49, 0, 10, -1, 11]],
    [{ type: 'number', exclusiveMinimum: -1, maximum: 0 }, [-0.9, -0.001, 0], [-1, -1.5, 0.1, 1]],
    [{ multipleOf: 5, type: 'integer' }, [0, 5, -10, 1005], [1, 51]],
    [{ type: 'string', minLength: 2, maxLength: 2 }, ['ab', '😀é', '""'], ['a', 'abc']],
    [{ type: 'string', pattern: '^é?"$' }, ['é"', '"'], ['é', '']],
    [{ enum: [1, '1', [1, { a: 2 }]] }, [1, '1', [1, { a: 2 }]], [2, [1]]],
    [
      schemas['a map beside names']!,
      [{ ab: 'x' }, { a: 'x', ab: 'y', b: 1, abc: 2 }],
      [{}, { ab: 'x', b: 'y' }, { ab: 1 }],
    ],
    [schemas.allOf!, [{ a: 3 }, { a: 5, b: 'xyz' }], [{ a: 6 }, { a: 4, b: 'xy' }, { b: 'xyz' }]],
    [schemas.closed!, [{}, { a: null }], [{ b: null }]],
    [schemas.tuple!, [['a'], ['a', 1]], [[], [1], ['a', 1, 2]]],
  ])('of %j: what is allowed and what is not', (schema, good, bad) => {
    const grammar = jsonSchemaGrammar(schema)
    const validate = ajv.compile(schema as object)
    for (const value of good)
      expect([value, validate(value), accepts(grammar, JSON.stringify(value))]).toEqual([value, true, true])
    for (const value of bad)
      expect([value, validate(value), accepts(grammar, JSON.stringify(value))]).toEqual([value, false, false])
  })

  it('strings are written with any escape that JSON has, and no lone surrogate', () => {
    const grammar = jsonSchemaGrammar({ type: 'string' })
    for (const text of ['"\\u00e9\\/\\ud83d\\ude00\\uD83D\\uDE00\\uFFFF"', '"\\ud7ff\\ue000"'])
      expect(accepts(grammar, text)).toBe(true)
    for (const text of ['"\\ud83d"', '"\\ude00"', '"\\ud83d\\u0041"', '"\t"', '"\\x"', '"\\u12"', '"a'])
      expect(accepts(grammar, text)).toBe(false)
  })
})

describe('schemas that are refused', () => {
  it.each<[unknown, string, string]>([
    [{ type: 'object', properties: { age: { not: { type: 'null' } } } }, 'GRAMMAR_UNSUPPORTED', '#/properties/age/not'],
    [{ type: 'array', uniqueItems: true }, 'GRAMMAR_UNSUPPORTED', '#/uniqueItems'],
    [{ properties: { 'a/b': { foo: 1 } } }, 'GRAMMAR_UNSUPPORTED', '#/properties/a~1b/foo'],
    [{ if: true }, 'GRAMMAR_UNSUPPORTED', '#/if'],
    [{ patternProperties: {} }, 'GRAMMAR_UNSUPPORTED', '#/patternProperties'],
    [{ type: 'string', format: 'iri' }, 'GRAMMAR_UNSUPPORTED', '#/format'],
    [{ type: 'number', multipleOf: 0.1 }, 'GRAMMAR_UNSUPPORTED', '#/multipleOf'],
    [{ items: [{ type: 'null' }] }, 'GRAMMAR_UNSUPPORTED', '#/items'],
    [{ $ref: 'other.json' }, 'GRAMMAR_UNSUPPORTED', '#/$ref'],
    [{ oneOf: [{ type: 'number' }, { type: 'integer' }] }, 'GRAMMAR_UNSUPPORTED', '#/oneOf'],
    [{ oneOf: [shape('a', {}), { type: 'object' }] }, 'GRAMMAR_UNSUPPORTED', '#/oneOf'],
    [{ type: 'number', minimum: 1e300 }, 'GRAMMAR_UNSUPPORTED', '#'],
    [{ type: 'strin' }, 'GRAMMAR_BAD_SCHEMA', '#/type'],
    [{ minLength: -1 }, 'GRAMMAR_BAD_SCHEMA', '#/minLength'],
    [{ items: { enum: [] } }, 'GRAMMAR_BAD_SCHEMA', '#/items/enum'],
    [{ required: 'a' }, 'GRAMMAR_BAD_SCHEMA', '#/required'],
    [{ $ref: '#/$defs/none' }, 'GRAMMAR_BAD_SCHEMA', '#/$ref'],
    [{ $ref: '#' }, 'GRAMMAR_BAD_SCHEMA', '#'],
    [{ anyOf: [{ type: 'null' }, { $ref: '#' }] }, 'GRAMMAR_BAD_SCHEMA', '#'],
    [{ const: Number.NaN }, 'GRAMMAR_BAD_SCHEMA', '#/const'],
    [{ allOf: [1] }, 'GRAMMAR_BAD_SCHEMA', '#/allOf/0'],
    ['string', 'GRAMMAR_BAD_SCHEMA', '#'],
    [null, 'GRAMMAR_BAD_SCHEMA', '#'],
    [{ type: 'string', pattern: 'a(' }, 'GRAMMAR_BAD_REGEX', '#/pattern'],
    [
      { properties: { a: { pattern: '(?=a)', type: 'string' } }, required: ['a'] },
      'GRAMMAR_UNSUPPORTED',
      '#/properties/a/pattern',
    ],
  ])('%j', (schema, code, field) => {
    expect(() => jsonSchemaGrammar(schema as JsonSchema)).toThrow(expect.objectContaining({ code, field }))
  })

  it.each<JsonSchema>([
    false,
    { type: 'string', minLength: 3, maxLength: 2 },
    { type: 'string', pattern: '^a$', minLength: 2 },
    { type: 'string', enum: [1, 2] },
    { allOf: [{ type: 'string' }, { type: 'null' }] },
    { type: 'object', properties: { a: false }, required: ['a'] },
    { type: 'object', properties: { self: { $ref: '#' } }, required: ['self'] },
    { type: 'integer', minimum: 3, maximum: 2 },
    { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 1 },
    { type: 'array', minItems: 2, maxItems: 1 },
  ])('nothing fits %j', (schema) => {
    expect(() => jsonSchemaGrammar(schema)).toThrow(expect.objectContaining({ code: 'GRAMMAR_EMPTY' }))
  })

  it('too much is refused', () => {
    expect(() => jsonSchemaGrammar({ type: 'string', maxLength: 1e6 })).toThrow(
      expect.objectContaining({ code: 'GRAMMAR_TOO_LARGE' }),
    )
    const wide = {
      allOf: Array.from({ length: 12 }, (_, i) => ({ anyOf: [{ minLength: i }, { maxLength: 100 + i }] })),
    }
    expect(() => jsonSchemaGrammar(wide)).toThrow(expect.objectContaining({ code: 'GRAMMAR_UNSUPPORTED' }))
    const nested = (depth: number): JsonSchema =>
      depth === 0 ? { type: 'null' } : { type: 'array', items: nested(depth - 1), minItems: 1 }
    expect(accepts(jsonSchemaGrammar(nested(400)), `${'['.repeat(400)}null${']'.repeat(400)}`)).toBe(true)
    expect(() => jsonSchemaGrammar(nested(501))).toThrow(expect.objectContaining({ code: 'GRAMMAR_TOO_LARGE' }))
    const inItself: { allOf: unknown[] } = { allOf: [] }
    inItself.allOf.push(inItself)
    expect(() => jsonSchemaGrammar(inItself)).toThrow(expect.objectContaining({ code: 'GRAMMAR_TOO_LARGE' }))
  })
})
