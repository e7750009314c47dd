// Node-only half of @fak/gguf: files by path.

import { closeAll, FakError } from '@fak/tensor'
import { fileSource, writeFileAtomically } from '@fak/tensor/node'
import { openGguf as openInput } from './index.js'
import type { GgufFile, GgufOpenOptions } from './open.js'
import { ggufSplit, joinSplits, mismatch, missing, splitFileName } from './split.js'
import { encodeGguf, type GgufContent } from './write.js'

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

async function openOne(path: string, options: GgufOpenOptions): Promise<GgufFile> {
  const source = await fileSource(path)
  try {
    return await openInput(source, options)
  } catch (error) {
    await source.close()
    throw error
  }
}

/**
 * Writes a GGUF file whole or not at all: a file of that name is replaced only when everything is on the disk.
 *
 * @throws FakError `WRITE_FAILED`, and the errors of `encodeGguf`.
 */
export function writeGgufFile(path: string, content: GgufContent): Promise<void> {
  return writeFileAtomically(path, encodeGguf(content))
}
