// Changes of a file's metadata. An edit yields content for the writer: the tensors of the opened file stream through as they
// are stored, and nothing is read before the new file is written.

import { FakError, label } from '@fak/tensor'
import { sameValue } from './array.js'
import type { GgufEntry } from './metadata.js'
import type { GgufFile } from './open.js'
import { isSplitKey } from './split.js'
import type { GgufContent, GgufValueContent } from './write.js'

/** Changes of metadata, applied in the order of these fields. */
export interface GgufEdit {
  /** Old key to new key. The value, its type and its place among the keys stay. */
  readonly rename?: Iterable<readonly [from: string, to: string]>
  /** Keys to take away. */
  readonly remove?: Iterable<string>
  /** Values by key. A key that is there keeps its place and may change its type; a new one comes last. */
  readonly set?: Iterable<readonly [key: string, value: GgufValueContent]>
}

/**
 * The content of an opened file with other metadata, for `writeGgufFile`, `encodeGguf` or `ggufStream`. Tensors keep their order and
 * their bytes; `general.alignment` may change. The file must stay open until the content is written. Bytes that nothing in the
 * file describes (`trailingBytes`) are not part of it.
 *
 * A file of a split set stays that: its `split.` keys cannot be edited. A joined set becomes one file, as by {@link mergeGguf}.
 *
 * @throws FakError `GGUF_NO_SUCH_KEY` for a key to rename or remove that is not there, `GGUF_DUPLICATE_KEY` for a new name that is
 *   taken, `GGUF_SPLIT_KEY` for a key that describes a split set; `GGUF_SPLIT_MISMATCH` as {@link mergeGguf}. What the values
 *   must be is checked when the content is written.
 */
export function editGguf(file: GgufFile, edit: GgufEdit): GgufContent {
  let entries: (readonly [string, GgufValueContent])[] = metadataOf(file)
  const named = (key: string): number => {
    if (isSplitKey(key)) throw refused(file, 'GGUF_SPLIT_KEY', 'the key describes the split set and is not edited', key)
    return entries.findIndex(([name]) => name === key)
  }
  const present = (key: string): number => {
    const at = named(key)
    if (at < 0) throw refused(file, 'GGUF_NO_SUCH_KEY', 'the file has no such key', key)
    return at
  }
  for (const [from, to] of edit.rename ?? []) {
    const at = present(from)
    if (named(to) >= 0) {
      throw refused(file, 'GGUF_DUPLICATE_KEY', `${label(from)} cannot take this name: it is there already`, to)
    }
    entries[at] = [to, entries[at]![1]]
  }
  for (const key of edit.remove ?? []) {
    const at = present(key)
    entries = entries.filter((_, i) => i !== at)
  }
  for (const [key, value] of edit.set ?? []) {
    const at = named(key)
    if (at < 0) entries.push([key, value])
    else entries[at] = [key, value]
  }
  return { metadata: entries, tensors: file.tensors.values() }
}

/**
 * One file's content from a joined split set: the metadata of the first file without its `split.` keys, and the tensors of all. What
 * {@link splitGguf} or llama.cpp's `gguf-split` took apart comes together again as it was.
 *
 * @throws FakError `GGUF_SPLIT_MISMATCH` when a later file has metadata that the first lacks or contradicts: one of them would be lost.
 */
export function mergeGguf(file: GgufFile): GgufContent {
  return { metadata: metadataOf(file), tensors: file.tensors.values() }
}

function metadataOf(file: GgufFile): (readonly [string, GgufEntry])[] {
  const entries = [...file.metadata.entries()]
  if (file.parts.length === 0) return entries
  for (const part of file.parts) {
    for (const [key, entry] of part.metadata.entries()) {
      // Every file has its own place in the set, and its own alignment.
      if (isSplitKey(key) || key === 'general.alignment') continue
      const first = file.metadata.entry(key)
      if (first !== undefined && sameValue(first, entry)) continue
      const reason = `the file ${first === undefined ? 'has a key that the first file of the set lacks' : 'contradicts the first file of the set'}`
      throw new FakError('GGUF_SPLIT_MISMATCH', { file: part.name, reason, offset: entry.offset, field: label(key) })
    }
  }
  return entries.filter(([key]) => !isSplitKey(key))
}

function refused({ name }: GgufFile, code: string, reason: string, key: string): FakError {
  return new FakError(code, { file: name, reason, field: label(key) })
}
