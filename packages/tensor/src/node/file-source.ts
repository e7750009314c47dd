// A regular local file, read by position through one descriptor. Node only.

import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { allocateBytes } from '../allocate.js'
import type { ByteSource } from '../byte-source.js'
import { FakError } from '../error.js'
import { checkRange, closedError } from '../sources/check-range.js'

/** Largest single read: some systems refuse more than 2^31 - 1 bytes at once. */
const MAX_READ_BYTES = 1 << 30

/**
 * Opens a regular file for reading by position. The descriptor stays open until `close`, so a file that is renamed over
 * keeps its old bytes; one that shrinks or is written to makes reads throw `FILE_CHANGED`.
 *
 * @throws FakError `FILE_NOT_FOUND`, `FILE_IS_DIRECTORY`, `FILE_NOT_REGULAR` (a pipe, socket or device; never waits for
 *   one), `FILE_NOT_READABLE`.
 */
export async function fileSource(path: string): Promise<ByteSource> {
  let handle: FileHandle | undefined
  try {
    // Looked at before opening, because opening a device can act on it; and again after, because the name may have moved.
    assertRegular(path, await stat(path))
    // O_NONBLOCK: were it a pipe by now, opening must not wait for a writer. Windows has neither.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const opened = await handle.stat()
    assertRegular(path, opened)
    return new FileSource(path, handle, opened)
  } catch (cause) {
    await handle?.close()
    throw FakError.isInstance(cause) ? cause : openError(path, cause)
  }
}

class FileSource implements ByteSource {
  readonly name: string
  readonly path: string
  readonly size: number
  #closing: Promise<void> | undefined

  constructor(
    path: string,
    private readonly handle: FileHandle,
    private readonly opened: Stats,
  ) {
    this.name = path
    this.path = path
    this.size = opened.size
  }

  async read(offset: number, length: number, options?: { signal?: AbortSignal }): Promise<Uint8Array> {
    options?.signal?.throwIfAborted()
    checkRange(this.name, this.size, offset, length)
    if (this.#closing !== undefined) throw closedError(this.name)
    const bytes = allocateBytes(length, this.name)
    try {
      for (let filled = 0; filled < length; ) {
        const ask = Math.min(length - filled, MAX_READ_BYTES)
        const { bytesRead } = await this.handle.read(bytes, filled, ask, offset + filled)
        if (bytesRead === 0) throw this.#changed(offset + filled, (await this.handle.stat()).size)
        filled += bytesRead
        options?.signal?.throwIfAborted()
      }
      const now = await this.handle.stat()
      if (now.size !== this.size || now.mtimeMs !== this.opened.mtimeMs) throw this.#changed(offset, now.size)
    } catch (cause) {
      if (FakError.isInstance(cause) || options?.signal?.aborted) throw cause
      throw new FakError('READ_FAILED', { file: this.name, reason: systemReason(cause), offset, cause })
    }
    return bytes
  }

  close(): Promise<void> {
    this.#closing ??= this.handle.close()
    return this.#closing
  }

  #changed(offset: number, size: number): FakError {
    const how = size === this.size ? 'was written to' : `had ${this.size} bytes and now has ${size}`
    return new FakError('FILE_CHANGED', { file: this.name, reason: `the file ${how} after it was opened`, offset })
  }
}

function assertRegular(path: string, stats: Stats): void {
  if (stats.isFile()) return
  throw stats.isDirectory()
    ? new FakError('FILE_IS_DIRECTORY', { file: path, reason: 'is a directory, not a file' })
    : new FakError('FILE_NOT_REGULAR', { file: path, reason: 'is a pipe, socket or device, not a regular file' })
}

function openError(path: string, cause: unknown): FakError {
  const code = (cause as NodeJS.ErrnoException | null)?.code
  // A NUL in a path never reaches the system: Node refuses it as an argument.
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ERR_INVALID_ARG_VALUE') {
    return new FakError('FILE_NOT_FOUND', { file: path, reason: 'no such file', cause })
  }
  return new FakError('FILE_NOT_READABLE', { file: path, reason: `cannot be opened: ${systemReason(cause)}`, cause })
}

/** The system's own name for a failure, e.g. `EACCES`; its message would repeat the path. */
function systemReason(cause: unknown): string {
  return (cause as NodeJS.ErrnoException | null)?.code ?? 'unknown error'
}

/**
 * Opens a file by path and gives its source to a reader, which owns it from then on; a source that the reader refuses is closed.
 *
 * @throws FakError as {@link fileSource}, and whatever `read` throws.
 */
export async function openWith<T>(path: string, read: (source: ByteSource) => Promise<T>): Promise<T> {
  const source = await fileSource(path)
  try {
    return await read(source)
  } catch (error) {
    await source.close()
    throw error
  }
}
