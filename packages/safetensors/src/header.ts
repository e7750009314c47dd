// The header of a safetensors file: an 8-byte little-endian length, then a JSON object from tensor names to dtype, shape and
// data_offsets (relative to the end of the header), and optionally `__metadata__`, a map of strings. Source: the safetensors
// format text and crate. Tensors must fill the rest of the file exactly.

import {
  type ByteSource,
  checkedProduct,
  type DType,
  dtypes,
  FakError,
  label,
  quote,
  type TensorInfo,
} from '@fak/tensor'
import { type JsonErrorCodes, JsonScanner } from './json-scanner.js'
import { MAX_DIMENSIONS, MAX_HEADER_BYTES } from './limits.js'

/** Bytes before the JSON. */
export const LENGTH_BYTES = 8

const codes: JsonErrorCodes = {
  syntax: 'ST_BAD_HEADER',
  utf8: 'ST_BAD_UTF8',
  depth: 'ST_TOO_DEEP',
  duplicate: 'ST_DUPLICATE_NAME',
}

/**
 * Types that safetensors can store, in the order of the crate's `Dtype`, by which files are sorted. Its names are those of
 * this project.
 */
export const storableTypes: readonly DType[] = [
  ...([
    'BOOL',
    'F4',
    'F6_E2M3',
    'F6_E3M2',
    'U8',
    'I8',
    'F8_E5M2',
    'F8_E4M3',
    'F8_E8M0',
    'I16',
    'U16',
    'F16',
    'BF16',
  ] as const),
  ...(['I32', 'U32', 'F32', 'C64', 'F64', 'I64', 'U64'] as const),
]

/** True for a type that a safetensors file can hold. */
export function isStorable(dtype: string): dtype is DType {
  return (storableTypes as readonly string[]).includes(dtype)
}

/** A tensor with the place of its entry in the header. */
export interface SafetensorsTensor extends TensorInfo {
  /** Byte offset of its name in the header, for messages. */
  readonly infoOffset: number
}

/** What a header says. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>
  readonly metadata: ReadonlyMap<string, string>
  /** Byte offset of the tensor data. */
  readonly dataOffset: number
}

/** Length of the JSON from the first bytes of the file (fewer than 8 when the file is shorter), checked against its size. */
export function headerLength(start: Uint8Array, source: ByteSource): number {
  const fail = (code: string, reason: string): FakError =>
    new FakError(code, { file: source.name, reason, offset: 0, field: 'header length' })
  if (start.length < LENGTH_BYTES) {
    throw fail('ST_TRUNCATED', `the file has ${start.length} bytes, the header length alone takes ${LENGTH_BYTES}`)
  }
  const view = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES)
  const length = view.getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES) {
    const swapped = view.getBigUint64(0)
    const hint = swapped > 0n && swapped <= MAX_HEADER_BYTES ? `; in the other byte order it would be ${swapped}` : ''
    throw fail('ST_HEADER_TOO_LARGE', `the header length is ${length}, the limit is ${MAX_HEADER_BYTES}${hint}`)
  }
  if (length === 0n) throw fail('ST_BAD_HEADER', 'the header length is 0')
  if (Number(length) > source.size - LENGTH_BYTES) {
    throw fail(
      'ST_TRUNCATED',
      `the header length is ${length}, the file has ${source.size - LENGTH_BYTES} bytes after it`,
    )
  }
  return Number(length)
}

/** Parses and checks the JSON of a header. */
export function parseHeader(json: Uint8Array, source: ByteSource): SafetensorsHeader {
  const scanner = new JsonScanner(json, source.name, LENGTH_BYTES, codes)
  const dataOffset = LENGTH_BYTES + json.length
  const tensors = new Map<string, SafetensorsTensor>()
  const metadata = new Map<string, string>()
  scanner.object((name, infoOffset) => {
    if (name === '__metadata__') readMetadata(scanner, metadata)
    else tensors.set(name, { name, source, infoOffset, ...readTensor(scanner, name, infoOffset, dataOffset) })
  })
  scanner.finish()
  checkLayout([...tensors.values()], dataOffset, source)
  return { tensors, metadata, dataOffset }
}

function readMetadata(scanner: JsonScanner, metadata: Map<string, string>): void {
  const bad = (field: string): FakError =>
    scanner.error('ST_BAD_METADATA', '__metadata__ must be an object of strings', scanner.offset, field)
  if (scanner.peek() !== 'object') throw bad('__metadata__')
  scanner.object((key) => {
    if (scanner.peek() !== 'string') throw bad(`__metadata__.${label(key)}`)
    metadata.set(key, scanner.string())
  })
}

type TensorPlace = Pick<TensorInfo, 'dtype' | 'shape' | 'offset' | 'byteLength'>

function readTensor(scanner: JsonScanner, name: string, infoOffset: number, dataOffset: number): TensorPlace {
  const field = label(name)
  if (scanner.peek() !== 'object') {
    throw scanner.error('ST_BAD_HEADER', 'a tensor must be described by an object', scanner.offset, field)
  }
  let dtype: DType | undefined
  let shape: number[] | undefined
  let offsets: [number, number] | undefined
  let at = { shape: infoOffset, offsets: infoOffset }
  scanner.object((key) => {
    const { offset } = scanner
    if (key === 'dtype') dtype = readDType(scanner, field)
    else if (key === 'shape') {
      at = { ...at, shape: offset }
      shape = readShape(scanner, field)
    } else if (key === 'data_offsets') {
      at = { ...at, offsets: offset }
      offsets = readOffsets(scanner, field)
    } else scanner.skip()
  })
  if (dtype === undefined) throw scanner.error('ST_BAD_DTYPE', 'dtype is missing', infoOffset, field)
  if (shape === undefined) throw scanner.error('ST_BAD_SHAPE', 'shape is missing', infoOffset, field)
  if (offsets === undefined) throw scanner.error('ST_BAD_OFFSETS', 'data_offsets is missing', infoOffset, field)
  const { blockElements, blockBytes } = dtypes[dtype]
  const elements = checkedProduct(shape)
  const bytes = elements === undefined ? undefined : checkedProduct([elements, blockBytes])
  if (elements === undefined || bytes === undefined) {
    throw scanner.error(
      'ST_TENSOR_TOO_LARGE',
      `[${quoteShape(shape)}] of ${dtype} takes more than 2^53 - 1 bytes`,
      at.shape,
      field,
    )
  }
  const [begin, end] = offsets
  if (elements % blockElements !== 0 || bytes / blockElements !== end - begin) {
    const needs = elements % blockElements === 0 ? `${bytes / blockElements} bytes` : 'a fraction of a byte'
    const reason = `[${quoteShape(shape)}] of ${dtype} takes ${needs}, data_offsets give ${end - begin}`
    throw scanner.error('ST_SIZE_MISMATCH', reason, at.offsets, field)
  }
  return { dtype, shape, offset: dataOffset + begin, byteLength: end - begin }
}

function readDType(scanner: JsonScanner, field: string): DType {
  const { offset } = scanner
  if (scanner.peek() !== 'string') throw scanner.error('ST_BAD_DTYPE', 'dtype must be a string', offset, field)
  const name = scanner.string()
  if (isStorable(name)) return name
  throw scanner.error('ST_BAD_DTYPE', `dtype ${quote(name)} is not one of ${storableTypes.join(', ')}`, offset, field)
}

function readShape(scanner: JsonScanner, field: string): number[] {
  const shape: number[] = []
  if (scanner.peek() !== 'array') throw scanner.error('ST_BAD_SHAPE', 'shape must be an array', scanner.offset, field)
  scanner.array((index) => {
    const { offset } = scanner
    if (index === MAX_DIMENSIONS) {
      throw scanner.error('ST_BAD_SHAPE', `shape has more than ${MAX_DIMENSIONS} dimensions`, offset, field)
    }
    const dimension = scanner.unsigned()
    if (dimension === undefined) {
      throw scanner.error('ST_BAD_SHAPE', `dimension ${index} is not an integer written in digits`, offset, field)
    }
    if (dimension > Number.MAX_SAFE_INTEGER) {
      const shown = dimension < 2n ** 64n ? dimension : 'more than 64 bits hold'
      throw scanner.error('ST_TENSOR_TOO_LARGE', `dimension ${index} is ${shown}, the limit is 2^53 - 1`, offset, field)
    }
    shape.push(Number(dimension))
  })
  return shape
}

function readOffsets(scanner: JsonScanner, field: string): [number, number] {
  const { offset } = scanner
  const bad = (reason: string): FakError => scanner.error('ST_BAD_OFFSETS', reason, offset, field)
  const offsets: number[] = []
  if (scanner.peek() !== 'array') throw bad('data_offsets must be an array')
  scanner.array((index) => {
    const value = scanner.unsigned()
    if (value === undefined) throw bad(`data_offsets[${index}] is not an integer written in digits`)
    if (value > Number.MAX_SAFE_INTEGER) throw bad(`data_offsets[${index}] is beyond 2^53 - 1`)
    if (index > 1) throw bad('data_offsets has more than two items')
    offsets.push(Number(value))
  })
  const [begin, end] = offsets
  if (begin === undefined || end === undefined) throw bad(`data_offsets has ${offsets.length} items instead of two`)
  if (begin > end) throw bad(`data_offsets begin at ${begin}, after their end ${end}`)
  return [begin, end]
}

/** The data of all tensors must fill the file behind the header: no overlap, no hole, nothing left over. */
function checkLayout(tensors: SafetensorsTensor[], dataOffset: number, source: ByteSource): void {
  const fail = (code: string, reason: string, tensor?: SafetensorsTensor): FakError => {
    const where = tensor === undefined ? { offset: end } : { offset: tensor.infoOffset, field: label(tensor.name) }
    return new FakError(code, { file: source.name, reason, ...where })
  }
  const range = ({ offset, byteLength }: TensorInfo): string =>
    `${offset - dataOffset}..${offset - dataOffset + byteLength}`
  let end = dataOffset
  let before: SafetensorsTensor | undefined
  for (const tensor of tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)) {
    if (tensor.offset < end) {
      const reason = `the data ${range(tensor)} of ${label(tensor.name)} overlaps ${label(before!.name)} at ${range(before!)}`
      throw fail('ST_OVERLAP', reason, tensor)
    }
    if (tensor.offset > end) {
      const reason = `nothing describes the data ${end - dataOffset}..${tensor.offset - dataOffset} before ${label(tensor.name)}`
      throw fail('ST_HOLE', reason, tensor)
    }
    end = tensor.offset + tensor.byteLength
    before = tensor
  }
  if (end > source.size)
    throw fail('ST_TRUNCATED', `the data ends at byte ${end}, the file has ${source.size} bytes`, before)
  if (end < source.size) {
    throw fail('ST_TRAILING_DATA', `the data ends at byte ${end}, the file goes on for ${source.size - end} bytes`)
  }
}

const quoteShape = (shape: readonly number[]): string =>
  shape.length <= 8 ? shape.join(', ') : `${shape.slice(0, 8).join(', ')}, …`
