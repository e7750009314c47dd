// Rows of a stored tensor as float32: the bridge from a file to anything that computes plainly.

import { assertDequantizable, dequantize } from './dequantize/index.js'
import { FakError } from './error.js'
import { checkedProduct, rowBytes } from './shape.js'
import type { TensorData } from './weight-source.js'

/** Which rows to read, as a half-open range; all of them by default. */
export interface RowRange {
  /** First row. Default 0. */
  start?: number
  /** One past the last row. Default: the number of rows. */
  end?: number
  signal?: AbortSignal
}

/** Rows of a tensor: every dimension but the last flattened, so a vector or scalar is one row. */
export function rowCount(tensor: Pick<TensorData, 'shape'>): number {
  return checkedProduct(tensor.shape.slice(0, -1))!
}

/**
 * Reads rows `start..end` of a tensor and dequantizes them to float32, shape `[end - start, last dimension]` flattened.
 * Only the bytes of those rows are read.
 *
 * @throws FakError `DTYPE_UNSUPPORTED` for a type without dequantization, `ROWS_OUT_OF_RANGE` for a range outside
 *   0..rows, `OUT_OF_MEMORY`, and the errors of the {@link ByteSource}.
 */
export async function readRows(tensor: TensorData, range: RowRange = {}): Promise<Float32Array<ArrayBuffer>> {
  assertDequantizable(tensor.dtype)
  const rows = rowCount(tensor)
  const { start = 0, end = rows } = range
  if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= rows)) {
    throw new FakError('ROWS_OUT_OF_RANGE', {
      file: tensor.source.name,
      reason: `rows ${start}..${end} asked of a tensor with ${rows} rows`,
    })
  }
  const columns = tensor.shape.at(-1) ?? 1
  const stride = rowBytes(tensor.dtype, columns)
  const length = (end - start) * stride
  // An empty tensor may claim to lie anywhere.
  if (length === 0) return new Float32Array(0)
  const options = range.signal === undefined ? {} : { signal: range.signal }
  const bytes = await tensor.source.read(tensor.offset + start * stride, length, options)
  return dequantize(tensor.dtype, bytes, (end - start) * columns)
}
