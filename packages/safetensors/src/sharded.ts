// A checkpoint in several files: `model.safetensors.index.json` maps each tensor name to the file that holds it.

import { closeAll, FakError, label, quote, type SourceInput, sourceOf } from '@fak/tensor'
import type { SafetensorsTensor } from './header.js'
import { JsonScanner } from './json-scanner.js'
import { MAX_INDEX_BYTES } from './limits.js'
import { openSafetensors, type SafetensorsFile, type SafetensorsOpenOptions } from './open.js'

const BAD_INDEX = 'MODEL_BAD_INDEX'
const codes = { syntax: BAD_INDEX, utf8: BAD_INDEX, depth: BAD_INDEX, duplicate: BAD_INDEX }

/**
 * Opens a sharded checkpoint through its index. The index decides: the result has exactly the tensors that it names, and each
 * must be in the shard that it names. The index itself is closed again.
 *
 * @param openShard gives the file behind a name of the index. The name is relative, without `..`, backslash, drive or NUL;
 *   it throws FakError `FILE_NOT_FOUND` for a shard that is not there.
 * @throws FakError `MODEL_BAD_INDEX` for an index that is malformed, `MODEL_PATH_ESCAPE` for a name that leads elsewhere,
 *   `MODEL_SHARD_MISSING`, `MODEL_TENSOR_NOT_IN_SHARD`, and the errors of {@link openSafetensors}.
 */
export async function openSafetensorsIndex(
  index: SourceInput,
  openShard: (name: string) => SourceInput | Promise<SourceInput>,
  options: SafetensorsOpenOptions = {},
): Promise<SafetensorsFile> {
  const { entries, name } = await readIndex(index, options)
  const shards = new Map<string, SafetensorsFile>()
  try {
    const tensors = new Map<string, SafetensorsTensor>()
    for (const { tensor, shard, offset } of entries) {
      const file = shards.get(shard) ?? (await openOne(shard, { name, offset }, openShard, options))
      shards.set(shard, file)
      const found = file.tensors.get(tensor)
      if (found === undefined) {
        const reason = `the index says that the tensor is in ${quote(shard)}, which does not hold it`
        throw new FakError('MODEL_TENSOR_NOT_IN_SHARD', { file: name, reason, offset, field: label(tensor) })
      }
      tensors.set(tensor, found)
    }
    const parts = [...shards.values()]
    const { metadata, dataOffset } = parts[0]!
    const size = parts.reduce((total, part) => total + part.size, 0)
    return { name, tensors, metadata, dataOffset, size, parts, close: () => closeAll(parts) }
  } catch (error) {
    await closeAll(shards.values())
    throw error
  }
}

/** One line of the weight map, with the place of the tensor's name in the index. */
interface IndexEntry {
  readonly tensor: string
  readonly shard: string
  readonly offset: number
}

async function readIndex(
  input: SourceInput,
  options: SafetensorsOpenOptions,
): Promise<{ entries: IndexEntry[]; name: string | null }> {
  const source = await sourceOf(input, options)
  const { name, size } = source
  try {
    if (size > MAX_INDEX_BYTES) {
      throw new FakError(BAD_INDEX, {
        file: name,
        reason: `the index has ${size} bytes, the limit is ${MAX_INDEX_BYTES}`,
      })
    }
    const { signal } = options
    const json = await source.read(0, size, signal === undefined ? {} : { signal })
    return { entries: parseIndex(json, name), name }
  } finally {
    if (source !== input) await source.close()
  }
}

function parseIndex(json: Uint8Array, file: string | null): IndexEntry[] {
  const entries: IndexEntry[] = []
  const scanner = new JsonScanner(json, file, 0, codes)
  scanner.object((key) => {
    if (key !== 'weight_map') {
      scanner.skip()
      return
    }
    scanner.object((tensor, offset) => {
      const at = scanner.offset
      if (scanner.peek() !== 'string')
        throw scanner.error(BAD_INDEX, 'the file of a tensor must be a string', at, label(tensor))
      const shard = scanner.string()
      if (!isInnerPath(shard)) {
        const reason = `the file name ${quote(shard)} is not a plain path inside the directory of the index`
        throw scanner.error('MODEL_PATH_ESCAPE', reason, at, label(tensor))
      }
      entries.push({ tensor, shard, offset })
    })
  })
  scanner.finish()
  if (entries.length > 0) return entries
  throw new FakError(BAD_INDEX, { file, reason: 'the index names no tensors', field: 'weight_map' })
}

/** True for a relative path without `..`, empty or `.` parts, backslashes, drives or NUL. */
function isInnerPath(path: string): boolean {
  return !/[\\\0:]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

async function openOne(
  shard: string,
  index: { name: string | null; offset: number },
  openShard: (name: string) => SourceInput | Promise<SourceInput>,
  options: SafetensorsOpenOptions,
): Promise<SafetensorsFile> {
  let source: Awaited<ReturnType<typeof sourceOf>>
  try {
    source = await sourceOf(await openShard(shard), options)
  } catch (cause) {
    if (!FakError.isInstance(cause, 'FILE_NOT_FOUND')) throw cause
    const reason = `the index names the file ${quote(shard)}, which is not there`
    throw new FakError('MODEL_SHARD_MISSING', {
      file: index.name,
      reason,
      offset: index.offset,
      field: 'weight_map',
      cause,
    })
  }
  try {
    return await openSafetensors(source, options)
  } catch (error) {
    // The shard was opened on behalf of this call, whatever kind of input it came as.
    await source.close()
    throw error
  }
}
