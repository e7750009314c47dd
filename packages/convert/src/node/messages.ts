// What a worker and its pool say to each other. Files go by path: a worker opens them itself.

import type { RowJob, RowWork } from '../rows.js'

/** A range of a file, or bytes that were in memory already. */
export type PieceMessage = { readonly path: string; readonly offset: number; readonly byteLength: number } | Uint8Array

/** A job for a worker. */
export interface JobMessage extends RowWork {
  readonly pieces: readonly PieceMessage[]
}

/** Its bytes, or why there are none. */
export type ResultMessage =
  | { readonly bytes: Uint8Array }
  | {
      readonly code: string
      readonly reason: string
      readonly file: string | null
      readonly offset: number | null
      readonly field: string | null
    }
  | { readonly failure: unknown }

/** A job as a message; `undefined` for rows that only this thread can read. */
export function jobMessage(job: RowJob): JobMessage | undefined {
  const pieces: PieceMessage[] = []
  for (const { source, offset, byteLength } of job.pieces) {
    if (source.bytes !== undefined) pieces.push(source.bytes.slice(offset, offset + byteLength))
    else if (source.path !== undefined) pieces.push({ path: source.path, offset, byteLength })
    else return undefined
  }
  return { ...job, pieces }
}
