// The work itself, cut into jobs: some rows of one tensor, from where they are stored to the bytes of the new file. A job depends on
// nothing but its rows, so jobs may be done anywhere and in any order.

import type { GgufContent } from '@fak/gguf'
import { type ByteSource, type DType, dequantize, FakError, joinBytes, label, quantize, rowBytes } from '@fak/tensor'
import { type ConversionPlan, type PlannedTensor, plannedRows } from './plan.js'

/** A range of bytes to read. */
export interface RowPiece {
  readonly source: ByteSource
  readonly offset: number
  readonly byteLength: number
}

/** What is done to the bytes of some rows once they are read. */
export interface RowWork {
  /** Name of the tensor, for messages. */
  readonly name: string
  readonly from: DType
  readonly to: DType
  readonly columns: number
  readonly columnOrder?: Uint32Array
}

/** Some rows of a tensor. */
export interface RowJob extends RowWork {
  readonly pieces: readonly RowPiece[]
}

/** Elements in a job: some megabytes, enough to hide the cost of handing it over, few enough for memory. */
const JOB_ELEMENTS = 2 ** 19

/** Rows in one job of a tensor. */
const rowsPerJob = ({ columns }: PlannedTensor): number => Math.max(1, Math.floor(JOB_ELEMENTS / columns))

/** The jobs of a tensor, first rows first. */
export function* jobsOf(tensor: PlannedTensor): Generator<RowJob, void> {
  const { name, from, dtype: to, columns, columnOrder, runs } = tensor
  const work: RowWork = { name, from, to, columns, ...(columnOrder && { columnOrder }) }
  const stride = rowBytes(from, columns)
  const limit = rowsPerJob(tensor)
  let pieces: RowPiece[] = []
  let room = limit
  for (const run of runs) {
    for (let done = 0; done < run.rows; ) {
      const rows = Math.min(room, run.rows - done)
      pieces.push({ source: run.source, offset: run.offset + done * stride, byteLength: rows * stride })
      done += rows
      room -= rows
      if (room > 0) continue
      yield { ...work, pieces }
      pieces = []
      room = limit
    }
  }
  if (pieces.length > 0) yield { ...work, pieces }
}

/**
 * Stored rows as the bytes of the new file.
 *
 * @throws FakError `VALUE_NOT_STORABLE` naming the tensor, for values that the type cannot hold
 */
export function encodeRows(stored: Uint8Array, work: RowWork): Uint8Array {
  const { name, from, to, columns, columnOrder } = work
  if (from === to && columnOrder === undefined) return stored
  let values = dequantize(from, stored, (stored.length / rowBytes(from, columns)) * columns)
  if (columnOrder !== undefined) values = reordered(values, columnOrder)
  try {
    if (to === 'F16') requireHalves(values)
    return quantize(to, values)
  } catch (error) {
    if (!FakError.isInstance(error, 'VALUE_NOT_STORABLE')) throw error
    throw new FakError(error.code, { reason: `${error.reason}; the type is ${to}`, field: label(name), cause: error })
  }
}

function reordered(values: Float32Array, order: Uint32Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(values.length)
  for (let row = 0; row < values.length; row += order.length) {
    for (let column = 0; column < order.length; column++) out[row + column] = values[row + order[column]!]!
  }
  return out
}

/** From here on a float32 rounds to infinity in binary16. */
const HALF_LIMIT = 65_520

function requireHalves(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]!) < HALF_LIMIT) continue
    throw new FakError('VALUE_NOT_STORABLE', { reason: `a value of ${values[i]} is beyond the range of binary16` })
  }
}

/** Does a job. The rows are read through their sources and encoded on this thread. */
export async function runJob(job: RowJob, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
  const read = await Promise.all(job.pieces.map((p) => p.source.read(p.offset, p.byteLength, options)))
  return encodeRows(joinBytes(read), job)
}

/** How the jobs of a plan are done. */
export interface RunOptions {
  /** Does one job; {@link runJob} by default. */
  readonly run?: (job: RowJob) => Promise<Uint8Array>
  /** Jobs that may be under way at once, also of tensors whose turn is yet to come. 1 by default. */
  readonly ahead?: number
}

/**
 * The content of the new file, for `encodeGguf` and its siblings. Jobs begin when the writer asks for data and stay at most `ahead`
 * before it, so memory does not grow with the model. Whatever `run` and `ahead` are, the bytes are the same. For one use: tensors are
 * written in their order.
 */
export function planContent({ metadata, tensors }: ConversionPlan, options: RunOptions = {}): GgufContent {
  const { run = runJob, ahead = 1 } = options
  const results = inOrder(allJobs(tensors), run, ahead)
  const content = tensors.map((tensor) => ({
    name: tensor.name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    data: async function* () {
      const jobs = Math.ceil(plannedRows(tensor) / rowsPerJob(tensor))
      for (let i = 0; i < jobs; i++) yield (await results.next()).value as Uint8Array
    },
  }))
  return { metadata, tensors: content }
}

function* allJobs(tensors: readonly PlannedTensor[]): Generator<RowJob, void> {
  for (const tensor of tensors) yield* jobsOf(tensor)
}

/** Results in the order of the jobs, while later jobs are already under way. */
async function* inOrder(
  jobs: Iterator<RowJob>,
  run: (job: RowJob) => Promise<Uint8Array>,
  ahead: number,
): AsyncGenerator<Uint8Array, void> {
  const underWay: Promise<Uint8Array>[] = []
  const start = (): void => {
    while (underWay.length < ahead) {
      const next = jobs.next()
      if (next.done === true) return
      const result = run(next.value)
      // Its failure is told when its turn comes, which may be never.
      result.catch(() => {})
      underWay.push(result)
    }
  }
  for (start(); underWay.length > 0; start()) yield await underWay.shift()!
}
