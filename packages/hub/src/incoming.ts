// Files that are on their way into the store: unfinished ones, and whole ones that wait for the rest of their model.

import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { FakError } from '@fak/tensor'
import { writeFileAtomically } from '@fak/tensor/node'
import { linkOrCopy } from './disk.js'
import { type Journal, readJournal } from './download.js'
import { storeError } from './failures.js'
import { type FileHash, hashFile } from './file-hash.js'
import { lockOwner, takeLock } from './lock.js'

/** A model that is partly here. */
export interface PartialDownload {
  /** The model that the files are for; `null` where nothing says so any more. */
  readonly model: string | null
  readonly files: readonly { readonly path: string; readonly size: number; readonly have: number }[]
  /** Bytes that are here. */
  readonly have: number
  /** Whether a process is downloading it now. */
  readonly active: boolean
}

/** The name of a file on its way: the hash of its content. */
export const keyOf = ({ algorithm, hex }: FileHash): string => `${algorithm}-${hex}`

/** Size of a regular file, or `undefined`. */
export async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : undefined
}

/** Bytes of a file that are in the folder already, whole or in part. */
export async function bytesHere(folder: string, hash: FileHash, size: number): Promise<number> {
  const target = join(folder, keyOf(hash))
  if ((await sizeOf(target)) === size) return size
  return Math.min((await sizeOf(`${target}.part`)) ?? 0, size)
}

/**
 * Brings in a file of the disk, under another name of the same bytes or as a copy.
 *
 * @returns false, and nothing is there, when its content is not what the hash says
 */
export async function adopt(
  from: string,
  target: string,
  file: { readonly size: number; readonly hash: FileHash },
  of: { readonly model: string; readonly path: string },
  { signal, onBytes }: { signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<boolean> {
  const aside = `${target}.adopted`
  try {
    await rm(aside, { force: true })
    await linkOrCopy(from, aside)
    // After it has its second name: what was hashed is what is kept.
    const found = await hashFile(aside, file.hash.algorithm, file.size, { signal, onBytes })
    if (found !== file.hash.hex) {
      await rm(aside, { force: true })
      return false
    }
    const journal: Journal = { version: 1, ...of, size: file.size, etag: null, checkpoint: null }
    await writeFileAtomically(`${target}.json`, [Buffer.from(JSON.stringify(journal))])
    await rename(aside, target)
    return true
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {})
    throw signal.aborted ? signal.reason : storeError((error as FakError).cause ?? error, target)
  }
}

/** Everything that is on its way, by model. */
export async function listIncoming(folder: string): Promise<PartialDownload[]> {
  const names = new Set(await readdir(folder).catch(() => []))
  const byModel = new Map<string | null, { files: PartialDownload['files'][number][]; active: boolean }>()
  for (const key of keysIn(names)) {
    const journal = await readJournal(join(folder, `${key}.json`))
    const have = (await sizeOf(join(folder, key))) ?? (await sizeOf(join(folder, `${key}.part`))) ?? 0
    const model = journal?.model ?? null
    const entry = byModel.get(model) ?? { files: [], active: false }
    entry.files.push({ path: journal?.path ?? key, size: journal?.size ?? have, have })
    entry.active ||= (await lockOwner(join(folder, `${key}.lock`))) !== undefined
    byModel.set(model, entry)
  }
  return [...byModel].map(([model, { files, active }]) => ({
    model,
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    have: files.reduce((sum, file) => sum + file.have, 0),
    active,
  }))
}

/** Removes what is on its way, of one model or of all, but for what a process is working on. @returns bytes */
export async function removeIncoming(folder: string, model?: string): Promise<number> {
  const names = new Set(await readdir(folder).catch(() => []))
  let bytes = 0
  for (const key of keysIn(names)) {
    const at = join(folder, key)
    if (model !== undefined && (await readJournal(`${at}.json`))?.model !== model) continue
    if ((await lockOwner(`${at}.lock`)) !== undefined) continue
    const lock = await takeLock(`${at}.lock`)
    try {
      bytes += ((await sizeOf(at)) ?? 0) + ((await sizeOf(`${at}.part`)) ?? 0)
      for (const suffix of ['', '.part', '.json', '.adopted']) await rm(`${at}${suffix}`, { force: true })
    } finally {
      await lock.release()
    }
  }
  return bytes
}

const keysIn = (names: ReadonlySet<string>): Set<string> =>
  new Set([...names].flatMap((name) => /^((?:sha256|git-sha1)-[0-9a-f]+)(\.part|\.json)?$/.exec(name)?.[1] ?? []))
