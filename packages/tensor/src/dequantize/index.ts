// Reference dequantization: the definition of what stored bytes mean. Fast kernels are measured against this.

import { allocateBytes } from '../allocate.js'
import type { DType } from '../dtype.js'
import { FakError } from '../error.js'
import { layoutOf, rowBytes } from '../shape.js'
import type { BlockDecoder } from './block.js'
import { fewBitDecoders } from './few-bits.js'
import { fp4Decoders } from './fp4.js'
import { iq4Decoders } from './iq4.js'
import { kQuantDecoders } from './k-quants.js'
import { latticeDecoders } from './lattice.js'
import { type PlainDecoder, plainDecoders } from './plain.js'
import { smallBlockDecoders } from './small-blocks.js'

const blockDecoders: Partial<Record<DType, BlockDecoder>> = {
  ...smallBlockDecoders,
  ...kQuantDecoders,
  ...iq4Decoders,
  ...fp4Decoders,
  ...fewBitDecoders,
  ...latticeDecoders,
}
const elementDecoders: Partial<Record<DType, PlainDecoder>> = plainDecoders

/** True when {@link dequantize} knows the type. Readers also list tensors of types that it does not. */
export function canDequantize(dtype: DType): boolean {
  return Object.hasOwn(blockDecoders, dtype) || Object.hasOwn(elementDecoders, dtype)
}

/**
 * Stored bytes as float32 values, equal bit for bit to those of the official `gguf` Python package (0.19).
 *
 * @param bytes exactly the blocks of `elements` elements
 * @param elements a multiple of the elements in a block
 * @throws FakError `DTYPE_UNSUPPORTED` for a type without a definition here, `ROW_NOT_BLOCK_MULTIPLE`,
 *   `SHAPE_TOO_LARGE`, `OUT_OF_MEMORY`, or `SIZE_MISMATCH` when `bytes` has another length than `elements` elements take.
 */
export function dequantize(dtype: DType, bytes: Uint8Array, elements: number): Float32Array<ArrayBuffer> {
  assertDequantizable(dtype)
  const expected = rowBytes(dtype, elements)
  if (bytes.length !== expected) {
    throw new FakError('SIZE_MISMATCH', {
      reason: `${elements} elements of ${dtype} take ${expected} bytes, ${bytes.length} given`,
      field: 'bytes',
    })
  }
  const out = new Float32Array(allocateBytes(4 * elements).buffer)
  const plain = elementDecoders[dtype]
  if (plain !== undefined) {
    plain(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), out)
    return out
  }
  const decode = blockDecoders[dtype]!
  const { blockElements, blockBytes } = layoutOf(dtype)
  for (let at = 0, to = 0; to < elements; at += blockBytes, to += blockElements) decode(bytes, at, out, to)
  return out
}

/** @throws FakError `DTYPE_UNSUPPORTED` when {@link canDequantize} is false. */
export function assertDequantizable(dtype: DType): void {
  if (canDequantize(dtype)) return
  throw new FakError('DTYPE_UNSUPPORTED', {
    reason: `dequantization of ${String(dtype)} is not supported`,
    field: 'dtype',
  })
}
