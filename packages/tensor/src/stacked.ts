// Stacks: matrices that lie apart and are read as one tensor of a rank more, such as the experts of a layer. Nothing is copied.

import { allocateBytes } from './allocate.js'
import { FakError } from './error.js'
import { readRows } from './read-rows.js'
import { checkedProduct, elementCount, rowBytes } from './shape.js'
import type { TensorData } from './weight-source.js'

/**
 * Equally shaped tensors of one type, each anywhere: at another offset, in another tensor, in another file. Part i is what index i of the
 * first dimension would be if they lay one after another.
 */
export interface StackedTensor {
  readonly dtype: TensorData['dtype']
  /** `[parts, …shape of a part]` */
  readonly shape: readonly number[]
  readonly parts: readonly TensorData[]
}

/** Stored values of one weight, in one piece or in several. */
export type WeightTensor = TensorData | StackedTensor

/**
 * Makes a stack.
 *
 * @throws FakError `STACK_MISMATCH` without parts, or when a part has another type or shape than the first
 */
export function stackTensors(parts: readonly TensorData[]): StackedTensor {
  const [first] = parts
  if (first === undefined) throw new FakError('STACK_MISMATCH', { reason: 'a stack needs 1 or more tensors' })
  for (const [i, { dtype, shape, source }] of parts.entries()) {
    if (dtype === first.dtype && shape.join() === first.shape.join()) continue
    throw new FakError('STACK_MISMATCH', {
      file: source.name,
      reason: `part ${i} is ${dtype} [${shape.join(', ')}], and part 0 is ${first.dtype} [${first.shape.join(', ')}]`,
    })
  }
  return { dtype: first.dtype, shape: [parts.length, ...first.shape], parts }
}

/**
 * What stands at an index of the first dimension: a part of a stack, a matrix of a tensor of rank 3, a row of a matrix. No bytes are read.
 *
 * @throws FakError `ROWS_OUT_OF_RANGE` for an index outside the first dimension
 */
export function sliceAt(tensor: WeightTensor, index: number): TensorData {
  const [count = 1, ...shape] = tensor.shape
  if (!(Number.isInteger(index) && index >= 0 && index < count)) {
    throw new FakError('ROWS_OUT_OF_RANGE', { reason: `index ${index} asked of a tensor with ${count} slices` })
  }
  if ('parts' in tensor) return tensor.parts[index]!
  const { dtype, source } = tensor
  const byteLength = checkedProduct(shape.slice(0, -1))! * rowBytes(dtype, shape.at(-1) ?? 1)
  return { dtype, shape, source, offset: tensor.offset + index * byteLength, byteLength }
}

/** Bytes that a weight takes where it is stored. */
export const storedBytes = (tensor: WeightTensor): number =>
  'parts' in tensor ? tensor.parts.reduce((sum, part) => sum + part.byteLength, 0) : tensor.byteLength

/** The file that a weight, or its first part, lies in; for messages. */
export const fileOf = (tensor: WeightTensor): string | null =>
  ('parts' in tensor ? tensor.parts[0]?.source.name : tensor.source.name) ?? null

/**
 * Reads a weight and dequantizes it to float32.
 *
 * @param slices Indices of the first dimension to read; the others stay zero, and take no memory where the system gives it out lazily.
 * Indices outside the dimension are passed over. All by default.
 * @throws FakError what {@link readRows} throws
 */
export async function readWeight(tensor: WeightTensor, slices?: readonly number[]): Promise<Float32Array> {
  if (slices === undefined && !('parts' in tensor)) return readRows(tensor)
  const values = new Float32Array(allocateBytes(Float32Array.BYTES_PER_ELEMENT * elementCount(tensor.shape)).buffer)
  const [count = 1] = tensor.shape
  for (const index of slices === undefined ? Array(count).keys() : new Set(slices)) {
    if (!(Number.isInteger(index) && index >= 0 && index < count)) continue
    values.set(await readRows(sliceAt(tensor, index)), index * (values.length / count))
  }
  return values
}
