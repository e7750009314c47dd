// The cache that Hugging Face's tools keep: models--OWNER--NAME/{refs,blobs,snapshots}. Only read here, never written.

import type { Dirent } from 'node:fs'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type FileHash, hashNamed } from './file-hash.js'
import type { HubReference } from './reference.js'
import type { RepoListing } from './repository.js'
import type { RepoFile } from './selection.js'

/** One cache folder. */
export class HfCache {
  constructor(readonly directory: string) {}

  /** A file of the cache with this content, as its name says. The content is still to be checked. */
  async find(repo: string, { hash, size }: { hash: FileHash | null; size: number }): Promise<string | undefined> {
    if (hash === null) return undefined
    const blob = join(this.#folder(repo), 'blobs', hash.hex)
    return (await regularSize(blob)) === size ? blob : undefined
  }

  /** What the cache holds of a repository, where it knows which commit a revision is. */
  async listing({ repo, revision = 'main' }: HubReference): Promise<CachedListing | undefined> {
    const folder = this.#folder(repo)
    const ref = await readFile(join(folder, 'refs', ...revision.split('/')), 'utf8').catch(() => '')
    const commit = /^[0-9a-f]{40}$/.test(revision) ? revision : ref.trim()
    if (!/^[0-9a-f]{40}$/.test(commit)) return undefined
    const snapshot = join(folder, 'snapshots', commit)
    const files: RepoFile[] = []
    const places = new Map<string, string>()
    for (const entry of await readdir(snapshot, { recursive: true, withFileTypes: true }).catch((): Dirent[] => [])) {
      if (entry.isDirectory()) continue
      const place = join(entry.parentPath, entry.name)
      const path = place.slice(snapshot.length + 1).replaceAll('\\', '/')
      // A snapshot links to blobs, whose names are their hashes; where links cannot be made it holds the files themselves.
      const real = await realpath(place).catch(() => undefined)
      const size = real === undefined ? undefined : await regularSize(real)
      if (real === undefined || size === undefined) continue
      files.push({ path, size, hash: hashNamed(basename(real)) ?? null })
      places.set(path, real)
    }
    return { commit, license: null, files, places }
  }

  #folder(repo: string): string {
    return join(this.directory, `models--${repo.replace('/', '--')}`)
  }
}

/** A listing of what is in the cache, and where. */
export interface CachedListing extends RepoListing {
  /** By path inside the repository, the file on the disk. */
  readonly places: ReadonlyMap<string, string>
}

async function regularSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : undefined
}
