// Sizes of shapes in elements and bytes, with every product checked: a size that a double cannot hold exactly is an error.

import { type DType, dtypes } from './dtype.js'
import { FakError } from './error.js'

/**
 * Product of non-negative integers, or `undefined` where it (or a factor) is not an exactly representable integer.
 * The test comes before the multiplication, so that nothing is ever rounded. A factor 0 makes the product 0.
 */
export function checkedProduct(factors: readonly number[]): number | undefined {
  if (!factors.every((factor) => Number.isSafeInteger(factor) && factor >= 0)) return undefined
  if (factors.includes(0)) return 0
  let product = 1
  for (const factor of factors) {
    if (factor > Math.floor(Number.MAX_SAFE_INTEGER / product)) return undefined
    product *= factor
  }
  return product
}

/**
 * Number of elements of a shape (1 for the empty shape of a scalar).
 *
 * @throws FakError `SHAPE_TOO_LARGE` when it exceeds 2^53 - 1, or a dimension is not a non-negative integer.
 */
export function elementCount(shape: readonly number[]): number {
  return sizeOrThrow(checkedProduct(shape), shape)
}

/**
 * Bytes of `elements` consecutive elements of one row.
 *
 * @throws FakError `ROW_NOT_BLOCK_MULTIPLE` when a row of that length cannot be stored in this type, `SHAPE_TOO_LARGE`
 *   when the size exceeds 2^53 - 1.
 */
export function rowBytes(dtype: DType, elements: number): number {
  const { blockElements, blockBytes } = layoutOf(dtype)
  if (elements % blockElements !== 0) {
    throw new FakError('ROW_NOT_BLOCK_MULTIPLE', {
      reason: `a row of ${elements} elements is not a multiple of the ${blockElements} elements in a ${dtype} block`,
    })
  }
  return sizeOrThrow(checkedProduct([elements / blockElements, blockBytes]), [elements])
}

/**
 * Bytes that a tensor of this type and shape takes. The last dimension is the row.
 *
 * @throws FakError `ROW_NOT_BLOCK_MULTIPLE` or `SHAPE_TOO_LARGE`, as {@link rowBytes}.
 */
export function byteLength(dtype: DType, shape: readonly number[]): number {
  const row = rowBytes(dtype, shape.at(-1) ?? 1)
  return sizeOrThrow(checkedProduct([row, ...shape.slice(0, -1)]), shape)
}

/**
 * Layout of a stored type, for callers that hold a name from outside.
 *
 * @throws FakError `DTYPE_UNSUPPORTED` for a name that is not in {@link dtypes}.
 */
export function layoutOf(dtype: DType) {
  if (!Object.hasOwn(dtypes, dtype)) {
    throw new FakError('DTYPE_UNSUPPORTED', { reason: `${String(dtype)} is not a stored type`, field: 'dtype' })
  }
  return dtypes[dtype]
}

function sizeOrThrow(size: number | undefined, shape: readonly number[]): number {
  if (size !== undefined) return size
  throw new FakError('SHAPE_TOO_LARGE', {
    reason: `shape [${shape.join(', ')}] has a size outside 0..${Number.MAX_SAFE_INTEGER}`,
    field: 'shape',
  })
}
