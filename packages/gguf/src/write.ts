// Writing GGUF, version 3, in the layout of the official writer: descriptions in the given order, tensor data in the same
// order, each padded with zeros to the alignment, the last one too. What is written has passed the reader's own checks.

import { byteLength, FakError, label, tensorBytes, type WritableTensor } from '@fak/tensor'
import { GgufArray } from './array.js'
import { Cursor } from './cursor.js'
import { HeaderBytes } from './header-bytes.js'
import { checkLayout } from './layout.js'
import { DEFAULT_ALIGNMENT, MAX_ALIGNMENT } from './limits.js'
import type { GgufEntry } from './metadata.js'
import { parseHeader } from './parse.js'
import { tensorTypeId } from './tensor-types.js'
import { type GgufNumberType, type GgufScalarType, isNumberType, numberTypes, valueTypeId } from './value-types.js'

/** An array to write: the type of its items and the items, or an array read from another file. */
export type GgufArrayContent =
  | GgufArray
  | { readonly itemType: GgufScalarType; readonly items: Iterable<number | bigint | boolean | string> }

/** A metadata value to write. An entry that was read from a file is one. */
export type GgufValueContent =
  | { readonly type: GgufScalarType; readonly value: GgufEntry['value'] }
  | { readonly type: 'array'; readonly value: GgufArrayContent | GgufEntry['value'] }

/** Everything that goes into a file. */
export interface GgufContent {
  /**
   * Keys and values in their order. `new Map(file.metadata.entries())` copies those of an opened file. The alignment of the
   * tensor data is the value of `general.alignment`, 32 without it.
   */
  readonly metadata: Iterable<readonly [string, GgufValueContent]>
  /** Tensors in their order. Data of one that was read from a file is copied as it is stored. */
  readonly tensors: Iterable<WritableTensor>
}

/** Options of everything that writes a file. */
export interface GgufWriteOptions {
  /** Ends writing; its reason is thrown. */
  signal?: AbortSignal
  /** Hears of progress: bytes done of bytes in all, after every piece of a few megabytes. */
  onProgress?: (done: number, total: number) => void
}

/**
 * Encodes a GGUF file as a stream of chunks: the header, then tensor data as it comes. Memory does not grow with the tensors.
 * In a browser {@link ggufStream} is the same as a `ReadableStream`.
 *
 * @throws FakError `GGUF_BAD_VALUE` for a value that its type cannot hold, `GGUF_BAD_TENSOR_TYPE` for a type that GGUF cannot
 *   store, `SIZE_MISMATCH` for tensor data of the wrong length, and every `GGUF_` code that reading the file would give.
 */
export async function* encodeGguf(
  content: GgufContent,
  options: GgufWriteOptions = {},
): AsyncGenerator<Uint8Array, void> {
  options.signal?.throwIfAborted()
  const { header, tensors, alignment, byteLength: total } = layOut(content)
  let done = 0
  const passed = (chunk: Uint8Array): Uint8Array => {
    done += chunk.length
    options.onProgress?.(done, total)
    return chunk
  }
  yield passed(header)
  for (const { tensor, size } of tensors) {
    for await (const piece of tensorBytes(tensor, size, options)) yield passed(piece)
    const padding = padded(size, alignment) - size
    if (padding > 0) yield passed(new Uint8Array(padding))
  }
}

/** Everything about a file that is known before its tensor data. */
interface LaidOut {
  readonly header: Uint8Array
  readonly tensors: readonly { readonly tensor: WritableTensor; readonly size: number }[]
  readonly alignment: number
  /** Bytes of the whole file. */
  readonly byteLength: number
}

/**
 * Bytes that the file of some content takes; no tensor data is asked for.
 *
 * @throws FakError as {@link encodeGguf}, but for tensor data
 */
export const ggufByteLength = (content: GgufContent): number => layOut(content).byteLength

/** Checks content and lays it out as a file. */
export function layOut(content: GgufContent): LaidOut {
  const entries = [...content.metadata]
  const tensors = Array.from(content.tensors, (tensor) => ({ tensor, size: byteLength(tensor.dtype, tensor.shape) }))
  const alignment = alignmentOf(entries)
  const header = encodeHeader(entries, tensors, alignment)
  const total = tensors.reduce((sum, { size }) => sum + padded(size, alignment), header.length)
  return { header, tensors, alignment, byteLength: total }
}

/**
 * {@link encodeGguf} as a `ReadableStream`, for `pipeTo` a file that a browser picked, a `Response` or an upload. Nothing is read
 * ahead of the consumer; cancelling the stream ends the reading.
 */
export function ggufStream(content: GgufContent, options: GgufWriteOptions = {}): ReadableStream<Uint8Array> {
  const chunks = encodeGguf(content, options)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await chunks.return()
      },
    },
    { highWaterMark: 0 },
  )
}

type Entries = readonly (readonly [string, GgufValueContent])[]

function encodeHeader(entries: Entries, tensors: LaidOut['tensors'], alignment: number): Uint8Array {
  const header = new HeaderBytes()
  header.bytes(Uint8Array.of(0x47, 0x47, 0x55, 0x46)) // GGUF
  header.number('u32', 3)
  header.number('u64', BigInt(tensors.length))
  header.number('u64', BigInt(entries.length))
  for (const [key, value] of entries) {
    header.string(key, key)
    encodeValue(header, key, value)
  }
  let dataOffset = 0
  for (const { tensor, size } of tensors) {
    header.string(tensor.name, tensor.name)
    encodeDescription(header, tensor, dataOffset)
    dataOffset += padded(size, alignment)
  }
  // The official writer pads the header where tensor data begins, so not without tensors.
  if (tensors.length > 0) header.pad(alignment)
  const bytes = header.finish()
  // The reader's checks are the rules of the format, so they are asked rather than repeated.
  const cursor = new Cursor(null, bytes.length + dataOffset)
  cursor.load(bytes)
  const step = parseHeader(cursor).next()
  if (step.done) checkLayout(cursor, step.value)
  return bytes
}

function encodeDescription(header: HeaderBytes, { name, dtype, shape }: WritableTensor, dataOffset: number): void {
  const id = tensorTypeId(dtype)
  if (id === undefined) {
    throw new FakError('GGUF_BAD_TENSOR_TYPE', { reason: `GGUF cannot store ${dtype}`, field: label(name) })
  }
  // A scalar has no dimensions, and GGUF asks for at least one.
  const dimensions = shape.length === 0 ? [1] : shape.toReversed()
  header.number('u32', dimensions.length)
  for (const dimension of dimensions) header.number('u64', BigInt(dimension))
  header.number('u32', id)
  header.number('u64', BigInt(dataOffset))
}

function encodeValue(header: HeaderBytes, key: string, content: GgufValueContent): void {
  header.number('u32', valueTypeId(content.type))
  if (content.type !== 'array') {
    encodeScalar(header, key, content.type, content.value)
    return
  }
  const array = content.value
  if (typeof array !== 'object') throw badValue(key, 'an array', array)
  header.number('u32', valueTypeId(array.itemType))
  if (array instanceof GgufArray) {
    header.number('u64', BigInt(array.length))
    header.bytes(array.stored)
    return
  }
  const items = [...array.items]
  header.number('u64', BigInt(items.length))
  for (const item of items) encodeScalar(header, key, array.itemType, item)
}

function encodeScalar(header: HeaderBytes, key: string, type: GgufScalarType, value: GgufValueContent['value']): void {
  if (type === 'string') {
    if (typeof value !== 'string') throw badValue(key, type, value)
    header.string(value, key)
  } else if (type === 'bool') {
    if (typeof value !== 'boolean') throw badValue(key, type, value)
    header.number('u8', value ? 1 : 0)
  } else {
    if (!isNumberType(type) || !holds(type, value)) throw badValue(key, type, value)
    header.number(type, value)
  }
}

/** True when the value is a number that the type holds; floating point holds every number, rounded. */
function holds(type: GgufNumberType, value: unknown): value is number & bigint {
  if (type === 'f32' || type === 'f64') return typeof value === 'number'
  const { bytes } = numberTypes[type]
  if (typeof value !== (bytes === 8 ? 'bigint' : 'number')) return false
  if (bytes < 8 && !Number.isInteger(value)) return false
  const integer = BigInt(value as number | bigint)
  const wrap = type.startsWith('u') ? BigInt.asUintN : BigInt.asIntN
  return wrap(8 * bytes, integer) === integer
}

function alignmentOf(entries: Entries): number {
  const value = entries.find(([key]) => key === 'general.alignment')?.[1].value ?? DEFAULT_ALIGNMENT
  // A bad one is refused by the reader's checks; until then any sane number will do for padding.
  return typeof value === 'number' && value >= 1 && value <= MAX_ALIGNMENT ? value : DEFAULT_ALIGNMENT
}

const padded = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment

function badValue(key: string, type: string, value: unknown): FakError {
  const shown = typeof value === 'string' ? 'a string' : typeof value === 'object' ? 'an array' : String(value)
  return new FakError('GGUF_BAD_VALUE', { reason: `${type} cannot hold ${shown}`, field: label(key) })
}
