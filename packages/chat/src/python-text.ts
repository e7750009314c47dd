// How Python writes values as text: str, repr and json.dumps. Templates put these into prompts, so every character counts.

import { entriesOf, itemsOf, stringOf, type Value } from './engine.js'

/** `str(value)`, which is what `{{ value }}`, `~` and the filter `string` give. */
export function pythonString(value: Value): string {
  return stringOf(value) ?? pythonRepr(value)
}

/** `repr(value)`: how `str` writes the members of a list or dict. */
export function pythonRepr(value: Value): string {
  const text = stringOf(value)
  if (text !== undefined) return quoted(text)
  const items = itemsOf(value)
  if (items) {
    const written = items.map(pythonRepr).join(', ')
    return value.type === 'TupleValue' ? `(${written}${items.length === 1 ? ',' : ''})` : `[${written}]`
  }
  const entries = entriesOf(value)
  if (entries) return `{${[...entries].map(([key, member]) => `${quoted(key)}: ${pythonRepr(member)}`).join(', ')}}`
  switch (value.type) {
    case 'NullValue':
      return 'None'
    case 'BooleanValue':
      return value.value ? 'True' : 'False'
    case 'UndefinedValue':
      return ''
    case 'FloatValue':
      return pythonFloat(value.value as number)
    default:
      return String(value.value)
  }
}

/** `repr` of a float: the shortest digits that give it back, an exponent from 1e16 on and below 1e-4. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  if (Object.is(value, -0)) return '-0.0'
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  const digits = String(value)
  return /[.]/.test(digits) ? digits : `${digits}.0`
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const body = text.replace(/[\\\p{C}\p{Z}'"]/gu, (c) => {
    if (c === ' ') return c
    if (c === "'" || c === '"') return c === quote ? `\\${c}` : c
    const known = ESCAPES.get(c)
    if (known !== undefined) return known
    const code = c.codePointAt(0)!
    const hex = code.toString(16)
    return code < 0x100
      ? `\\x${hex.padStart(2, '0')}`
      : code < 0x10000
        ? `\\u${hex.padStart(4, '0')}`
        : `\\U${hex.padStart(8, '0')}`
  })
  return quote + body + quote
}

/** Options of `json.dumps`. */
export interface JsonStyle {
  readonly ensureAscii: boolean
  /** What one level of indentation is, or `null` for one line. */
  readonly indent: string | null
  readonly separators: readonly [item: string, key: string]
  readonly sortKeys: boolean
}

/** What `tojson` of HF's chat templates writes when nothing is asked for. */
export const PLAIN_JSON: JsonStyle = { ensureAscii: false, indent: null, separators: [', ', ': '], sortKeys: false }

/** `json.dumps(value)`; `undefined` when some value in it is none that JSON has. */
export function pythonJson(value: Value, style: JsonStyle = PLAIN_JSON, margin = ''): string | undefined {
  const text = stringOf(value)
  if (text !== undefined) return jsonText(text, style)
  const inner = margin + (style.indent ?? '')
  const around = (parts: readonly (string | undefined)[], open: string, close: string): string | undefined => {
    if (parts.includes(undefined)) return undefined
    if (parts.length === 0) return open + close
    const [item] = style.separators
    if (style.indent === null) return open + parts.join(item) + close
    return `${open}\n${inner}${parts.join(`${item}\n${inner}`)}\n${margin}${close}`
  }
  const items = itemsOf(value)
  if (items)
    return around(
      items.map((member) => pythonJson(member, style, inner)),
      '[',
      ']',
    )
  const entries = entriesOf(value)
  if (entries) {
    const pairs = [...entries]
    if (style.sortKeys) pairs.sort(([a], [b]) => compareCodePoints(a, b))
    const parts = pairs.map(([key, member]) => {
      const written = pythonJson(member, style, inner)
      return written === undefined ? undefined : jsonText(key, style) + style.separators[1] + written
    })
    return around(parts, '{', '}')
  }
  switch (value.type) {
    case 'NullValue':
      return 'null'
    case 'BooleanValue':
      return value.value ? 'true' : 'false'
    case 'IntegerValue':
      return String(value.value)
    case 'FloatValue':
      return jsonFloat(value.value as number)
    default:
      return undefined
  }
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? pythonFloat(value) : value < 0 ? '-Infinity' : 'Infinity'
}

function jsonText(text: string, { ensureAscii }: JsonStyle): string {
  const written = JSON.stringify(text)
  if (!ensureAscii) return written
  return written.replace(/[\x7f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Order of strings in Python: by code points, not by UTF-16 units. */
export function compareCodePoints(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    // A surrogate stands for something above U+FFFF.
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

const rank = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)

/** `left == right` of Python: numbers by value (True is 1), lists and dicts by their members, everything else by kind and value. */
export function pythonEquals(left: Value, right: Value): boolean {
  const numbers = [numberOf(left), numberOf(right)]
  // biome-ignore lint/suspicious/noDoubleEquals: 1n and 1 are one integer
  if (numbers[0] !== undefined && numbers[1] !== undefined) return numbers[0] == numbers[1]
  if (left.type !== right.type) return false
  const [items, others] = [itemsOf(left), itemsOf(right)]
  if (items && others) return items.length === others.length && items.every((item, i) => pythonEquals(item, others[i]!))
  const [entries, theirs] = [entriesOf(left), entriesOf(right)]
  if (entries && theirs) {
    if (entries.size !== theirs.size) return false
    for (const [key, member] of entries) {
      const other = theirs.get(key)
      if (other === undefined || !pythonEquals(member, other)) return false
    }
    return true
  }
  return left.value === right.value || (left.type === 'UndefinedValue' && right.type === 'UndefinedValue')
}

function numberOf(value: Value): number | bigint | undefined {
  if (value.type === 'BooleanValue') return Number(value.value)
  return value.type === 'IntegerValue' || value.type === 'FloatValue' ? (value.value as number | bigint) : undefined
}
