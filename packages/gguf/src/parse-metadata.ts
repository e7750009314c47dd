// Parsing of the key-value part. Every item of every array is visited and checked; only scalars are decoded here.

import { label } from '@fak/tensor'
import { GgufArray } from './array.js'
import type { Cursor, Parsing } from './cursor.js'
import { MAX_ARRAY_ITEMS, MAX_KEY_BYTES, MAX_STRING_BYTES } from './limits.js'
import type { GgufEntry, GgufValue } from './metadata.js'
import { type GgufScalarType, type GgufValueType, numberTypes, valueTypeOf } from './value-types.js'

/** Reads `count` key-value pairs at the cursor. */
export function* parseEntries(cursor: Cursor, count: number): Parsing<Map<string, GgufEntry>> {
  const entries = new Map<string, GgufEntry>()
  for (let index = 0; index < count; index++) {
    const offset = cursor.at
    const key = yield* parseKey(cursor, index)
    const earlier = entries.get(key)
    if (earlier !== undefined) {
      const reason = `the key stands at byte ${earlier.offset} and again at byte ${offset}`
      throw cursor.error('GGUF_DUPLICATE_KEY', reason, offset, label(key))
    }
    const type = yield* parseType(cursor, label(key))
    const valueOffset = cursor.at
    const value = type === 'array' ? yield* parseArray(cursor, key) : yield* parseScalar(cursor, type, key)
    entries.set(key, { type, value, offset, valueOffset })
  }
  return entries
}

function* parseKey(cursor: Cursor, index: number): Parsing<string> {
  const field = (): string => `key ${index}`
  const offset = cursor.at
  const length = yield* cursor.u64(field)
  if (length === 0n) throw cursor.error('GGUF_EMPTY_KEY', `key ${index} is empty`, offset, field())
  if (length > MAX_KEY_BYTES) throw tooLong(cursor, length, MAX_KEY_BYTES, offset, field())
  return yield* cursor.text(Number(length), field)
}

function* parseType(cursor: Cursor, field: string): Parsing<GgufValueType> {
  const offset = cursor.at
  const id = yield* cursor.u32(() => field)
  const type = valueTypeOf(id)
  if (type !== undefined) return type
  throw cursor.error('GGUF_BAD_VALUE_TYPE', `value type ${id} is not one of 0 to 12`, offset, field)
}

function* parseScalar(cursor: Cursor, type: GgufScalarType, key: string): Parsing<Exclude<GgufValue, GgufArray>> {
  const field = (): string => label(key)
  const offset = cursor.at
  if (type === 'string') {
    const length = yield* cursor.u64(field)
    if (length > MAX_STRING_BYTES) throw tooLong(cursor, length, MAX_STRING_BYTES, offset, field())
    return yield* cursor.text(Number(length), field)
  }
  if (type === 'bool') {
    yield* cursor.need(1, field)
    checkBool(cursor, field)
    return cursor.bytes[cursor.at++] === 1
  }
  const { bytes, read } = numberTypes[type]
  yield* cursor.need(bytes, field)
  cursor.at += bytes
  return read(cursor.view, offset)
}

function* parseArray(cursor: Cursor, key: string): Parsing<GgufArray> {
  const field = (): string => label(key)
  const typeOffset = cursor.at
  const type = yield* parseType(cursor, label(key))
  if (type === 'array') {
    throw cursor.error('GGUF_NESTED_ARRAY', 'an array of arrays is not supported', typeOffset, field())
  }
  const offset = cursor.at
  const declared = yield* cursor.u64(field)
  if (declared > MAX_ARRAY_ITEMS) {
    const reason = `the array has ${declared} items, at most ${MAX_ARRAY_ITEMS} are allowed`
    throw cursor.error('GGUF_ARRAY_TOO_LONG', reason, offset, field())
  }
  const count = Number(declared)
  // An item takes at least its fixed size, for a string that of its length.
  const itemBytes = type === 'string' ? 8 : type === 'bool' ? 1 : numberTypes[type].bytes
  if (count * itemBytes > cursor.left) {
    const reason = `${count} items of type ${type} take at least ${count * itemBytes} bytes, ${cursor.left} are left`
    throw cursor.error('GGUF_ARRAY_TOO_LONG', reason, offset, field())
  }
  const start = cursor.at
  if (type === 'string') yield* skipStrings(cursor, count, key)
  else {
    yield* cursor.need(count * itemBytes, field)
    const end = start + count * itemBytes
    if (type === 'bool') for (; cursor.at < end; cursor.at++) checkBool(cursor, () => item(key, cursor.at - start))
    cursor.at = end
  }
  return new GgufArray(cursor, type, count, start, cursor.at - start)
}

/** Checks lengths and UTF-8 of `count` strings. A vocabulary has hundreds of thousands: nothing is allocated per string. */
function* skipStrings(cursor: Cursor, count: number, key: string): Parsing<void> {
  let i = 0
  const field = (): string => item(key, i)
  for (; i < count; i++) {
    const offset = cursor.at
    if (offset + 8 > cursor.bytes.length) yield* cursor.need(8, field)
    const length = cursor.view.getUint32(offset, true)
    if (length > MAX_STRING_BYTES || cursor.view.getUint32(offset + 4, true) !== 0) {
      throw tooLong(cursor, cursor.view.getBigUint64(offset, true), MAX_STRING_BYTES, offset, field())
    }
    cursor.at = offset + 8
    if (cursor.at + length > cursor.bytes.length) yield* cursor.need(length, field)
    cursor.checkUtf8(cursor.at, cursor.at + length, field)
    cursor.at += length
  }
}

function checkBool(cursor: Cursor, field: () => string): void {
  const byte = cursor.bytes[cursor.at]!
  if (byte <= 1) return
  throw cursor.error('GGUF_BAD_BOOL', `a bool is 0 or 1, found ${byte}`, cursor.at, field())
}

function tooLong(cursor: Cursor, length: bigint, limit: number, offset: number, field: string): Error {
  return cursor.error('GGUF_STRING_TOO_LONG', `length ${length} exceeds the limit of ${limit} bytes`, offset, field)
}

const item = (key: string, index: number): string => `${label(key)}[${index}]`
