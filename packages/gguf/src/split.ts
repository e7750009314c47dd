// Split sets: one model in several files, joined into one. The convention is llama.cpp's (llama_split_path in
// src/llama.cpp and tools/gguf-split): names NAME-00001-of-00003.gguf, and in each file split.no (from 0), split.count and
// split.tensors.count (of the whole set). The first file holds the metadata.

import { closeAll, FakError, label, type SourceInput } from '@fak/tensor'
import { MAX_SPLIT_FILES } from './limits.js'
import { type GgufFile, type GgufOpenOptions, type GgufTensor, openGguf } from './open.js'

/** What a file says about the set it belongs to. */
export interface GgufSplit {
  /** Place in the set, from 0. */
  readonly no: number
  /** Files in the set, 2 or more. */
  readonly count: number
}

/** True for the keys that describe a split set. */
export function isSplitKey(key: string): boolean {
  return key === 'split.no' || key === 'split.count' || key === 'split.tensors.count'
}

/** The place of a file in its split set, or `undefined` for a file that is whole. */
export function ggufSplit({ metadata, name }: GgufFile): GgufSplit | undefined {
  const count = metadata.known('split.count')
  if (count === undefined || count === 0 || count === 1) return undefined
  const no = metadata.known('split.no')
  const sane = Number.isInteger(count) && count >= 2 && count <= MAX_SPLIT_FILES
  if (sane && no !== undefined && Number.isInteger(no) && no >= 0 && no < count) return { no, count }
  throw mismatch(
    name,
    `split.no ${no ?? 'is absent'} and split.count ${count} do not name a place in a set`,
    'split.no',
  )
}

/** The name of another file of a set, from the name of one, or `undefined` when the name does not follow the convention. */
export function splitFileName(name: string, { no, count }: GgufSplit): string | undefined {
  const stem = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s.exec(name)?.[1]
  const digits = (value: number): string => String(value).padStart(5, '0')
  return stem === undefined ? undefined : `${stem}-${digits(no + 1)}-of-${digits(count)}.gguf`
}

/**
 * Opens the files of a split set, given in any order, as one. A single whole file opens too.
 *
 * @throws FakError `GGUF_SPLIT_MISSING`, `GGUF_SPLIT_MISMATCH` when the files are not one complete set,
 *   `GGUF_DUPLICATE_TENSOR` when two files hold a tensor of one name, and the errors of {@link openGguf}.
 */
export async function openGgufSet(inputs: readonly SourceInput[], options: GgufOpenOptions = {}): Promise<GgufFile> {
  const files: GgufFile[] = []
  try {
    for (const input of inputs) files.push(await openGguf(input, options))
    return joinSplits(files)
  } catch (error) {
    await closeAll(files)
    throw error
  }
}

/** Joins opened files into one; on failure they stay open. */
export function joinSplits(files: readonly GgufFile[]): GgufFile {
  const [any] = files
  if (any === undefined) throw mismatch(null, 'no file was given', null)
  const count = ggufSplit(any)?.count ?? 1
  if (count === 1 && files.length === 1) return any
  const parts: GgufFile[] = []
  for (const file of files) {
    const split = ggufSplit(file)
    if (split?.count !== count) {
      const says = split === undefined ? 'belongs to no set' : `belongs to a set of ${split.count}`
      throw mismatch(file.name, `the file ${says}, another to one of ${count}`, 'split.count')
    }
    if (parts[split.no] !== undefined) {
      throw mismatch(file.name, `${parts[split.no]!.name ?? 'another file'} is part ${split.no + 1} too`, 'split.no')
    }
    parts[split.no] = file
  }
  for (let no = 0; no < count; no++) {
    if (parts[no] !== undefined) continue
    const expected = splitFileName(any.name ?? '', { no, count })
    throw missing(any.name, { no, count }, expected)
  }
  const first = parts[0]!
  const tensors = joinTensors(parts)
  const declared = first.metadata.known('split.tensors.count')
  if (declared !== undefined && declared !== tensors.size) {
    const reason = `split.tensors.count is ${declared}, the files hold ${tensors.size} tensors`
    throw mismatch(first.name, reason, 'split.tensors.count')
  }
  const sum = (of: (part: GgufFile) => number): number => parts.reduce((total, part) => total + of(part), 0)
  return {
    name: first.name,
    source: first.source,
    tensors,
    metadata: first.metadata,
    version: first.version,
    alignment: first.alignment,
    dataOffset: first.dataOffset,
    size: sum((part) => part.size),
    trailingBytes: sum((part) => part.trailingBytes),
    parts,
    close: () => closeAll(parts),
  }
}

/** The error for a file of a set that is not there. */
export function missing(file: string | null, { no, count }: GgufSplit, expected: string | undefined): FakError {
  const name = expected === undefined ? '' : `: ${expected}`
  return new FakError('GGUF_SPLIT_MISSING', {
    file,
    reason: `part ${no + 1} of ${count} is missing${name}`,
    field: 'split.count',
  })
}

/** The error for files that are not one set. */
export function mismatch(file: string | null, reason: string, field: string | null): FakError {
  return new FakError('GGUF_SPLIT_MISMATCH', { file, reason, field })
}

function joinTensors(parts: readonly GgufFile[]): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>()
  for (const part of parts) {
    for (const tensor of part.tensors.values()) {
      const earlier = tensors.get(tensor.name)
      if (earlier !== undefined) {
        throw new FakError('GGUF_DUPLICATE_TENSOR', {
          file: part.name,
          reason: `the tensor is in ${earlier.source.name ?? 'an earlier file'} and again in ${part.name ?? 'this one'}`,
          offset: tensor.infoOffset,
          field: label(tensor.name),
        })
      }
      tensors.set(tensor.name, tensor)
    }
  }
  return tensors
}
