// Arguments typed by JSON schema. The model writes every argument as text; only the tool's schema says whether `5` is a number.

import type { ChatTool, JsonSchema } from './tools.js'

/** Longest chain of references and alternatives that is followed. */
const MAX_SCHEMA_DEPTH = 32

type Kind = 'string' | 'null' | 'boolean' | 'integer' | 'number' | 'array' | 'object'

/** Names that schemas in the wild use for JSON schema's. */
const KINDS: Readonly<Record<string, Kind>> = {
  ...{ string: 'string', str: 'string', text: 'string', char: 'string', varchar: 'string', enum: 'string' },
  ...{ null: 'null', none: 'null', boolean: 'boolean', bool: 'boolean' },
  ...{ integer: 'integer', int: 'integer', int32: 'integer', int64: 'integer', long: 'integer', short: 'integer' },
  ...{ number: 'number', float: 'number', double: 'number', num: 'number' },
  ...{ array: 'array', list: 'array', tuple: 'array', object: 'object', dict: 'object', map: 'object' },
}

/** What a schema lets an argument be. */
export interface ArgumentType {
  /** Kinds of value; `null` when the schema does not say. */
  readonly kinds: ReadonlySet<Kind> | null
  /** JSON texts of the only values allowed; `null` when there is no such list. */
  readonly values: readonly string[] | null
}

const ANYTHING: ArgumentType = { kinds: null, values: null }

/** What is known about the arguments of one tool. */
export interface ArgumentTypes {
  /** The type of a parameter; `undefined` when the schema has no such parameter and lets no other be. */
  typeOf(name: string): ArgumentType | undefined
  /** Names of the parameters that the schema lists. */
  readonly names: ReadonlySet<string>
  readonly required: readonly string[]
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads a tool's schema. Whatever in it is not understood means that nothing is known. */
export function argumentTypes(tool: ChatTool): ArgumentTypes {
  const root = tool.function.parameters
  const schema = resolve(root ?? {}, root, 0)
  const properties = new Map(isRecord(schema.properties) ? Object.entries(schema.properties) : [])
  const others = schema.additionalProperties
  const known = new Map<string, ArgumentType>()
  return {
    names: new Set(properties.keys()),
    required: Array.isArray(schema.required) ? schema.required.filter((name) => typeof name === 'string') : [],
    typeOf(name) {
      const cached = known.get(name)
      if (cached !== undefined) return cached
      const property = properties.get(name) ?? (isRecord(others) ? others : undefined)
      // A schema without any property describes nothing, so nothing is wrong either.
      if (property === undefined) return properties.size === 0 ? ANYTHING : undefined
      const type = typeOf(property as JsonSchema, root, 0)
      known.set(name, type)
      return type
    },
  }
}

/** The schema behind local references (`#/$defs/x`). */
function resolve(schema: unknown, root: unknown, depth: number): Readonly<Record<string, unknown>> {
  if (!isRecord(schema)) return {}
  const { $ref: reference } = schema
  if (typeof reference !== 'string' || depth > MAX_SCHEMA_DEPTH) return schema
  if (!reference.startsWith('#')) return {}
  let target: unknown = root
  for (const part of reference.slice(1).split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    target =
      (isRecord(target) || Array.isArray(target)) && Object.hasOwn(target, key) ? target[key as never] : undefined
  }
  return resolve(target, root, depth + 1)
}

function typeOf(given: unknown, root: unknown, depth: number): ArgumentType {
  if (depth > MAX_SCHEMA_DEPTH) return ANYTHING
  const schema = resolve(given, root, depth)
  let type: ArgumentType = ANYTHING
  if (typeof schema.type === 'string' || Array.isArray(schema.type))
    type = { kinds: kindsNamed(schema.type), values: null }
  else if (isRecord(schema.properties)) type = { kinds: new Set(['object']), values: null }
  else if (schema.items !== undefined) type = { kinds: new Set(['array']), values: null }
  const values = Array.isArray(schema.enum) ? schema.enum : Object.hasOwn(schema, 'const') ? [schema.const] : undefined
  if (values !== undefined)
    type = { kinds: type.kinds ?? new Set(values.map(kindOf)), values: values.map((v) => JSON.stringify(v) ?? '') }
  for (const alternatives of [schema.anyOf, schema.oneOf]) {
    if (Array.isArray(alternatives))
      type = both(
        type,
        alternatives.map((one) => typeOf(one, root, depth + 1)).reduce(either, { kinds: new Set(), values: [] }),
      )
  }
  if (Array.isArray(schema.allOf)) type = schema.allOf.map((one) => typeOf(one, root, depth + 1)).reduce(both, type)
  if (schema.nullable === true && type.kinds !== null) {
    type = { kinds: new Set([...type.kinds, 'null']), values: type.values && [...type.values, 'null'] }
  }
  return type
}

function kindsNamed(names: unknown): ReadonlySet<Kind> | null {
  const kinds = [names].flat().map((name) => {
    const lower = String(name).trim().toLowerCase()
    return Object.hasOwn(KINDS, lower) ? KINDS[lower]! : null
  })
  return kinds.includes(null) ? null : new Set(kinds as Kind[])
}

function kindOf(value: unknown): Kind {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value === 'string' || typeof value === 'boolean' ? (typeof value as 'string' | 'boolean') : 'object'
}

function either(a: ArgumentType, b: ArgumentType): ArgumentType {
  return {
    kinds: a.kinds && b.kinds && new Set([...a.kinds, ...b.kinds]),
    values: a.values && b.values && [...a.values, ...b.values],
  }
}

function both(a: ArgumentType, b: ArgumentType): ArgumentType {
  const kinds = a.kinds && b.kinds ? new Set([...a.kinds].filter((kind) => b.kinds!.has(kind))) : (a.kinds ?? b.kinds)
  return { kinds, values: a.values ?? b.values }
}

/** A value as JSON text, and whether it is what the schema asks for. */
export interface TypedArgument {
  readonly json: string
  readonly fits: boolean
}

/** Whether every value of the type is a string, so that it can be passed on before its end is known. */
export const isString = ({ kinds }: ArgumentType) => kinds === null || (kinds.size === 1 && kinds.has('string'))

/**
 * Reads an argument's text as the first of null, boolean, integer, number, array, object and string that the type allows and the
 * text is. Where a string is allowed too, a scalar counts only as JSON would write it, so `007` stays a string. Text that is
 * nothing of what is allowed stays a string and does not fit.
 */
export function typedArgument(text: string, { kinds, values }: ArgumentType): TypedArgument {
  const asString = JSON.stringify(text)
  if (values !== null) {
    const written = text.trim()
    const match = values.find((value) => value === asString) ?? values.find((value) => sameJson(value, written))
    if (match !== undefined) return { json: match, fits: true }
  }
  if (kinds === null) return { json: asString, fits: values === null }
  const json = readAs(text.trim(), kinds)
  if (json !== undefined) return { json, fits: values === null }
  return { json: asString, fits: kinds.has('string') && values === null }
}

function readAs(text: string, kinds: ReadonlySet<Kind>): string | undefined {
  const strict = kinds.has('string')
  const word = strict ? text : text.toLowerCase()
  if (kinds.has('null') && (word === 'null' || (!strict && word === 'none'))) return 'null'
  if (kinds.has('boolean') && (word === 'true' || word === 'false')) return word
  const number = strict ? (jsonOf(text, 'number') as number | undefined) : decimal(text)
  if (number !== undefined) {
    const written = jsonOf(text, 'number') === undefined ? JSON.stringify(number) : text
    if (kinds.has('integer') && Number.isInteger(number)) return /^-?\d+$/.test(written) ? written : integerText(number)
    if (kinds.has('number')) return written
  }
  if (kinds.has('array') && jsonOf(text, 'array') !== undefined) return text
  if (kinds.has('object') && jsonOf(text, 'object') !== undefined) return text
  return undefined
}

/** A finite decimal number, also as Python and people write it: `+1`, `007`, `.5`, `1e3`. */
function decimal(text: string): number | undefined {
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined
  const number = Number(text)
  return Number.isFinite(number) ? number : undefined
}

const integerText = (number: number) => (Number.isSafeInteger(number) ? String(number + 0) : String(BigInt(number)))

function jsonOf(text: string, kind: 'number' | 'array' | 'object'): unknown {
  const first = text[0]
  if (kind === 'array' ? first !== '[' : kind === 'object' ? first !== '{' : !/^[-\d]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function sameJson(value: string, written: string): boolean {
  try {
    return JSON.stringify(JSON.parse(written)) === value
  } catch {
    return false
  }
}
