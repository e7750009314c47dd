// An array value of the metadata. The parser has checked every item; decoding waits until somebody asks.

import { decodeUtf8 } from '@fak/tensor'
import type { LoadedHeader } from './cursor.js'
import { type GgufNumberType, type GgufScalarType, numberTypes } from './value-types.js'

const typedArrays = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  f64: Float64Array,
} as const satisfies Record<GgufNumberType, unknown>

/** Items of a decoded array: `string[]`, `boolean[]`, or the typed array of a number type. */
export type GgufItems<T extends GgufScalarType = GgufScalarType> = T extends 'string'
  ? string[]
  : T extends 'bool'
    ? boolean[]
    : T extends GgufNumberType
      ? InstanceType<(typeof typedArrays)[T]>
      : never

/**
 * The strings of an array where they lie, for readers that build their own tables and need no JavaScript strings: string `i` is
 * `bytes[starts[i], ends[i])`, which the parser found to be valid UTF-8.
 */
export interface GgufStringBytes {
  /** Number of strings. */
  readonly length: number
  /** A view of the loaded header: it must not be changed. */
  readonly bytes: Uint8Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** True when two values have the same type and the same stored content. NaN is the same as NaN. */
export function sameValue(a: TypedValue, b: TypedValue): boolean {
  const [x, y] = [a.value, b.value]
  if (!(x instanceof GgufArray && y instanceof GgufArray)) return a.type === b.type && Object.is(x, y)
  const [left, right] = [x.stored, y.stored]
  return x.itemType === y.itemType && left.length === right.length && left.every((byte, index) => byte === right[index])
}

interface TypedValue {
  readonly type: string
  readonly value: unknown
}

/** Strings are decoded in groups of about this many bytes: one decoder call for many short strings. */
const DECODE_BYTES = 65_536

/** An array value: its type and length are known, its items are decoded by {@link GgufArray.toArray}. */
export class GgufArray<T extends GgufScalarType = GgufScalarType> {
  readonly #header: LoadedHeader

  /** @internal Made by the parser after it checked all items. */
  constructor(
    header: LoadedHeader,
    readonly itemType: T,
    /** Number of items. */
    readonly length: number,
    /** Byte offset of the first item in the file. */
    readonly offset: number,
    /** Bytes that the items take in the file. */
    readonly byteLength: number,
  ) {
    this.#header = header
  }

  /** The items as they are stored, for copying. A view: it must not be changed. */
  get stored(): Uint8Array {
    return this.#header.bytes.subarray(this.offset, this.offset + this.byteLength)
  }

  /**
   * Decodes all items, or only the first `count`. Every call decodes again: keep the result. 64-bit integers are bigint.
   */
  toArray(count: number = this.length): GgufItems<T> {
    return this.#decode(Math.min(count, this.length)) as GgufItems<T>
  }

  /** @internal Strings as bytes; only for arrays of strings. */
  stringBytes(): GgufStringBytes {
    const { length, stored: bytes } = this
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const starts = new Uint32Array(length)
    const ends = new Uint32Array(length)
    for (let i = 0, at = 0; i < length; i++) {
      starts[i] = at + 8
      at += 8 + view.getUint32(at, true)
      ends[i] = at
    }
    return { length, bytes, starts, ends }
  }

  #decode(count: number): GgufItems {
    const { bytes } = this.#header
    const type: GgufScalarType = this.itemType
    if (type === 'string') return decodeStrings(bytes, this.offset, count)
    if (type === 'bool') {
      return Array.from(bytes.subarray(this.offset, this.offset + count), (byte) => byte === 1)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + this.offset)
    const items = new typedArrays[type](count)
    const { bytes: step, read } = numberTypes[type]
    for (let i = 0; i < count; i++) items[i] = read(view, i * step)
    return items
  }
}

/**
 * Decodes consecutive strings, each behind its 64-bit length. Their bytes are gathered without the lengths and decoded
 * together, then cut by their UTF-16 lengths: a decoder call per token would dominate the load of a large vocabulary.
 */
function decodeStrings(bytes: Uint8Array, offset: number, count: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const strings: string[] = []
  const ends: number[] = []
  let group = new Uint8Array(DECODE_BYTES)
  let filled = 0
  let units = 0
  const flush = (): void => {
    const text = decodeUtf8(group.subarray(0, filled))
    let from = 0
    for (const end of ends) {
      strings.push(text.slice(from, end))
      from = end
    }
    ends.length = filled = units = 0
  }
  for (let i = 0, at = offset; i < count; i++) {
    const start = at + 8
    at = start + view.getUint32(start - 8, true)
    if (filled + at - start > group.length) flush()
    if (at - start > group.length) group = new Uint8Array(at - start)
    for (let from = start; from < at; from++) {
      const byte = bytes[from]!
      group[filled++] = byte
      // Every character counts at its first byte; those of four bytes are a surrogate pair.
      units += (byte & 0xc0) === 0x80 ? 0 : byte >= 0xf0 ? 2 : 1
    }
    ends.push(units)
  }
  flush()
  return strings
}
