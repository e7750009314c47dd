// Writing safetensors in the layout of the official crate: tensors sorted by type, widest first, then by name, so that every
// tensor is aligned to its element; the JSON padded with spaces to a multiple of eight bytes.

import {
  checkedProduct,
  type DType,
  dtypes,
  FakError,
  isWellFormed,
  label,
  quote,
  tensorBytes,
  type WritableTensor,
} from '@fak/tensor'
import { isStorable, LENGTH_BYTES, storableTypes } from './header.js'
import { MAX_DIMENSIONS, MAX_HEADER_BYTES } from './limits.js'

/** Everything that goes into a file. */
export interface SafetensorsContent {
  /** Tensors in any order. Data of one that was read from a file is copied as it is stored. */
  readonly tensors: Iterable<WritableTensor>
  /** Strings for `__metadata__`, e.g. `['format', 'pt']`, which HF transformers asks for. */
  readonly metadata?: Iterable<readonly [string, string]>
}

/**
 * Encodes a safetensors file as a stream of chunks: the header, then tensor data as it comes. Memory does not grow with the
 * tensors.
 *
 * @throws FakError `ST_BAD_DTYPE`, `ST_SIZE_MISMATCH` (bits that fill no byte), `ST_BAD_SHAPE`,
 *   `ST_TENSOR_TOO_LARGE`, `ST_DUPLICATE_NAME`,
 *   `ST_BAD_UTF8`, `ST_HEADER_TOO_LARGE`, or `SIZE_MISMATCH` for tensor data of the wrong length.
 */
export async function* encodeSafetensors(content: SafetensorsContent): AsyncGenerator<Uint8Array, void> {
  const tensors = Array.from(content.tensors, (tensor) => ({ tensor, bytes: storedBytes(tensor) })).sort(
    ({ tensor: a }, { tensor: b }) => rank(b.dtype) - rank(a.dtype) || compareUtf8(a.name, b.name),
  )
  yield encodeHeader(tensors, [...(content.metadata ?? [])])
  for (const { tensor, bytes } of tensors) yield* tensorBytes(tensor, bytes)
}

type Sized = readonly { readonly tensor: WritableTensor; readonly bytes: number }[]

function encodeHeader(tensors: Sized, metadata: readonly (readonly [string, string])[]): Uint8Array {
  const members: string[] = []
  if (metadata.length > 0) {
    assertUnique(metadata.map(([key]) => key))
    members.push(`"__metadata__":{${metadata.map(([key, value]) => `${json(key)}:${json(value)}`).join(',')}}`)
  }
  assertUnique(['__metadata__', ...tensors.map(({ tensor }) => tensor.name)])
  let begin = 0
  for (const { tensor, bytes } of tensors) {
    const { name, dtype, shape } = tensor
    members.push(`${json(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, begin + bytes] })}`)
    begin += bytes
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`)
  const length = Math.ceil(text.length / 8) * 8
  if (length > MAX_HEADER_BYTES) {
    const reason = `the header takes ${length} bytes, the limit is ${MAX_HEADER_BYTES}`
    throw new FakError('ST_HEADER_TOO_LARGE', { reason })
  }
  const header = new Uint8Array(LENGTH_BYTES + length).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.set(text, LENGTH_BYTES)
  return header
}

function storedBytes({ name, dtype, shape }: WritableTensor): number {
  const field = label(name)
  if (!isStorable(dtype)) throw new FakError('ST_BAD_DTYPE', { reason: `safetensors cannot store ${dtype}`, field })
  if (shape.length > MAX_DIMENSIONS) {
    throw new FakError('ST_BAD_SHAPE', {
      reason: `${shape.length} dimensions, at most ${MAX_DIMENSIONS} are allowed`,
      field,
    })
  }
  const { blockElements, blockBytes } = dtypes[dtype]
  const elements = checkedProduct(shape)
  const bytes = elements === undefined ? undefined : checkedProduct([elements, blockBytes])
  if (elements === undefined || bytes === undefined) {
    throw new FakError('ST_TENSOR_TOO_LARGE', { reason: `[${shape.join(', ')}] has no size below 2^53`, field })
  }
  if (elements % blockElements === 0) return bytes / blockElements
  throw new FakError('ST_SIZE_MISMATCH', { reason: `${elements} elements of ${dtype} do not fill whole bytes`, field })
}

/** JSON of a string; escaping is as the crate's. */
function json(text: string): string {
  if (isWellFormed(text)) return JSON.stringify(text)
  throw new FakError('ST_BAD_UTF8', { reason: 'the text holds half of a surrogate pair', field: quote(text) })
}

function assertUnique(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name))
      throw new FakError('ST_DUPLICATE_NAME', { reason: 'the name is used twice or reserved', field: label(name) })
    seen.add(name)
  }
}

const rank = (dtype: DType): number => storableTypes.indexOf(dtype)

/** Order of the UTF-8 bytes, which is that of code points; strings of JavaScript compare by UTF-16 units. */
function compareUtf8(a: string, b: string): number {
  const [x, y] = [Array.from(a), Array.from(b)]
  const at = x.findIndex((character, i) => character !== y[i])
  if (at < 0) return x.length - y.length
  return at >= y.length ? 1 : x[at]!.codePointAt(0)! - y[at]!.codePointAt(0)!
}
