// What schemas mean: a list of alternatives, each a plain conjunction. `allOf`, `anyOf`, `oneOf` and `$ref` are gone here; what lies deeper
// stays a list of schemas that must all hold, so that schemas may refer to themselves.

import { MAX_ALTERNATIVES, MAX_DEPTH } from '../limits.js'
import type { Bound } from '../numbers.js'
import { badSchema, checkKeywords, child, isRecord, KINDS, type Kind, type Place, unsupported } from './keywords.js'

/** Something that must be kept to, and where it was asked for. */
export interface At<T> {
  readonly value: T
  readonly path: string
}

/** Items of an array as one schema names them: the first ones, and all others. */
export interface Items {
  readonly prefix: readonly Place[]
  readonly rest: Place | null
}

/** Members of an object as one schema names them. */
export interface Members {
  readonly properties: ReadonlyMap<string, Place>
  readonly additional: Place | null
}

/** One alternative: everything in it holds, each part for the kinds of values that it speaks of. */
export interface Shape {
  readonly kinds: ReadonlySet<Kind>
  /** Numbers are whole. */
  readonly whole: boolean
  /** The values that there are, or any. */
  readonly values: readonly unknown[] | null
  readonly min: Bound | null
  readonly max: Bound | null
  readonly multiples: readonly At<number>[]
  /** Where a bound of numbers is asked for. */
  readonly boundsPath: string
  readonly minLength: number
  readonly maxLength: number
  readonly patterns: readonly At<string>[]
  readonly formats: readonly At<string>[]
  readonly items: readonly Items[]
  readonly minItems: number
  readonly maxItems: number
  readonly members: readonly Members[]
  readonly required: ReadonlySet<string>
  readonly names: readonly Place[]
  readonly minProperties: number
  readonly maxProperties: number
}

const ANYTHING: Shape = {
  ...{ kinds: new Set(KINDS), whole: false, values: null, min: null, max: null, multiples: [], boundsPath: '' },
  ...{ minLength: 0, maxLength: Infinity, patterns: [], formats: [], items: [], minItems: 0, maxItems: Infinity },
  ...{ members: [], required: new Set(), names: [], minProperties: 0, maxProperties: Infinity },
}

/** Branches of one `oneOf`, of which no two may hold at once. */
export type CheckApart = (a: readonly Place[], b: readonly Place[], path: string) => void

/** Finds out what schemas mean. */
export class Shapes {
  readonly #known = new Map<object, readonly Shape[]>()
  readonly #entered = new Set<object>()

  /** @param root what `$ref` refers into */
  constructor(
    private readonly root: Place,
    private readonly checkApart: CheckApart,
  ) {}

  /** The alternatives of schemas that must all hold. @throws FakError `GRAMMAR_BAD_SCHEMA`, `GRAMMAR_UNSUPPORTED`, `GRAMMAR_TOO_LARGE` */
  of(places: readonly Place[]): readonly Shape[] {
    return places.reduce<readonly Shape[]>((all, place) => product(all, this.#one(place), place.path), [ANYTHING])
  }

  #one({ schema, path }: Place): readonly Shape[] {
    if (typeof schema === 'boolean') return schema ? [ANYTHING] : []
    const known = this.#known.get(schema)
    if (known !== undefined) return known
    if (this.#entered.has(schema)) throw badSchema('it refers to itself without end', path)
    if (this.#entered.size >= MAX_DEPTH) throw badSchema(`references are nested deeper than ${MAX_DEPTH}`, path)
    this.#entered.add(schema)
    checkKeywords(schema, path)
    let shapes: readonly Shape[] = [ownShape(schema, path)]
    const also = (places: readonly Place[], at: string) => {
      shapes = product(shapes, this.of(places), at)
    }
    const list = (keyword: string): Place[] =>
      ((schema[keyword] as Place['schema'][] | undefined) ?? []).map((item, i) => ({
        schema: item,
        path: `${path}/${keyword}/${i}`,
      }))
    if (schema.$ref !== undefined) also([this.#resolve(schema.$ref as string, `${path}/$ref`)], path)
    also(list('allOf'), `${path}/allOf`)
    for (const keyword of ['anyOf', 'oneOf'] as const) {
      const branches = list(keyword)
      if (branches.length === 0) continue
      shapes = product(
        shapes,
        branches.flatMap((branch) => this.#one(branch)),
        `${path}/${keyword}`,
      )
      if (keyword === 'anyOf') continue
      for (const [i, a] of branches.entries()) {
        for (const b of branches.slice(i + 1)) this.checkApart([a], [b], `${path}/oneOf`)
      }
    }
    this.#entered.delete(schema)
    this.#known.set(schema, shapes)
    return shapes
  }

  #resolve(ref: string, path: string): Place {
    if (!ref.startsWith('#'))
      throw unsupported(`a reference out of the schema, ${JSON.stringify(ref.slice(0, 80))},`, path)
    if (ref !== '#' && !ref.startsWith('#/')) throw unsupported('a reference to an anchor', path)
    let target: unknown = this.root.schema
    let pointer: string
    try {
      pointer = decodeURIComponent(ref.slice(1))
    } catch {
      throw badSchema('the reference is not well-formed', path)
    }
    for (const step of pointer.split('/').slice(1)) {
      const name = step.replace(/~1/g, '/').replace(/~0/g, '~')
      target =
        (isRecord(target) || Array.isArray(target)) && Object.hasOwn(target, name)
          ? (target as Record<string, unknown>)[name]
          : undefined
    }
    if (typeof target !== 'boolean' && !isRecord(target))
      throw badSchema(`there is no schema at ${ref.slice(0, 80)}`, path)
    return { schema: target, path: ref }
  }
}

/** What the keywords of one schema say by themselves. */
function ownShape(schema: { readonly [keyword: string]: unknown }, path: string): Shape {
  const has = (keyword: string) => schema[keyword] !== undefined
  const count = (keyword: string, otherwise: number) => (schema[keyword] as number | undefined) ?? otherwise
  const place = (keyword: string): Place | null =>
    has(keyword) ? { schema: schema[keyword] as Place['schema'], path: `${path}/${keyword}` } : null
  const types = new Set<string>(has('type') ? ([schema.type].flat() as string[]) : KINDS)
  const whole = types.has('integer') && !types.has('number')
  if (whole) types.add('number')
  types.delete('integer')
  let values = (schema.enum as unknown[] | undefined) ?? null
  if (has('const')) values = values === null || values.some((value) => same(value, schema.const)) ? [schema.const] : []
  const at = <T>(keyword: string): At<T>[] =>
    has(keyword) ? [{ value: schema[keyword] as T, path: `${path}/${keyword}` }] : []
  const bound = (keyword: string, exclusive: boolean): Bound | null =>
    has(keyword) ? { value: schema[keyword] as number, exclusive } : null
  const prefix = ((schema.prefixItems as Place['schema'][] | undefined) ?? []).map((item, i) => ({
    schema: item,
    path: `${path}/prefixItems/${i}`,
  }))
  const properties = new Map(
    Object.entries((schema.properties as Record<string, Place['schema']> | undefined) ?? {}).map(([name, item]) => [
      name,
      { schema: item, path: child(`${path}/properties`, name) },
    ]),
  )
  return {
    kinds: types as ReadonlySet<string> as ReadonlySet<Kind>,
    whole,
    values,
    min: stricter(bound('minimum', false), bound('exclusiveMinimum', true), 1),
    max: stricter(bound('maximum', false), bound('exclusiveMaximum', true), -1),
    multiples: at('multipleOf'),
    boundsPath: path,
    minLength: count('minLength', 0),
    maxLength: count('maxLength', Infinity),
    patterns: at('pattern'),
    formats: at('format'),
    items: prefix.length > 0 || has('items') ? [{ prefix, rest: place('items') }] : [],
    minItems: count('minItems', 0),
    maxItems: count('maxItems', Infinity),
    members:
      has('properties') || has('additionalProperties')
        ? [{ properties, additional: place('additionalProperties') }]
        : [],
    required: new Set((schema.required as string[] | undefined) ?? []),
    names: [place('propertyNames')].filter((item) => item !== null),
    minProperties: count('minProperties', 0),
    maxProperties: count('maxProperties', Infinity),
  }
}

function product(a: readonly Shape[], b: readonly Shape[], path: string): readonly Shape[] {
  if (a.length * b.length > MAX_ALTERNATIVES)
    throw unsupported(`a schema of more than ${MAX_ALTERNATIVES} alternatives`, path)
  return a.flatMap((left) => b.map((right) => meet(left, right)))
}

/** What holds when both do. */
function meet(a: Shape, b: Shape): Shape {
  if (a === ANYTHING) return b
  if (b === ANYTHING) return a
  const values =
    a.values === null
      ? b.values
      : b.values === null
        ? a.values
        : a.values.filter((value) => b.values!.some((other) => same(value, other)))
  return {
    kinds: new Set([...a.kinds].filter((kind) => b.kinds.has(kind))),
    whole: a.whole || b.whole,
    values,
    min: stricter(a.min, b.min, 1),
    max: stricter(a.max, b.max, -1),
    multiples: [...a.multiples, ...b.multiples],
    boundsPath: b.min !== null || b.max !== null ? b.boundsPath : a.boundsPath,
    minLength: Math.max(a.minLength, b.minLength),
    maxLength: Math.min(a.maxLength, b.maxLength),
    patterns: [...a.patterns, ...b.patterns],
    formats: [...a.formats, ...b.formats],
    items: [...a.items, ...b.items],
    minItems: Math.max(a.minItems, b.minItems),
    maxItems: Math.min(a.maxItems, b.maxItems),
    members: [...a.members, ...b.members],
    required: new Set([...a.required, ...b.required]),
    names: [...a.names, ...b.names],
    minProperties: Math.max(a.minProperties, b.minProperties),
    maxProperties: Math.min(a.maxProperties, b.maxProperties),
  }
}

/** The bound that allows less. @param direction 1 for the lower bounds, -1 for the upper ones */
function stricter(a: Bound | null, b: Bound | null, direction: 1 | -1): Bound | null {
  if (a === null || b === null) return a ?? b
  if (a.value === b.value) return { value: a.value, exclusive: a.exclusive || b.exclusive }
  return (a.value - b.value) * direction > 0 ? a : b
}

/** Whether two JSON values are equal. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (
    typeof a !== 'object' ||
    typeof b !== 'object' ||
    a === null ||
    b === null ||
    Array.isArray(a) !== Array.isArray(b)
  )
    return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every(
      (name) =>
        Object.hasOwn(b, name) && same((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
    )
  )
}

/** The schemas of the item at an index. */
export function itemPlaces(shape: Shape, index: number): Place[] {
  return shape.items.flatMap(({ prefix, rest }) => prefix[index] ?? rest ?? [])
}

/** The schemas of a property. */
export function propertyPlaces(shape: Shape, name: string): Place[] {
  return shape.members.flatMap(({ properties, additional }) => properties.get(name) ?? additional ?? [])
}
