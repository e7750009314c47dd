// How much of an op's own error is rounding, and from where on it is a fault.

import { type DType, layoutOf } from '@fak/tensor'
import type { OpNode, Program } from '../program.js'

/** What a tolerance may depend on. */
export interface ComparedOp {
  readonly label: string
  readonly kind: string
  /** Numbers in a row of the output. */
  readonly columns: number
  /** Stored types of the matrices that the op multiplies by; empty for an op without. */
  readonly dtypes: readonly DType[]
}

/** Sums in f32 in another order: below 1e-6 of a row in the models of this family. */
const FLOAT = 2e-5
/**
 * Kernels for block types also quantize the activations to 8 bits, one scale for 32 or for 256 of them (docs/arithmetic.md, rule 2).
 * A step is 1/127 of the largest of them, so rows with few large elements lose more;
 * and outputs as narrow as one number per head may all be small in some row.
 */
const BLOCKS_OF_32 = 0.1
const BLOCKS_OF_256 = 0.2
/** A row of one number, such as a gate's, may be a sum that cancels to almost nothing, and is all that it can be measured against. */
const ONE_COLUMN = { float: 1e-3, blocks: 1 }

/**
 * The largest own error of an op that counts as rounding when a kernel is held against the definition: 2e-5 where everything is float,
 * 0.1 for matrices in blocks of 32, 0.2 in blocks of 256; 1e-3 and 1 where a row is a single number.
 */
export function defaultTolerance({ kind, dtypes, columns }: ComparedOp): number {
  // A table is looked up, not multiplied by.
  if (kind === 'embedding') return FLOAT
  const block = Math.max(1, ...dtypes.map((dtype) => layoutOf(dtype).blockElements))
  if (columns === 1) return block === 1 ? ONE_COLUMN.float : ONE_COLUMN.blocks
  return block === 1 ? FLOAT : block < 256 ? BLOCKS_OF_32 : BLOCKS_OF_256
}

/** The stored types of an op's matrices, each once. */
export function matrixTypes(program: Program, op: OpNode): DType[] {
  const matrices = op.inputs.flatMap((id) => {
    const value = program.values[id]!
    return value.kind === 'weight' && value.shape.length > 1 ? [value.dtype] : []
  })
  return [...new Set(matrices)]
}
