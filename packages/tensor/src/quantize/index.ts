// Float32 values as stored bytes, for writing models: the float types, and the block types that files are quantized to.

import { allocateBytes } from '../allocate.js'
import type { DType } from '../dtype.js'
import { FakError } from '../error.js'
import { layoutOf, rowBytes } from '../shape.js'
import type { BlockEncoder } from './block.js'
import { kQuantEncoders } from './k-quants.js'
import { type PlainEncoder, plainEncoders } from './plain.js'
import { smallBlockEncoders } from './small-blocks.js'

const plain: Partial<Record<DType, PlainEncoder>> = plainEncoders
const blocks: Partial<Record<DType, BlockEncoder>> = { ...smallBlockEncoders, ...kQuantEncoders }

/** True when {@link quantize} knows the type: F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q5_0 and Q5_1. */
export function canQuantize(dtype: DType): boolean {
  return Object.hasOwn(plain, dtype) || Object.hasOwn(blocks, dtype)
}

/**
 * Values as stored bytes, little-endian. Float types are rounded to nearest with ties to even; block types are the bytes of ggml's
 * reference quantizers, `quantize_row_*_ref` of llama.cpp v0.5.0, which need no importance matrix.
 *
 * @param values For a block type a multiple of the elements in a block: rows, one after another.
 * @throws FakError `DTYPE_UNSUPPORTED` for a type that {@link canQuantize} does not know, `ROW_NOT_BLOCK_MULTIPLE`, and
 *   `VALUE_NOT_STORABLE` for infinity, NaN or too large a value in a block type: one would spoil its whole block.
 */
export function quantize(dtype: DType, values: Float32Array): Uint8Array<ArrayBuffer> {
  const whole = Object.hasOwn(plain, dtype) ? plain[dtype] : undefined
  if (whole !== undefined) return whole(values)
  const encode = Object.hasOwn(blocks, dtype) ? blocks[dtype] : undefined
  if (encode === undefined) {
    throw new FakError('DTYPE_UNSUPPORTED', {
      reason: `writing ${String(dtype)} from floats is not supported`,
      field: 'dtype',
    })
  }
  const bytes = allocateBytes(rowBytes(dtype, values.length))
  requireFinite(values)
  const { blockElements, blockBytes } = layoutOf(dtype)
  for (let from = 0, at = 0; from < values.length; from += blockElements, at += blockBytes) {
    encode(values, from, bytes, at)
  }
  return bytes
}

function requireFinite(values: Float32Array): void {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!
  // A difference with itself is zero, or NaN for what is not finite.
  if (sum === 0) return
  const at = values.findIndex((value) => !Number.isFinite(value))
  throw new FakError('VALUE_NOT_STORABLE', {
    reason: `value ${at} is ${values[at]}, and only finite values can be quantized`,
  })
}
