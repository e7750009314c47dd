// Data on its way into a template: JSON as Python would hold it. Python tells 1 from 1.0, keeps large integers whole and the keys
// of a dict in their order, and all three show in a prompt; a JavaScript value has lost them, JSON text has not.

import { FakError } from '@fak/tensor'
import { ArrayValue, FloatValue, IntegerValue, ObjectValue, toValue, type Value } from './engine.js'
import { MAX_DATA_DEPTH } from './limits.js'

/** A number that Python holds as a `float`, also when it is whole. */
export class Float {
  constructor(readonly value: number) {}
}

/** Plain data: `number` and `bigint` are Python's `int`. */
export type Plain = string | number | bigint | boolean | null | Float | Plain[] | Map<string, Plain>

/** What makes a value no data: why, and its JSON path. */
export type Refusal = (reason: string, path: string) => never

/**
 * A copy of JSON-like data: own enumerable properties only, no `undefined`, lone surrogates replaced by U+FFFD. A number is
 * what its JSON text is to Python.
 *
 * @throws FakError `CHAT_TOO_DEEP`; whatever `refuse` throws for a function, symbol, NaN or infinity.
 */
export function plainData(value: unknown, path: string, refuse: Refusal, depth = 0): Plain {
  if (depth > MAX_DATA_DEPTH) tooDeep(path)
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value === 'boolean' || typeof value === 'bigint' || value instanceof Float) return value
  if (typeof value === 'number') return plainNumber(value) ?? refuse(`${value} is no JSON number`, path)
  if (Array.isArray(value)) return value.map((item, i) => plainData(item, `${path}[${i}]`, refuse, depth + 1))
  if (typeof value !== 'object') refuse(`a ${typeof value} is no data for a template`, path)
  const entries = value instanceof Map ? value.entries() : Object.entries(value as object)
  const copy = new Map<string, Plain>()
  for (const [key, member] of entries) {
    if (member === undefined) continue
    copy.set(wellFormed(String(key)), plainData(member, `${path}.${key}`, refuse, depth + 1))
  }
  return copy
}

function plainNumber(value: number): Plain | undefined {
  if (!Number.isFinite(value)) return undefined
  // From 1e21 on JSON.stringify writes an exponent, which Python reads as a float.
  if (!Number.isInteger(value) || Math.abs(value) >= 1e21) return new Float(value)
  return Number.isSafeInteger(value) ? value + 0 : BigInt(value)
}

function tooDeep(field: string): never {
  throw new FakError('CHAT_TOO_DEEP', { reason: `data is nested deeper than ${MAX_DATA_DEPTH}`, field })
}

/** `text` with lone surrogates replaced by U+FFFD; `String.prototype.toWellFormed`, which TypeScript's ES2023 does not list. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}

/**
 * JSON text as Python's `json.loads` reads it.
 *
 * @throws SyntaxError for text that is not JSON; FakError `CHAT_TOO_DEEP`
 */
export function plainJson(text: string, path: string): Plain {
  JSON.parse(text)
  return new JsonReader(text, path).value(0)
}

/** Reads text that is known to be JSON. */
class JsonReader {
  private at = 0

  constructor(
    private readonly text: string,
    private readonly path: string,
  ) {}

  value(depth: number): Plain {
    if (depth > MAX_DATA_DEPTH) tooDeep(this.path)
    const first = this.peek()
    if (first === '"') return this.string()
    if (first === '[') return this.list(depth)
    if (first === '{') return this.dict(depth)
    const word = /[^\s,\]}]*/y
    word.lastIndex = this.at
    const [literal] = word.exec(this.text)!
    this.at += literal.length
    if (literal === 'null') return null
    if (literal === 'true' || literal === 'false') return literal === 'true'
    if (/[.eE]/.test(literal)) return new Float(Number(literal))
    const number = Number(literal)
    return Number.isSafeInteger(number) ? number + 0 : BigInt(literal)
  }

  private peek(): string {
    while (/\s/.test(this.text[this.at]!)) this.at++
    return this.text[this.at]!
  }

  private string(): string {
    const start = this.at++
    while (this.text[this.at] !== '"') this.at += this.text[this.at] === '\\' ? 2 : 1
    return wellFormed(JSON.parse(this.text.slice(start, ++this.at)))
  }

  private list(depth: number): Plain[] {
    const items: Plain[] = []
    for (this.at++; this.peek() !== ']'; ) {
      if (this.text[this.at] === ',') this.at++
      else items.push(this.value(depth + 1))
    }
    this.at++
    return items
  }

  private dict(depth: number): Map<string, Plain> {
    const entries = new Map<string, Plain>()
    for (this.at++; this.peek() !== '}'; ) {
      if (this.text[this.at] === ',') {
        this.at++
        continue
      }
      const key = this.string()
      this.peek()
      this.at++
      entries.set(key, this.value(depth + 1))
    }
    this.at++
    return entries
  }
}

/** The engine's value for plain data. */
export function plainValue(data: Plain): Value {
  if (typeof data === 'bigint' || typeof data === 'number') return new IntegerValue(data)
  if (data instanceof Float) return new FloatValue(data.value)
  if (Array.isArray(data)) return new ArrayValue(data.map(plainValue))
  if (data instanceof Map) {
    return new ObjectValue(new Map([...data].map(([key, member]) => [key, plainValue(member)])))
  }
  return toValue(data)
}
