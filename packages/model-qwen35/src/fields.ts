// Numbers, words and lists out of a foreign configuration, each checked and each refused by name. What they mean is config.ts's business.

import { FakError, quote } from '@fak/tensor'

/** Error codes of one configuration format. */
export interface FieldCodes {
  readonly missing: string
  readonly wrongType: string
  readonly badValue: string
}

/** A list as a format holds it: a JSON array, or an array that is decoded when asked. */
interface List {
  readonly length: number
  toArray?(): ArrayLike<unknown>
}

/** Checked access to the fields of a configuration. */
export class Fields {
  readonly #get: (key: string) => unknown
  readonly #codes: FieldCodes
  readonly #file: string | null
  readonly #prefix: string

  /** @param prefix What stands before every key in the file; only messages need it. */
  constructor(get: (key: string) => unknown, codes: FieldCodes, file: string | null, prefix = '') {
    this.#get = get
    this.#codes = codes
    this.#file = file
    this.#prefix = prefix
  }

  /** Whether the field is there; `null` is not. */
  has(key: string): boolean {
    return (this.#get(key) ?? undefined) !== undefined
  }

  /** A whole number from `min` to `max`. */
  count(key: string, max: number, min = 1): number {
    const value = this.#number(key)
    if (Number.isInteger(value) && value >= min && value <= max) return value
    return this.bad(key, `must be a whole number from ${min} to ${max}, got ${value}`)
  }

  /** A finite number above zero. */
  positive(key: string): number {
    const value = this.#number(key)
    if (Number.isFinite(value) && value > 0) return value
    return this.bad(key, `must be a finite number above 0, got ${value}`)
  }

  /** A text. */
  text(key: string): string {
    const value = this.#present(key)
    return typeof value === 'string' ? value : this.#wrongType(key, 'a text', value)
  }

  /** A truth value. */
  flag(key: string): boolean {
    const value = this.#present(key)
    return typeof value === 'boolean' ? value : this.#wrongType(key, 'true or false', value)
  }

  /** The items of a list of exactly `length` entries. */
  list(key: string, length: number): unknown[] {
    const list = this.listOf(key)
    if (list.length !== length) this.bad(key, `must have ${length} entries, got ${list.length}`)
    return Array.isArray(list) ? list : Array.from(list.toArray?.() ?? [])
  }

  /** A list, not yet decoded. */
  listOf(key: string): List {
    const value = this.#present(key)
    const isList = Array.isArray(value) || (typeof value === 'object' && value !== null && 'toArray' in value)
    return isList ? (value as unknown as List) : this.#wrongType(key, 'a list', value)
  }

  /** Refuses any value but the ones listed; an absent field passes. */
  only(key: string, ...allowed: readonly unknown[]): void {
    const value = this.#get(key)
    if (!this.has(key) || allowed.includes(value)) return
    this.bad(key, `must be ${allowed.map((word) => JSON.stringify(word)).join(' or ')}, got ${describe(value)}`)
  }

  /** Refuses a field whose value cannot be used. */
  bad(key: string, reason: string): never {
    throw this.#error(this.#codes.badValue, key, reason)
  }

  #wrongType(key: string, expected: string, value: unknown): never {
    throw this.#error(this.#codes.wrongType, key, `must be ${expected}, got ${describe(value)}`)
  }

  #present(key: string): unknown {
    if (!this.has(key)) throw this.#error(this.#codes.missing, key, 'is missing')
    return this.#get(key)
  }

  #number(key: string): number {
    const value = this.#present(key)
    if (typeof value === 'bigint') return Number(value)
    return typeof value === 'number' ? value : this.#wrongType(key, 'a number', value)
  }

  #error(code: string, key: string, reason: string): FakError {
    const field = this.#prefix + key
    return new FakError(code, { file: this.#file, field, reason: `${field} ${reason}` })
  }
}

/** The object of a parsed JSON text. */
export type JsonObject = Readonly<Record<string, unknown>>

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A property of a JSON object, never of its prototype; `null` counts as absent. */
export const own = (object: JsonObject, key: string): unknown =>
  Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined

/** A foreign value for a message: short, quoted when it is a text. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  return typeof value === 'object' ? (Array.isArray(value) ? 'a list' : 'an object') : String(value)
}
