// Where a tensor's stored bytes lie, and the catalogue of tensors that a reader offers. No bytes are held here.

import type { ByteSource } from './byte-source.js'
import type { DType } from './dtype.js'

/** Stored tensor data: type, shape, and the range of a {@link ByteSource} that holds its blocks, untouched. */
export interface TensorData {
  readonly dtype: DType
  /** Row-major, slowest dimension first (as HF writes it): a matrix is `[out, in]`. GGUF's `ne` is the reverse. */
  readonly shape: readonly number[]
  readonly source: ByteSource
  /** Byte offset of the first block in `source`. */
  readonly offset: number
  readonly byteLength: number
}

/** A named tensor of a model file. */
export interface TensorInfo extends TensorData {
  readonly name: string
}

/** The tensors of one model, from one file or a checked set of shards. */
export interface WeightSource {
  /** What the caller opened, for messages. */
  readonly name: string | null
  /** Tensors by their stored name, in file order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** Closes every {@link ByteSource} underneath. */
  close(): Promise<void>
}
