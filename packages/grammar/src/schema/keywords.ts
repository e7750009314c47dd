// JSON schema as it is written: which keywords are known, and whether their values are well-formed. Nothing is skipped in silence.

import { FakError, label, quote } from '@fak/tensor'
import { MAX_SCHEMA_DEPTH } from '../limits.js'

/** A JSON schema: an object of keywords, `true` for anything, `false` for nothing. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

/** A schema and where it stands, as a JSON pointer in a fragment. */
export interface Place {
  readonly schema: JsonSchema
  readonly path: string
}

/** Kinds of JSON values. Integers are numbers with a property. */
export const KINDS = ['null', 'boolean', 'number', 'string', 'array', 'object'] as const
/** One of {@link KINDS}. */
export type Kind = (typeof KINDS)[number]

/** Say nothing about values. */
const ANNOTATIONS = new Set([
  ...[
    '$schema',
    '$comment',
    '$defs',
    'definitions',
    'title',
    'description',
    'default',
    'examples',
    'deprecated',
    'readOnly',
  ],
  ...['writeOnly', 'contentEncoding', 'contentMediaType', 'contentSchema'],
])

type Check = (value: unknown, at: string) => void

const integer: Check = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw badSchema('must be an integer from 0 on', at)
}
const number: Check = (value, at) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw badSchema('must be a number', at)
}
const text: Check = (value, at) => {
  if (typeof value !== 'string') throw badSchema('must be a string', at)
}
const schema: Check = (value, at) => {
  if (typeof value !== 'boolean' && !isRecord(value)) throw badSchema('must be a schema: an object, true or false', at)
}
const schemaList: Check = (value, at) => {
  if (!Array.isArray(value) || value.length === 0) throw badSchema('must be a list of schemas that is not empty', at)
  for (const [i, item] of value.entries()) schema(item, `${at}/${i}`)
}
const schemaMap: Check = (value, at) => {
  if (!isRecord(value)) throw badSchema('must be an object of schemas', at)
  for (const [name, item] of Object.entries(value)) schema(item, child(at, name))
}
const names: Check = (value, at) => {
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string'))
    throw badSchema('must be a list of strings', at)
}

const CHECKS: Readonly<Record<string, Check>> = {
  type: (value, at) => {
    const known = new Set<unknown>([...KINDS, 'integer'])
    const list = Array.isArray(value) ? value : [value]
    const wrong = list.find((item) => !known.has(item))
    if (list.length === 0 || wrong !== undefined) {
      throw badSchema(`${quote(String(wrong))} is no type; types are ${[...known].join(', ')}`, at)
    }
  },
  enum: (value, at) => {
    if (!Array.isArray(value) || value.length === 0) throw badSchema('must be a list that is not empty', at)
    for (const [i, item] of value.entries()) json(item, `${at}/${i}`)
  },
  const: (value, at) => json(value, at),
  $ref: text,
  allOf: schemaList,
  anyOf: schemaList,
  oneOf: schemaList,
  minimum: number,
  maximum: number,
  exclusiveMinimum: number,
  exclusiveMaximum: number,
  multipleOf: (value, at) => {
    number(value, at)
    if ((value as number) <= 0) throw badSchema('must be above 0', at)
  },
  minLength: integer,
  maxLength: integer,
  pattern: text,
  format: text,
  items: (value, at) => {
    if (Array.isArray(value)) throw unsupported('a list of schemas is of older drafts (use "prefixItems"), and', at)
    schema(value, at)
  },
  prefixItems: schemaList,
  minItems: integer,
  maxItems: integer,
  properties: schemaMap,
  required: names,
  additionalProperties: schema,
  propertyNames: schema,
  minProperties: integer,
  maxProperties: integer,
  uniqueItems: (value, at) => {
    if (typeof value !== 'boolean') throw badSchema('must be true or false', at)
    if (value) throw unsupported('uniqueItems', at)
  },
}

/**
 * Checks the keywords of one schema, not those inside it.
 *
 * @throws FakError `GRAMMAR_BAD_SCHEMA`, `GRAMMAR_UNSUPPORTED` with the path of the keyword
 */
export function checkKeywords(given: { readonly [keyword: string]: unknown }, path: string): void {
  for (const [keyword, value] of Object.entries(given)) {
    const at = child(path, keyword)
    if (ANNOTATIONS.has(keyword) || keyword.startsWith('x-') || (keyword === '$id' && path === '#')) continue
    if (!Object.hasOwn(CHECKS, keyword)) throw unsupported(`the keyword ${quote(keyword)}`, at)
    CHECKS[keyword]!(value, at)
  }
}

/** Refuses a schema that is nested without end, as an object that holds itself is. @throws FakError `GRAMMAR_TOO_LARGE` */
export function checkDepth(schema: unknown): void {
  let level: unknown[] = [schema]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_SCHEMA_DEPTH) {
      throw new FakError('GRAMMAR_TOO_LARGE', { reason: `the schema is nested deeper than ${MAX_SCHEMA_DEPTH}` })
    }
    const inside = new Set<unknown>()
    for (const value of level)
      if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) inside.add(item)
    level = [...inside]
  }
}

/** The path of something inside a schema. */
export function child(path: string, name: string): string {
  return `${path}/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`
}

/** Whether a value is an object of JSON. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The kind of a JSON value. */
export function kindOf(value: unknown): Kind {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : (typeof value as Kind)
}

/** What is not JSON could not be written as such. */
function json(value: unknown, at: string, depth = 0): void {
  const kind = kindOf(value)
  if (depth > 100) throw badSchema('is nested deeper than 100', at)
  if (!KINDS.includes(kind)) throw badSchema('must be a JSON value', at)
  if (kind === 'number' && !Number.isFinite(value)) throw badSchema('must be a finite number', at)
  if (kind === 'string' && /\p{Surrogate}/u.test(value as string)) throw badSchema('holds a lone surrogate', at)
  if (kind === 'array' || kind === 'object') {
    for (const [name, item] of Object.entries(value as object)) json(item, child(at, name), depth + 1)
  }
}

/** The schema is not well-formed at `path`. */
export function badSchema(reason: string, path: string): FakError {
  return new FakError('GRAMMAR_BAD_SCHEMA', { reason: `the schema is not well-formed: ${reason}`, field: label(path) })
}

/** The schema asks at `path` for something that cannot be held to. */
export function unsupported(what: string, path: string): FakError {
  return new FakError('GRAMMAR_UNSUPPORTED', { reason: `${what} is not supported`, field: label(path) })
}
