// Writing a file whole or not at all: under another name first, flushed, then renamed over the target. Node only.

import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { FakError } from '../error.js'

/** Temporary files that this thread is writing now. */
const writing = new Set<string>()

/** Part of the target's name that its temporary files carry; the rest must fit into the 255 bytes of a file name. */
const STEM_CHARACTERS = 50

/**
 * Writes a file so that a reader sees the old content or the whole new one, also after a crash. The bytes go to a hidden
 * file beside the target, are flushed to the disk and renamed over it. When that fails, the old file is as it was and the
 * hidden one is gone; one that a killed process left behind is removed by the next write of the same target.
 *
 * @param chunks pulled one by one: nothing is buffered
 * @throws FakError `WRITE_FAILED` with the system's error as `cause`; an error thrown by `chunks` is passed on.
 */
export async function writeFileAtomically(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const stem = `.${basename(path).slice(0, STEM_CHARACTERS)}.`
  const temporary = join(dirname(path), `${stem}${process.pid}-${threadId}-${randomBytes(6).toString('hex')}.tmp`)
  writing.add(temporary)
  let handle: FileHandle | undefined
  try {
    await guarded(path, () => removeAbandoned(dirname(path), stem))
    const file = await guarded(path, () => open(temporary, 'wx'))
    handle = file
    for await (const chunk of chunks) await guarded(path, () => writeAll(file, chunk))
    // Renamed before its data is on the disk, the file could be empty after a power cut.
    await guarded(path, () => file.sync())
    handle = undefined
    await guarded(path, () => file.close())
    await guarded(path, () => rename(temporary, path))
    await guarded(path, () => syncDirectory(dirname(path)))
  } catch (error) {
    await handle?.close().catch(() => {})
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  } finally {
    writing.delete(temporary)
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten
}

/** Removes temporary files of this target whose writer is gone. */
async function removeAbandoned(directory: string, stem: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const owner = name.startsWith(stem) ? /^(\d+)-(\d+)-[0-9a-f]{12}\.tmp$/.exec(name.slice(stem.length)) : null
    if (owner === null) continue
    const file = join(directory, name)
    if (!isBeingWritten(file, Number(owner[1]), Number(owner[2]))) await rm(file, { force: true })
  }
}

function isBeingWritten(file: string, pid: number, thread: number): boolean {
  // The own process id may be an inherited one: in a container every start can have the same.
  if (pid === process.pid) return thread !== threadId || writing.has(file)
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Makes the rename itself last. Windows cannot open a directory, and needs no such thing. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function guarded<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (cause) {
    const system = (cause as NodeJS.ErrnoException | null)?.code ?? 'unknown error'
    throw new FakError('WRITE_FAILED', { file: path, reason: `cannot be written: ${system}`, cause })
  }
}
