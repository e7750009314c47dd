// Node-only half of @fak/gguf: files by path.

import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { closeAll, FakError } from '@fak/tensor'
import { openWith, writeFileAtomically } from '@fak/tensor/node'
import { editGguf, type GgufEdit } from './edit.js'
import { type MakeDigest, portableDigest } from './hash/digest.js'
import { type GgufHashes, type GgufHashOptions, type GgufReadOptions, hashGguf as hash } from './hash/hash.js'
import type { GgufManifestEntry } from './hash/manifest.js'
import { type GgufVerification, verifyGguf as verify } from './hash/verify.js'
import { openGguf as openInput } from './index.js'
import type { GgufFile, GgufOpenOptions } from './open.js'
import { ggufSplit, joinSplits, mismatch, missing, splitFileName } from './split.js'
import { type GgufSplitLimits, splitGguf } from './split-content.js'
import { encodeGguf, type GgufContent, type GgufWriteOptions, layOut } from './write.js'

/**
 * Opens a GGUF file by path. Any file of a split set (NAME-00001-of-00003.gguf) opens the whole set as one.
 *
 * @throws FakError `FILE_NOT_FOUND`, `FILE_IS_DIRECTORY`, `FILE_NOT_REGULAR`, `FILE_NOT_READABLE`; `GGUF_SPLIT_MISSING` naming
 *   the file that is not there, `GGUF_SPLIT_MISMATCH`; otherwise as `openGguf` of the main entry.
 */
export async function openGguf(path: string, options: GgufOpenOptions = {}): Promise<GgufFile> {
  const given = await openOne(path, options)
  const files = [given]
  try {
    const split = ggufSplit(given)
    if (split === undefined) return given
    if (splitFileName(path, split) !== path) {
      const reason = `the file is part ${split.no + 1} of ${split.count}, and its name must end in ${splitFileName('-00000-of-00000.gguf', split)}`
      throw mismatch(path, reason, 'split.count')
    }
    for (let no = 0; no < split.count; no++) {
      if (no === split.no) continue
      const sibling = splitFileName(path, { no, count: split.count })!
      files.push(
        await openOne(sibling, options).catch((cause: unknown) => {
          throw FakError.isInstance(cause, 'FILE_NOT_FOUND')
            ? missing(path, { no, count: split.count }, sibling)
            : cause
        }),
      )
    }
    return joinSplits(files)
  } catch (error) {
    await closeAll(files)
    throw error
  }
}

const openOne = (path: string, options: GgufOpenOptions): Promise<GgufFile> =>
  openWith(path, (source) => openInput(source, options))

/**
 * Writes a GGUF file whole or not at all: a file of that name is replaced only when everything is on the disk. It may be the
 * file that the tensors come from.
 *
 * @throws FakError `WRITE_FAILED`, and the errors of `encodeGguf`. An aborted signal throws its own reason.
 */
export function writeGgufFile(path: string, content: GgufContent, options: GgufWriteOptions = {}): Promise<void> {
  return writeFileAtomically(path, encodeGguf(content, options))
}

/**
 * Writes `content` as a split set, STEM-00001-of-0000N.gguf and so on, and returns the paths. Each file is whole or not there; when
 * one fails, those written before it are removed.
 *
 * @throws FakError as `splitGguf` and {@link writeGgufFile}.
 */
export async function writeGgufSplit(
  stem: string,
  content: GgufContent,
  limits: GgufSplitLimits,
  options: GgufWriteOptions = {},
): Promise<string[]> {
  const { signal, onProgress } = options
  // Laid out ahead, so that content that cannot be written is refused before the first file.
  const sizes = splitGguf(content, limits).map((part) => ({ part, bytes: layOut(part).byteLength }))
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
  const written: string[] = []
  let before = 0
  try {
    for (const [no, { part, bytes }] of sizes.entries()) {
      const path = splitFileName(`${stem}-00000-of-00000.gguf`, { no, count: sizes.length })!
      await writeGgufFile(path, part, {
        ...(signal && { signal }),
        onProgress: (done) => onProgress?.(before + done, total),
      })
      written.push(path)
      before += bytes
    }
  } catch (error) {
    for (const path of written) await rm(path, { force: true })
    throw error
  }
  return written
}

/**
 * Writes a copy of a file with other metadata. `target` may be `source`: the copy is made beside it and renamed over it at the
 * end. Only the named file is touched; one of a split set stays in its set.
 *
 * @throws FakError as opening `source`, `editGguf` and {@link writeGgufFile}; the source is as it was then.
 */
export async function editGgufFile(
  source: string,
  target: string,
  edit: GgufEdit,
  options: GgufWriteOptions = {},
): Promise<void> {
  const { signal } = options
  const file = await openOne(source, signal === undefined ? {} : { signal })
  try {
    await writeGgufFile(target, editGguf(file, edit), options)
  } finally {
    await file.close()
  }
}

const nodeDigest: MakeDigest = (algorithm) => {
  if (algorithm === 'xxh64') return portableDigest(algorithm)
  const hash = createHash(algorithm)
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

/** `hashGguf` of the main entry, with the digests of Node. */
export function hashGguf(file: GgufFile, options: GgufHashOptions = {}): Promise<GgufHashes> {
  return hash(file, { makeDigest: nodeDigest, ...options })
}

/** `verifyGguf` of the main entry, with the digests of Node. */
export function verifyGguf(
  file: GgufFile,
  manifest: readonly GgufManifestEntry[],
  options: GgufReadOptions = {},
): Promise<GgufVerification> {
  return verify(file, manifest, { makeDigest: nodeDigest, ...options })
}
