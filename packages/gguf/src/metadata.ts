// The key-value part of a GGUF file, as a read-only map with typed accessors. An accessor checks the stored type and never
// converts between kinds; an absent key is `undefined`, because whether a key is needed is the model loader's business.

import { FakError, label } from '@fak/tensor'
import { GgufArray, type GgufItems, type GgufStringBytes } from './array.js'
import { type GgufKind, type GgufKnownKey, type GgufKnownValue, type GgufNumbers, knownKind } from './known-keys.js'
import { type GgufNumberType, type GgufScalarType, type GgufValueType, isNumberType } from './value-types.js'

/** A value as the file stores it: numbers of 64-bit integer types are bigint, arrays are decoded on request. */
export type GgufValue = number | bigint | boolean | string | GgufArray

/** One key-value pair with its places in the file. */
export interface GgufEntry {
  readonly type: GgufValueType
  readonly value: GgufValue
  /** Byte offset of the pair, which is where its key begins. */
  readonly offset: number
  /** Byte offset of the value, after its type. */
  readonly valueOffset: number
}

/** Metadata of a GGUF file. Keys are exact: byte for byte as stored, and `__proto__` is a key like any other. */
export class GgufMetadata implements Iterable<[string, GgufValue]> {
  readonly #entries: ReadonlyMap<string, GgufEntry>
  readonly #file: string | null

  /** @internal Made by the parser. */
  constructor(file: string | null, entries: ReadonlyMap<string, GgufEntry>) {
    this.#file = file
    this.#entries = entries
  }

  /** Number of keys. */
  get size(): number {
    return this.#entries.size
  }

  /** True when the file has the key. */
  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** The value as stored, or `undefined`. */
  get(key: string): GgufValue | undefined {
    return this.#entries.get(key)?.value
  }

  /** Type, value and place in the file, e.g. for a message about the value. */
  entry(key: string): GgufEntry | undefined {
    return this.#entries.get(key)
  }

  /** Keys in file order. */
  keys(): IterableIterator<string> {
    return this.#entries.keys()
  }

  /** Keys and entries in file order, as the writer takes them: `new Map(metadata.entries())` is a copy to edit. */
  entries(): IterableIterator<[string, GgufEntry]> {
    return this.#entries.entries()
  }

  /** Keys and stored values in file order. */
  *[Symbol.iterator](): IterableIterator<[string, GgufValue]> {
    for (const [key, { value }] of this.#entries) yield [key, value]
  }

  /**
   * Value of a key that this project knows, with its TypeScript type; `undefined` when absent.
   *
   * @throws FakError `GGUF_WRONG_TYPE` when the file stores another kind of value under it.
   */
  known<K extends GgufKnownKey>(key: K): GgufKnownValue<K> | undefined {
    const read: { [Kind in GgufKind]: (key: string) => unknown } = {
      string: (k) => this.string(k),
      number: (k) => this.number(k),
      boolean: (k) => this.boolean(k),
      strings: (k) => this.strings(k),
      numbers: (k) => this.numbers(k),
      booleans: (k) => this.booleans(k),
    }
    return read[knownKind(key)!](key) as GgufKnownValue<K> | undefined
  }

  /** @throws FakError `GGUF_WRONG_TYPE` when the value is not a string. */
  string(key: string): string | undefined {
    return this.#scalar(key, 'a string', (value) => (typeof value === 'string' ? value : undefined))
  }

  /** @throws FakError `GGUF_WRONG_TYPE` when the value is not a bool. */
  boolean(key: string): boolean | undefined {
    return this.#scalar(key, 'a bool', (value) => (typeof value === 'boolean' ? value : undefined))
  }

  /**
   * A number of any stored type.
   *
   * @throws FakError `GGUF_WRONG_TYPE` when the value is no number, `GGUF_NUMBER_TOO_LARGE` when it is a 64-bit integer that
   *   a double cannot hold exactly.
   */
  number(key: string): number | undefined {
    return this.#scalar(key, 'a number', (value) => {
      if (typeof value === 'bigint') return this.#exact(value, key, this.#entries.get(key)!.valueOffset)
      return typeof value === 'number' ? value : undefined
    })
  }

  /**
   * An integer of any stored type, as bigint.
   *
   * @throws FakError `GGUF_WRONG_TYPE` when the value is stored as no integer type.
   */
  bigint(key: string): bigint | undefined {
    const type = this.#entries.get(key)?.type
    return this.#scalar(key, 'an integer', (value) => {
      if (typeof value === 'bigint') return value
      return typeof value === 'number' && type !== 'f32' && type !== 'f64' ? BigInt(value) : undefined
    })
  }

  /** @throws FakError `GGUF_WRONG_TYPE` when the value is not an array. */
  array(key: string): GgufArray | undefined {
    return this.#scalar(key, 'an array', (value) => (value instanceof GgufArray ? value : undefined))
  }

  /** Decodes an array of strings. @throws FakError `GGUF_WRONG_TYPE` for anything else. */
  strings(key: string): string[] | undefined {
    return this.#items(key, 'an array of strings', (type) => type === 'string')?.toArray() as GgufItems<'string'>
  }

  /**
   * An array of strings as bytes, without decoding: a vocabulary of 250,000 tokens takes a few milliseconds.
   *
   * @throws FakError `GGUF_WRONG_TYPE` for anything else.
   */
  stringBytes(key: string): GgufStringBytes | undefined {
    return this.#items(key, 'an array of strings', (type) => type === 'string')?.stringBytes()
  }

  /** Decodes an array of bools. @throws FakError `GGUF_WRONG_TYPE` for anything else. */
  booleans(key: string): boolean[] | undefined {
    return this.#items(key, 'an array of bools', (type) => type === 'bool')?.toArray() as GgufItems<'bool'>
  }

  /**
   * Decodes an array of numbers of any stored type.
   *
   * @throws FakError `GGUF_WRONG_TYPE` for anything else, `GGUF_NUMBER_TOO_LARGE` for a 64-bit integer among them that a
   *   double cannot hold exactly; {@link GgufArray.toArray} gives those as bigint.
   */
  numbers(key: string): GgufNumbers | undefined {
    const array = this.#items(key, 'an array of numbers', isNumberType)
    const items = array?.toArray() as GgufItems<GgufNumberType> | undefined
    if (items instanceof BigInt64Array || items instanceof BigUint64Array) {
      const exact = new Float64Array(items.length)
      for (const [i, item] of items.entries()) exact[i] = this.#exact(item, `${key}[${i}]`, array!.offset + i * 8)
      return exact
    }
    return items
  }

  #scalar<T>(key: string, wanted: string, read: (value: GgufValue) => T | undefined): T | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    return read(entry.value) ?? this.#wrongType(key, wanted, entry)
  }

  #items(key: string, wanted: string, fits: (type: GgufScalarType) => boolean): GgufArray | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.value instanceof GgufArray && fits(entry.value.itemType)) return entry.value
    return this.#wrongType(key, wanted, entry)
  }

  #wrongType(key: string, wanted: string, { type, value, offset }: GgufEntry): never {
    const found = value instanceof GgufArray ? `an array of ${value.itemType}` : type
    const reason = `${wanted} is expected, ${found} is stored`
    throw new FakError('GGUF_WRONG_TYPE', { file: this.#file, reason, offset, field: label(key) })
  }

  #exact(value: bigint, field: string, offset: number): number {
    if (Number.isSafeInteger(Number(value))) return Number(value)
    const reason = `${value} lies outside the integers that a double holds exactly, ±${Number.MAX_SAFE_INTEGER}`
    throw new FakError('GGUF_NUMBER_TOO_LARGE', { file: this.#file, reason, offset, field: label(field) })
  }
}
