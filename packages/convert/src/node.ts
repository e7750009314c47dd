// Node-only half of @fak/convert: from a path to a path, on all cores.

import { stat, statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { ggufByteLength } from '@fak/gguf'
import { openGguf, writeGgufFile } from '@fak/gguf/node'
import { openSafetensors } from '@fak/safetensors/node'
import { FakError } from '@fak/tensor'
import { type FileType, fileTypes } from './file-type.js'
import { RowPool } from './node/pool.js'
import { readCheckpointFiles } from './node/read-checkpoint.js'
import type { ConversionPlan } from './plan.js'
import { type CheckpointOptions, planCheckpoint } from './plan-checkpoint.js'
import { planGguf } from './plan-gguf.js'
import { planContent } from './rows.js'

export { readCheckpointFiles } from './node/read-checkpoint.js'

/** Options of {@link convert}. */
export interface ConvertOptions extends CheckpointOptions {
  /** Type of the new file. */
  readonly type: FileType
  /** Name that stands in for that of the directory, from which the model's name is made. */
  readonly directoryName?: string
  /** Threads that encode; by default as many as the machine has cores. The bytes do not depend on it. */
  readonly threads?: number
  /** Replace a file that is there. */
  readonly force?: boolean
  /** Ends the conversion; its reason is thrown, and nothing is left behind. */
  readonly signal?: AbortSignal
  /** Hears of progress: bytes of the new file that are done, of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

/** What a conversion made. */
export interface ConversionReport {
  readonly output: string
  readonly type: FileType
  /** Bytes of the new file. */
  readonly byteLength: number
  /** How many tensors it has of each stored type. */
  readonly tensors: Readonly<Record<string, number>>
  readonly skipped: ConversionPlan['skipped']
  readonly notes: ConversionPlan['notes']
}

/**
 * Converts a checkpoint directory with safetensors, or a GGUF file of floats or Q8_0, to a GGUF file of another type. Data streams
 * through, a few megabytes a thread at a time. The new file is there whole, or not at all.
 *
 * @throws FakError `FILE_EXISTS` without `force`, `DISK_TOO_SMALL` before anything is written, `WRITE_FAILED`, `VALUE_NOT_STORABLE`, and
 *   the errors of `planCheckpoint`, `planGguf` and of reading the source
 */
export async function convert(source: string, output: string, options: ConvertOptions): Promise<ConversionReport> {
  const { type, force = false, signal } = options
  if (!Object.hasOwn(fileTypes, type)) {
    const reason = `${type} is no type of files; there are ${Object.keys(fileTypes).join(', ')}`
    throw new FakError('DTYPE_UNSUPPORTED', { reason, field: 'type' })
  }
  if (!force && (await stat(output).catch(() => undefined)) !== undefined) {
    throw new FakError('FILE_EXISTS', { file: output, reason: 'exists, and is replaced only with `force`' })
  }
  const isDirectory = (await stat(source).catch(() => undefined))?.isDirectory() ?? false
  if (isDirectory) {
    const { directoryName } = options
    const files = { ...(await readCheckpointFiles(source)), ...(directoryName !== undefined && { directoryName }) }
    const stored = await openSafetensors(source, signal && { signal })
    return closing(stored, async () => write(await planCheckpoint(stored, files, type, options), output, options))
  }
  const stored = await openGguf(source, signal && { signal })
  return closing(stored, () => write(planGguf(stored, type), output, options))
}

async function write(plan: ConversionPlan, output: string, options: ConvertOptions): Promise<ConversionReport> {
  const { type, threads = availableParallelism(), signal, onProgress } = options
  const byteLength = ggufByteLength(planContent(plan))
  await requireSpace(output, byteLength)
  // Beside one working thread, handing rows over would only cost.
  const pool = threads > 1 ? new RowPool(new URL('./node/worker.js', import.meta.url), threads) : undefined
  try {
    const content = planContent(plan, pool && { run: (job) => pool.run(job), ahead: 2 * threads })
    await writeGgufFile(output, content, { ...(signal && { signal }), ...(onProgress && { onProgress }) })
  } finally {
    await pool?.close()
  }
  const tensors: Record<string, number> = {}
  for (const { dtype } of plan.tensors) tensors[dtype] = (tensors[dtype] ?? 0) + 1
  return { output, type, byteLength, tensors, skipped: plan.skipped, notes: plan.notes }
}

async function requireSpace(output: string, byteLength: number): Promise<void> {
  // Some file systems do not say; what is wrong with the directory, writing will tell.
  const disk = await statfs(dirname(output)).catch(() => undefined)
  if (disk === undefined || disk.bavail * disk.bsize >= byteLength) return
  const reason = `the file takes ${byteLength} bytes, the disk has ${disk.bavail * disk.bsize} left`
  throw new FakError('DISK_TOO_SMALL', { file: output, reason })
}

async function closing<T>(stored: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    await stored.close()
  }
}
