// A thread of the pool: reads rows, encodes them, hands the bytes back without copying.

import { parentPort } from 'node:worker_threads'
import { type ByteSource, bytesSource, FakError } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'
import { type RowPiece, runJob } from '../rows.js'
import type { JobMessage, PieceMessage, ResultMessage } from './messages.js'

/** Files stay open until the thread ends. */
const files = new Map<string, Promise<ByteSource>>()

function opened(path: string): Promise<ByteSource> {
  const file = files.get(path) ?? fileSource(path)
  files.set(path, file)
  return file
}

async function pieceOf(message: PieceMessage): Promise<RowPiece> {
  if (message instanceof Uint8Array) return { source: bytesSource(message), offset: 0, byteLength: message.length }
  const { path, offset, byteLength } = message
  return { source: await opened(path), offset, byteLength }
}

async function done({ pieces, ...work }: JobMessage): Promise<ResultMessage> {
  try {
    return { bytes: await runJob({ ...work, pieces: await Promise.all(pieces.map(pieceOf)) }) }
  } catch (error) {
    if (!FakError.isInstance(error)) return { failure: error }
    const { code, reason, file, offset, field } = error
    return { code, reason, file, offset, field }
  }
}

parentPort!.on('message', async (job: JobMessage) => {
  const result = await done(job)
  // Bytes that were in memory before are views of something larger and go as a copy.
  const own = 'bytes' in result && result.bytes.byteLength === result.bytes.buffer.byteLength
  parentPort!.postMessage(result, own ? [(result as { bytes: Uint8Array }).bytes.buffer as ArrayBuffer] : [])
})
