// A plan: every tensor of the new file, where its rows come from and what becomes of them. No tensor data is read to make one.

import type { GgufValueContent } from '@fak/gguf'
import { type ByteSource, type DType, rowBytes, type TensorData, type WeightTensor } from '@fak/tensor'

/** Consecutive rows of a stored matrix. */
export interface RowRun {
  readonly source: ByteSource
  /** Byte offset of the first row. */
  readonly offset: number
  /** Number of rows. */
  readonly rows: number
}

/** One tensor of the new file. */
export interface PlannedTensor {
  readonly name: string
  /** Type in the new file. */
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Elements of a row as it is processed: the last dimension, or 1 for a vector whose elements change places. */
  readonly columns: number
  /** Type of the rows where they are stored. */
  readonly from: DType
  /** Where the rows come from, one run after another. */
  readonly runs: readonly RowRun[]
  /** For each column of the new tensor the one in the stored rows; absent where they are the same. */
  readonly columnOrder?: Uint32Array
}

/** A whole file to be made. */
export interface ConversionPlan {
  /** Keys and values in their order. */
  readonly metadata: readonly (readonly [string, GgufValueContent])[]
  readonly tensors: readonly PlannedTensor[]
  /** Tensors of the source that have no place in the new file, such as an image tower. */
  readonly skipped: readonly { readonly name: string; readonly byteLength: number }[]
  /** What a person should know, one sentence each. */
  readonly notes: readonly string[]
}

/** All rows of a weight, in stored order or in that of `order` (for each new row the stored one), as few runs as possible. */
export function rowRuns(weight: WeightTensor, columns: number, order?: Uint32Array): RowRun[] {
  const parts = 'parts' in weight ? weight.parts : [weight]
  const stride = rowBytes(weight.dtype, columns)
  if (order === undefined) return parts.map((part) => runOf(part, stride, 0, part.byteLength / stride))
  const [whole] = parts
  const runs: RowRun[] = []
  for (let at = 0; at < order.length; ) {
    let end = at + 1
    while (end < order.length && order[end] === order[end - 1]! + 1) end++
    runs.push(runOf(whole!, stride, order[at]!, end - at))
    at = end
  }
  return runs
}

const runOf = ({ source, offset }: TensorData, stride: number, first: number, rows: number): RowRun => ({
  source,
  offset: offset + first * stride,
  rows,
})

/** Number of rows of a planned tensor. */
export const plannedRows = ({ runs }: PlannedTensor): number => runs.reduce((sum, { rows }) => sum + rows, 0)
