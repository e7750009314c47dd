// Node-only half of @fak/safetensors: files and directories by path.

import { realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { FakError, quote } from '@fak/tensor'
import { fileSource, openWith, writeFileAtomically } from '@fak/tensor/node'
import { openSafetensors as openInput, type SafetensorsFile, type SafetensorsOpenOptions } from './open.js'
import { openSafetensorsIndex } from './sharded.js'
import { encodeSafetensors, type SafetensorsContent } from './write.js'

const SINGLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

/**
 * Opens a safetensors checkpoint by path: a file, the `*.index.json` of a sharded one, or a directory with
 * `model.safetensors` or `model.safetensors.index.json` (looked for in this order).
 *
 * @throws FakError `FILE_NOT_FOUND`, `FILE_NOT_REGULAR`, `FILE_NOT_READABLE`; `MODEL_PATH_ESCAPE` for a shard whose real path
 *   lies outside the directory of the index; otherwise as `openSafetensors` and `openSafetensorsIndex` of the main entry.
 */
export async function openSafetensors(path: string, options: SafetensorsOpenOptions = {}): Promise<SafetensorsFile> {
  const file = (await isDirectory(path)) ? await findInDirectory(path) : path
  return file.endsWith('.index.json') ? openIndex(file, options) : openFile(file, options)
}

const openFile = (path: string, options: SafetensorsOpenOptions): Promise<SafetensorsFile> =>
  openWith(path, (source) => openInput(source, options))

async function openIndex(path: string, options: SafetensorsOpenOptions): Promise<SafetensorsFile> {
  const index = await fileSource(path)
  try {
    // The directory of the index as named and as it really is: a download cache links every file of a model, the index too,
    // into one directory of contents.
    const inside = [await realpath(dirname(path)), dirname(await realpath(path))]
    const openShard = async (name: string) => {
      const shard = join(dirname(path), name)
      // A name that leads nowhere is left to fileSource, which says what is wrong with it.
      const real = await realpath(shard).catch(() => undefined)
      if (real !== undefined && !inside.some((directory) => real.startsWith(directory + sep))) {
        const reason = `the file ${quote(name)} leads to ${quote(real)}, outside the directory of the index`
        throw new FakError('MODEL_PATH_ESCAPE', { file: path, reason, field: 'weight_map' })
      }
      return fileSource(shard)
    }
    return await openSafetensorsIndex(index, openShard, options)
  } finally {
    await index.close()
  }
}

async function findInDirectory(directory: string): Promise<string> {
  for (const name of [SINGLE, INDEX]) {
    const path = join(directory, name)
    if (await exists(path)) return path
  }
  throw new FakError('FILE_NOT_FOUND', { file: directory, reason: `the directory has neither ${SINGLE} nor ${INDEX}` })
}

/** False for anything that cannot be looked at: opening it then says why. */
const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/**
 * Writes a safetensors file whole or not at all: a file of that name is replaced only when everything is on the disk.
 *
 * @throws FakError `WRITE_FAILED`, and the errors of `encodeSafetensors`.
 */
export function writeSafetensorsFile(path: string, content: SafetensorsContent): Promise<void> {
  return writeFileAtomically(path, encodeSafetensors(content))
}
