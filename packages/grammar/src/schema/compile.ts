// From a JSON schema to the grammar of the JSON texts that fit it.
//
// What a schema leaves open is written in the plainest way: properties in the order in which they are named, no others unless
// `additionalProperties` asks for them or nothing is named at all, numbers with at most 16 digits. Every text of the grammar fits the schema.

import { both, type Dfa, not, oneOfTexts } from '../dfa.js'
import type { Grammar, Node, Rule } from '../grammar.js'
import { GrammarBuilder } from '../grammar.js'
import { JsonText, type WhiteSpace } from '../json-text.js'
import { badSchema, checkDepth, isRecord, type JsonSchema, kindOf, type Place, unsupported } from './keywords.js'
import { itemPlaces, propertyPlaces, type Shape, Shapes } from './shapes.js'
import { numbersKey, numbersOf, stringsKey, stringsOf } from './texts.js'
import { fits, fitsShape, impossible } from './values.js'

/** How a value is written. */
export interface JsonOptions {
  /** `'some'`, the default, leaves a space, or a line break with indentation, to the model where JSON may have one; `'none'` allows none. */
  readonly whiteSpace?: WhiteSpace
}

/**
 * The grammar of JSON texts that fit a schema (draft 2020-12). Values can always be written; how, and which optional parts come, is bounded
 * as `docs/structured-output.md` says.
 *
 * @throws FakError `GRAMMAR_BAD_SCHEMA` or `GRAMMAR_UNSUPPORTED` with the path of the keyword, `GRAMMAR_BAD_REGEX` for a pattern,
 * `GRAMMAR_EMPTY` when nothing fits, `GRAMMAR_TOO_LARGE`
 */
export function jsonSchemaGrammar(schema: JsonSchema, options: JsonOptions = {}): Grammar {
  const builder = new GrammarBuilder()
  const compiler = new SchemaCompiler(new JsonText(builder, options.whiteSpace ?? 'some'), schema)
  return builder.finish(compiler.root())
}

/** Writes the rules of the values of one schema. */
export class SchemaCompiler {
  readonly shapes: Shapes
  readonly #root: Place
  readonly #builder: GrammarBuilder
  readonly #rules = new Map<string, Rule>()
  readonly #ids = new Map<unknown, number>()
  readonly #waiting: (() => void)[] = []

  constructor(
    private readonly json: JsonText,
    schema: JsonSchema,
    path = '#',
  ) {
    if (typeof schema !== 'boolean' && !isRecord(schema)) throw badSchema('must be an object, true or false', path)
    checkDepth(schema)
    this.#root = { schema, path }
    this.#builder = json.builder
    this.shapes = new Shapes(this.#root, (a, b, at) => {
      if (!impossible([...a, ...b], this.shapes)) {
        throw unsupported(
          'a oneOf whose branches may hold at once (use anyOf, or tell them apart by a constant property)',
          at,
        )
      }
    })
  }

  /** The rule of the whole schema. */
  root(): Rule {
    const rule = this.value([this.#root])
    this.finish()
    return rule
  }

  /** Writes what {@link value} left for later. */
  finish(): void {
    for (let write = this.#waiting.pop(); write !== undefined; write = this.#waiting.pop()) write()
  }

  /** The rule of values that fit all of some schemas. */
  value(places: readonly Place[]): Rule {
    const meant = places.filter(
      ({ schema }) => schema !== true && !(isRecord(schema) && Object.keys(schema).length === 0),
    )
    if (meant.length === 0) return this.json.any()
    const key = [...new Set(meant.map(({ schema }) => this.#idOf(schema)))].sort((a, b) => a - b).join()
    const known = this.#rules.get(key)
    if (known !== undefined) return known
    const rule = this.#builder.rule()
    this.#rules.set(key, rule)
    this.#waiting.push(() => {
      const end = this.#builder.node()
      end.final = true
      for (const shape of this.shapes.of(meant)) this.shape(rule.start, end, shape)
    })
    return rule
  }

  /** Writes the values of one alternative. */
  shape(from: Node, to: Node, shape: Shape): void {
    const builder = this.#builder
    if (shape.values !== null) {
      const fitting = shape.values.filter((value) => fitsShape(value, shape, this.shapes))
      builder.texts(
        from,
        fitting.flatMap((value) => this.#spellings(value)),
        to,
      )
      return
    }
    for (const kind of shape.kinds) {
      if (kind === 'null') builder.texts(from, ['null'], to)
      else if (kind === 'boolean') builder.texts(from, ['true', 'false'], to)
      else if (kind === 'number') builder.call(from, this.#number(shape), to)
      else if (kind === 'string') builder.call(from, this.json.string(stringsKey(shape), this.strings(shape)), to)
      else if (kind === 'array') this.#array(from, to, shape)
      else this.#object(from, to, shape)
    }
  }

  /** The strings that a shape allows. */
  strings(shape: Shape): Dfa {
    return stringsOf(shape)
  }

  #idOf(schema: JsonSchema): number {
    const id = this.#ids.get(schema) ?? this.#ids.size
    this.#ids.set(schema, id)
    return id
  }

  /** The text of a given value, with and without spaces. */
  #spellings(value: unknown): string[] {
    const { json } = this
    const kind = kindOf(value)
    if (json.whiteSpace === 'none' || (kind !== 'array' && kind !== 'object')) return [json.quoted(value)]
    const spaced = (inner: unknown): string => {
      if (Array.isArray(inner)) return `[${inner.map(spaced).join(', ')}]`
      if (!isRecord(inner)) return json.quoted(inner)
      const members = Object.entries(inner).map(([name, item]) => `${json.quoted(name)}: ${spaced(item)}`)
      return `{${members.join(', ')}}`
    }
    return [json.quoted(value), spaced(value)]
  }

  #number(shape: Shape): Rule {
    return this.#builder.automaton(`number ${numbersKey(shape)}`, numbersOf(shape))
  }

  #array(from: Node, to: Node, shape: Shape): void {
    const builder = this.#builder
    const { minItems } = shape
    const named = Math.max(0, ...shape.items.map(({ prefix }) => prefix.length))
    // Items beyond those named come where they are asked for.
    const open = named === 0 || shape.items.some(({ rest }) => rest !== null)
    const maxItems = Math.min(shape.maxItems, open ? Infinity : Math.max(named, minItems))
    if (minItems > maxItems) return
    // When there is no end, the item at `last` stands for all that follow.
    const last = maxItems === Infinity ? Math.max(named, minItems, 1) : maxItems
    let before = builder.texts(from, ['['])
    if (minItems === 0) builder.texts(before, [']'], to)
    for (let i = 0; i < last; i++) {
      const behind = builder.node()
      this.#item(before, behind, shape, i)
      if (i + 1 >= minItems) builder.texts(this.json.space(behind), [']'], to)
      before = behind
    }
    if (maxItems === Infinity) this.#item(before, before, shape, last)
  }

  #item(from: Node, to: Node, shape: Shape, index: number): void {
    const begin = index === 0 ? from : this.#builder.texts(from, [','])
    this.#builder.call(this.json.space(begin), this.value(itemPlaces(shape, index)), to)
  }

  #object(from: Node, to: Node, shape: Shape): void {
    const builder = this.#builder
    const names = [
      ...new Set([...shape.members.flatMap(({ properties }) => [...properties.keys()]), ...shape.required]),
    ]
    const written = names.filter((name) => fits(name, shape.names, this.shapes))
    if ([...shape.required].some((name) => !written.includes(name))) return
    const extras = this.#extras(shape, names)
    const { minProperties, maxProperties } = shape
    if (extras !== null && minProperties > shape.required.size) {
      throw unsupported('minProperties beside properties that are not named', `${shape.boundsPath}/minProperties`)
    }
    // How many members came: as far as it matters.
    const most = Math.max(1, minProperties, maxProperties === Infinity ? 0 : maxProperties)
    const rows = written.length + 1
    const nodes = Array.from({ length: rows }, () => [] as Node[])
    const at = (row: number, count: number): Node => {
      nodes[row]![count] ??= builder.node()
      return nodes[row]![count]
    }
    const member = (before: Node, count: number, key: (from: Node) => Node, value: Rule, after: Node) => {
      const begin = count === 0 ? this.json.space(before) : this.json.space(builder.texts(before, [',']))
      builder.call(this.json.space(builder.texts(key(begin), [':'])), value, after)
    }
    builder.texts(from, ['{'], at(0, 0))
    for (let row = 0; row < rows; row++) {
      for (let count = 0; count <= most; count++) {
        const here = nodes[row]![count]
        if (here === undefined) continue
        const room = count < maxProperties
        const next = Math.min(count + 1, most)
        const name = written[row]
        if (name !== undefined) {
          if (!shape.required.has(name)) here.skips.push(at(row + 1, count))
          if (!room) continue
          const value = this.value(propertyPlaces(shape, name))
          member(here, count, (begin) => builder.texts(begin, [this.json.quoted(name)]), value, at(row + 1, next))
          continue
        }
        if (count >= minProperties) builder.texts(count === 0 ? here : this.json.space(here), ['}'], to)
        if (extras === null || !room) continue
        member(here, count, (begin) => builder.call(begin, extras.key), extras.value, at(row, next))
      }
    }
  }

  /** Members beyond those named. */
  #extras(shape: Shape, names: readonly string[]): { key: Rule; value: Rule } | null {
    const asked = shape.members.flatMap(({ additional }) => additional ?? [])
    const named = shape.members.some(({ properties }) => properties.size > 0)
    if (asked.some(({ schema }) => schema === false) || (asked.length === 0 && named)) return null
    let keys = not(oneOfTexts(names))
    let key = JSON.stringify(names)
    const alternatives = this.shapes.of(shape.names)
    if (shape.names.length > 0) {
      const [only] = alternatives
      if (alternatives.length > 1 || (only !== undefined && only.values !== null)) {
        throw unsupported('alternatives in propertyNames', shape.names[0]!.path)
      }
      if (only === undefined || !only.kinds.has('string')) return null
      keys = both(keys, this.strings(only))
      key += stringsKey(only)
    }
    if (keys.length === 0) return null
    return { key: this.json.string(`key ${key}`, keys), value: this.value(asked) }
  }
}
