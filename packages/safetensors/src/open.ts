// Opening one safetensors file: the header is read and checked, tensor data stays where it is.

import { type ByteSource, bytesSource, type SourceInput, sourceOf, type WeightSource } from '@fak/tensor'
import { headerLength, LENGTH_BYTES, parseHeader, type SafetensorsTensor } from './header.js'

/** Options of {@link openSafetensors}. */
export interface SafetensorsOpenOptions {
  /** Ends reading of the header; for a `URL` also every later read. */
  signal?: AbortSignal
}

/** An opened safetensors file, or a sharded checkpoint read as one. Closing it closes what it was opened from. */
export interface SafetensorsFile extends WeightSource {
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>
  /** The strings of `__metadata__`; of a checkpoint, those of its first shard. */
  readonly metadata: ReadonlyMap<string, string>
  /** Byte offset of the tensor data; of a checkpoint, in its first shard. */
  readonly dataOffset: number
  /** Size in bytes; of a checkpoint, of all its shards. */
  readonly size: number
  /** The shards of a checkpoint, in the order in which its index first names them; empty for a single file. */
  readonly parts: readonly SafetensorsFile[]
}

/**
 * Reads the header of a safetensors file and checks it completely, down to the last byte of the layout. Tensor data is not
 * read.
 *
 * @throws FakError with an `ST_` code for the first defect; errors of the source. An aborted signal throws its own reason. A
 *   `ByteSource` that was passed in stays open then.
 */
export async function openSafetensors(
  input: SourceInput,
  options: SafetensorsOpenOptions = {},
): Promise<SafetensorsFile> {
  const source = await sourceOf(input, options)
  const { signal } = options
  const readOptions = signal === undefined ? {} : { signal }
  try {
    const start = await source.read(0, Math.min(LENGTH_BYTES, source.size), readOptions)
    return assemble(source, await source.read(LENGTH_BYTES, headerLength(start, source), readOptions))
  } catch (error) {
    if (source !== input) await source.close()
    throw error
  }
}

/**
 * Reads a safetensors file that is in memory, at once. The result refers to `bytes`.
 *
 * @param name how messages call the file; `null` by default
 * @throws FakError with an `ST_` code for the first defect.
 */
export function parseSafetensors(bytes: Uint8Array, name: string | null = null): SafetensorsFile {
  const source = bytesSource(bytes, name)
  const length = headerLength(bytes.subarray(0, LENGTH_BYTES), source)
  return assemble(source, bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length))
}

function assemble(source: ByteSource, json: Uint8Array): SafetensorsFile {
  const { name, size } = source
  return { name, size, ...parseHeader(json, source), parts: [], close: () => source.close() }
}
