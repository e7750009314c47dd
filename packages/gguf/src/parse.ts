// Parsing of the header from the first byte to the start of the tensor data, in file order: the first defect is reported.
// Layout of a GGUF file (specification, ggml docs/gguf.md): magic, version u32, tensor count u64, key count u64, key-value
// pairs, tensor descriptions, padding to the alignment, tensor data.

import { byteLength, checkedProduct, type DType, dtypes, label } from '@fak/tensor'
import type { Cursor, Parsing } from './cursor.js'
import {
  DEFAULT_ALIGNMENT,
  DIMENSION_END,
  MAX_ALIGNMENT,
  MAX_DIMENSIONS,
  MAX_KEYS,
  MAX_TENSOR_NAME_BYTES,
  MAX_TENSORS,
  MIN_ENTRY_BYTES,
  MIN_TENSOR_INFO_BYTES,
} from './limits.js'
import { GgufMetadata } from './metadata.js'
import { parseEntries } from './parse-metadata.js'
import { describeForeignFile } from './sniff.js'
import { tensorTypeOf } from './tensor-types.js'

/** Description of one tensor as it stands in the header. */
export interface ParsedTensor {
  readonly name: string
  readonly dtype: DType
  /** Slowest dimension first: the reverse of the order in the file. */
  readonly shape: readonly number[]
  readonly byteLength: number
  /** Offset of the data from the start of all tensor data. */
  readonly dataOffset: number
  /** Byte offset of the description in the file. */
  readonly infoOffset: number
}

/** The parsed header. Tensors have sane types and sizes; where their data lies is checked by `placeTensors`. */
export interface ParsedHeader {
  readonly version: number
  readonly alignment: number
  readonly metadata: GgufMetadata
  readonly tensors: readonly ParsedTensor[]
  /** Byte offset of the tensor data: the end of the descriptions, padded. */
  readonly dataOffset: number
}

/** Parses the header at the beginning of a file. */
export function* parseHeader(cursor: Cursor): Parsing<ParsedHeader> {
  yield* parseMagic(cursor)
  const version = yield* parseVersion(cursor)
  // The limits come with what they cost at least, so that a count is never believed beyond the bytes that are there.
  const tensorCount = yield* parseCount(cursor, 'tensor count', MAX_TENSORS, MIN_TENSOR_INFO_BYTES)
  const keyCount = yield* parseCount(cursor, 'key count', MAX_KEYS, MIN_ENTRY_BYTES)
  const metadata = new GgufMetadata(cursor.file, yield* parseEntries(cursor, keyCount))
  const alignment = alignmentOf(cursor, metadata)
  const tensors = new Map<string, ParsedTensor>()
  for (let index = 0; index < tensorCount; index++) {
    const tensor = yield* parseTensor(cursor, index, alignment)
    const earlier = tensors.get(tensor.name)
    if (earlier !== undefined) {
      const reason = `the tensor is described at byte ${earlier.infoOffset} and again at byte ${tensor.infoOffset}`
      throw cursor.error('GGUF_DUPLICATE_TENSOR', reason, tensor.infoOffset, label(tensor.name))
    }
    tensors.set(tensor.name, tensor)
  }
  const dataOffset = Math.ceil(cursor.at / alignment) * alignment
  return { version, alignment, metadata, tensors: [...tensors.values()], dataOffset }
}

function* parseMagic(cursor: Cursor): Parsing<void> {
  yield* cursor.need(4, () => 'magic')
  const magic = cursor.bytes.subarray(0, 4)
  if (String.fromCharCode(...magic) !== 'GGUF') {
    const hex = Array.from(magic, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const like = describeForeignFile(cursor.bytes)
    const reason = `the file begins with the bytes ${hex}, not with "GGUF"${like === undefined ? '' : `; it looks like ${like}`}`
    throw cursor.error('GGUF_BAD_MAGIC', reason, 0, 'magic')
  }
  cursor.at = 4
}

function* parseVersion(cursor: Cursor): Parsing<number> {
  const version = yield* cursor.u32(() => 'version')
  if (version === 2 || version === 3) return version
  const swapped = (version >>> 24) | ((version >>> 8) & 0xff00)
  if ((version & 0xffff) === 0 && swapped >= 1 && swapped <= 3) {
    const reason = `the version ${swapped} is written in big-endian order; only little-endian files are supported`
    throw cursor.error('GGUF_BIG_ENDIAN', reason, 4, 'version')
  }
  const why =
    version > 3 ? 'the newest supported is 3' : version === 1 ? 'version 1 is not supported' : 'versions begin at 2'
  throw cursor.error('GGUF_BAD_VERSION', `the version is ${version}; ${why}`, 4, 'version')
}

function* parseCount(cursor: Cursor, field: string, limit: number, bytesEach: number): Parsing<number> {
  const offset = cursor.at
  const count = yield* cursor.u64(() => field)
  // The last one may be what is cut off or malformed, and that is told where it happens; those before it must fit.
  if (count <= limit && (Number(count) - 1) * bytesEach <= cursor.left) return Number(count)
  const reason = `the count is ${count}; at most ${limit} are allowed, and each takes at least ${bytesEach} of the ${cursor.left} bytes left`
  throw cursor.error('GGUF_COUNT_TOO_LARGE', reason, offset, field)
}

function alignmentOf(cursor: Cursor, metadata: GgufMetadata): number {
  const key = 'general.alignment'
  const entry = metadata.entry(key)
  if (entry === undefined) return DEFAULT_ALIGNMENT
  const { type, value, offset, valueOffset } = entry
  if (type !== 'u32') throw cursor.error('GGUF_WRONG_TYPE', `u32 is expected, ${type} is stored`, offset, key)
  const alignment = Number(value)
  // For a power of two, and for nothing else but 0, no bit is shared with its predecessor.
  const powerOfTwo = alignment !== 0 && (alignment & (alignment - 1)) === 0
  if (powerOfTwo && alignment <= MAX_ALIGNMENT) return alignment
  const reason = `alignment ${alignment} is not a power of two from 1 to ${MAX_ALIGNMENT}`
  throw cursor.error('GGUF_BAD_ALIGNMENT', reason, valueOffset, key)
}

function* parseTensor(cursor: Cursor, index: number, alignment: number): Parsing<ParsedTensor> {
  const infoOffset = cursor.at
  const name = yield* parseTensorName(cursor, index)
  const field = label(name)
  const dimensions = yield* parseDimensions(cursor, field)
  const typeOffset = cursor.at
  const dtype = tensorType(cursor, yield* cursor.u32(() => field), typeOffset, field)
  checkStorable(cursor, dtype, dimensions, typeOffset, field)
  const shape = dimensions.toReversed()
  const offsetAt = cursor.at
  const dataOffset = yield* cursor.u64(() => field)
  if (dataOffset > cursor.size) {
    const reason = `the data begins at ${dataOffset} in the tensor data of a file of ${cursor.size} bytes`
    throw cursor.error('GGUF_TENSOR_OUT_OF_FILE', reason, offsetAt, field)
  }
  if (Number(dataOffset) % alignment !== 0) {
    const reason = `the data offset ${dataOffset} is not a multiple of the alignment ${alignment}`
    throw cursor.error('GGUF_TENSOR_MISALIGNED', reason, offsetAt, field)
  }
  return { name, dtype, shape, byteLength: byteLength(dtype, shape), dataOffset: Number(dataOffset), infoOffset }
}

function* parseTensorName(cursor: Cursor, index: number): Parsing<string> {
  const field = (): string => `tensor ${index}`
  const offset = cursor.at
  const length = yield* cursor.u64(field)
  if (length >= 1n && length <= MAX_TENSOR_NAME_BYTES) return yield* cursor.text(Number(length), field)
  const reason = `the name has ${length} bytes, 1 to ${MAX_TENSOR_NAME_BYTES} are allowed`
  throw cursor.error('GGUF_BAD_TENSOR_NAME', reason, offset, field())
}

/** Dimensions in file order, fastest first. */
function* parseDimensions(cursor: Cursor, field: string): Parsing<number[]> {
  const countOffset = cursor.at
  const count = yield* cursor.u32(() => field)
  if (count < 1 || count > MAX_DIMENSIONS) {
    throw cursor.error('GGUF_BAD_DIMS', `${count} dimensions, 1 to ${MAX_DIMENSIONS} are allowed`, countOffset, field)
  }
  const dimensions: number[] = []
  const shapeOffset = cursor.at
  for (let i = 0; i < count; i++) {
    const offset = cursor.at
    const dimension = yield* cursor.u64(() => field)
    if (dimension >= DIMENSION_END) {
      throw cursor.error('GGUF_BAD_SHAPE', `dimension ${i} is ${dimension}, the limit is 2^48 - 1`, offset, field)
    }
    dimensions.push(Number(dimension))
  }
  if (checkedProduct(dimensions) === undefined) {
    throw cursor.error(
      'GGUF_TENSOR_TOO_LARGE',
      `[${dimensions.join(', ')}] has more than 2^53 - 1 elements`,
      shapeOffset,
      field,
    )
  }
  return dimensions
}

function tensorType(cursor: Cursor, id: number, offset: number, field: string): DType {
  const dtype = tensorTypeOf(id)
  if (dtype !== undefined && dtype !== 'removed') return dtype
  const reason =
    dtype === 'removed' ? `tensor type ${id} was removed from the format` : `tensor type ${id} is not known`
  throw cursor.error('GGUF_BAD_TENSOR_TYPE', reason, offset, field)
}

/** Refuses a size that no file of this size can hold, or a row that its type cannot store. */
function checkStorable(
  cursor: Cursor,
  dtype: DType,
  dimensions: readonly number[],
  offset: number,
  field: string,
): void {
  const { blockElements, blockBytes } = dtypes[dtype]
  const [row, ...rest] = dimensions as [number, ...number[]]
  // Rounded up to whole blocks, so that a size that cannot be is named before the row that does not fit.
  const bytes = checkedProduct([Math.ceil(row / blockElements), blockBytes, ...rest])
  if (bytes === undefined) {
    throw cursor.error(
      'GGUF_TENSOR_TOO_LARGE',
      `[${dimensions.join(', ')}] of ${dtype} takes more than 2^53 - 1 bytes`,
      offset,
      field,
    )
  }
  if (bytes > cursor.size) {
    const reason = `the tensor takes ${bytes} bytes, the whole file has ${cursor.size}`
    throw cursor.error('GGUF_TENSOR_OUT_OF_FILE', reason, offset, field)
  }
  if (row % blockElements !== 0) {
    const reason = `a row of ${row} elements is not a multiple of the ${blockElements} elements in a ${dtype} block`
    throw cursor.error('GGUF_ROW_NOT_BLOCK_MULTIPLE', reason, offset, field)
  }
}
