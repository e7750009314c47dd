// The hash that the hub states for a file: sha256 of the content for large files (LFS), git's blob hash for the others.

import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** A hash of a file's content. */
export interface FileHash {
  /** `git-sha1` is git's hash of a blob: sha1 over `blob SIZE\0` and the content. */
  readonly algorithm: 'sha256' | 'git-sha1'
  /** In lower case. */
  readonly hex: string
}

/** A hash that content can be fed to. */
export function startHash(algorithm: FileHash['algorithm'], size: number): Hash {
  if (algorithm === 'sha256') return createHash('sha256')
  return createHash('sha1').update(`blob ${size}\0`)
}

/** A hash by its name: `sha256` has 64 hexadecimal digits, git's has 40. */
export function hashNamed(hex: string | undefined): FileHash | undefined {
  if (/^[0-9a-f]{64}$/.test(hex ?? '')) return { algorithm: 'sha256', hex: hex! }
  if (/^[0-9a-f]{40}$/.test(hex ?? '')) return { algorithm: 'git-sha1', hex: hex! }
  return undefined
}

/** `sha256:…` or `git-sha1:…`. */
export const hashText = ({ algorithm, hex }: FileHash): string => `${algorithm}:${hex}`

/** The hash of a file on the disk. @param onBytes told how many bytes were read since it was last told */
export async function hashFile(
  path: string,
  algorithm: FileHash['algorithm'],
  size: number,
  { signal, onBytes }: { signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined } = {},
): Promise<string> {
  const hash = startHash(algorithm, size)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    hash.update(chunk)
    onBytes?.(chunk.length)
  }
  return hash.digest('hex')
}
