// Opening a GGUF file: the header is read and checked, tensor data stays where it is.

import {
  type ByteSource,
  bytesSource,
  type SourceInput,
  sourceOf,
  type TensorInfo,
  type WeightSource,
} from '@fak/tensor'
import { Cursor, type Parsing } from './cursor.js'
import { checkLayout } from './layout.js'
import type { GgufMetadata } from './metadata.js'
import { type ParsedHeader, parseHeader } from './parse.js'

/** Loaded at first: enough for the header of a model without a large vocabulary. */
const FIRST_READ_BYTES = 256 * 1024

/** Options of {@link openGguf}. */
export interface GgufOpenOptions {
  /** Ends reading of the header; for a `URL` also every later read. */
  signal?: AbortSignal
}

/** A tensor of a GGUF file. */
export interface GgufTensor extends TensorInfo {
  /** Byte offset of its description in the header, for messages. */
  readonly infoOffset: number
}

/** An opened GGUF file, or a split set read as one. Closing it closes what it was opened from. */
export interface GgufFile extends WeightSource {
  readonly tensors: ReadonlyMap<string, GgufTensor>
  /** Metadata; of a split set, that of its first file. */
  readonly metadata: GgufMetadata
  /** The bytes of the file; of a split set, of its first file. */
  readonly source: ByteSource
  /** Format version, 2 or 3. */
  readonly version: number
  /** Alignment of tensor data in bytes. */
  readonly alignment: number
  /** Byte offset of the tensor data; of a split set, in its first file. */
  readonly dataOffset: number
  /** Size in bytes; of a split set, of all its files. */
  readonly size: number
  /** Bytes after the last tensor and its padding that nothing describes. */
  readonly trailingBytes: number
  /** The files of a split set in order; empty for a single file. */
  readonly parts: readonly GgufFile[]
}

/**
 * Reads the header of a GGUF file (version 2 or 3) and checks it completely: everything the header states is compared with
 * the limits of this package and with the bytes that are there. Tensor data is not read.
 *
 * A file of a split set opens as what it is, one file with its own tensors; {@link openGgufSet} joins a set.
 *
 * @throws FakError with a `GGUF_` code for the first defect in file order; errors of the source. An aborted signal throws
 *   its own reason. A `ByteSource` that was passed in stays open then.
 */
export async function openGguf(input: SourceInput, options: GgufOpenOptions = {}): Promise<GgufFile> {
  const source = await sourceOf(input, options)
  try {
    const cursor = new Cursor(source.name, source.size)
    const header = await parseFrom(source, cursor, parseHeader(cursor), options)
    return assemble(source, cursor, header)
  } catch (error) {
    if (source !== input) await source.close()
    throw error
  }
}

/**
 * Reads a GGUF file that is in memory, at once. The result refers to `bytes`, which must not change afterwards.
 *
 * @param name how messages call the file; `null` by default
 * @throws FakError with a `GGUF_` code for the first defect in file order.
 */
export function parseGguf(bytes: Uint8Array, name: string | null = null): GgufFile {
  const source = bytesSource(bytes, name)
  const cursor = new Cursor(name, bytes.length)
  cursor.load(bytes)
  const step = parseHeader(cursor).next()
  // With the whole file loaded the parser has nothing to wait for: what is missing then is missing in the file.
  return assemble(source, cursor, step.value as ParsedHeader)
}

/** Runs the parser, loading more of the file whenever it asks, in steps that double so that copying stays linear. */
async function parseFrom<T>(
  source: ByteSource,
  cursor: Cursor,
  parsing: Parsing<T>,
  options: GgufOpenOptions,
): Promise<T> {
  if (source.bytes !== undefined) cursor.load(source.bytes)
  for (;;) {
    const step = parsing.next()
    if (step.done) return step.value
    const loaded = cursor.bytes
    const target = Math.min(Math.max(step.value, loaded.length * 2, FIRST_READ_BYTES), source.size)
    const bytes = new Uint8Array(target)
    bytes.set(loaded)
    const { signal } = options
    bytes.set(
      await source.read(loaded.length, target - loaded.length, signal === undefined ? {} : { signal }),
      loaded.length,
    )
    cursor.load(bytes)
  }
}

function assemble(source: ByteSource, cursor: Cursor, header: ParsedHeader): GgufFile {
  const trailingBytes = checkLayout(cursor, header)
  const { version, alignment, metadata, dataOffset } = header
  const tensors = new Map<string, GgufTensor>()
  for (const { name, dtype, shape, byteLength, dataOffset: offset, infoOffset } of header.tensors) {
    tensors.set(name, { name, dtype, shape, byteLength, source, offset: dataOffset + offset, infoOffset })
  }
  return {
    name: source.name,
    source,
    tensors,
    metadata,
    version,
    alignment,
    dataOffset,
    size: source.size,
    trailingBytes,
    parts: [],
    close: () => source.close(),
  }
}
