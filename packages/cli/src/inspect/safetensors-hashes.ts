// SHA-256 of the files, tensors and content of safetensors, in the forms that @fak/gguf has for GGUF.

import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { GgufHashes, GgufManifestEntry, GgufMismatch, GgufVerification } from '@fak/gguf'
import { type ByteSource, FakError, type TensorInfo } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'
import type { Opened } from './opened.js'

/** How long reading goes on, and who hears of it. */
export interface Reading {
  readonly signal: AbortSignal
  readonly onProgress: (done: number, total: number) => void
}

type Safetensors = Extract<Opened, { kind: 'safetensors' }>

const CHUNK_BYTES = 4 * 2 ** 20
/** Files beside the weights without which a checkpoint is not the same. */
const COMPANIONS = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'model.safetensors.index.json',
]

/** Hashes every tensor, all of them together in the order of the file, and every file. @throws FakError `ABORTED`, `FILE_READ` */
export async function hashSafetensors(opened: Safetensors, reading: Reading): Promise<GgufHashes> {
  const paths = await filesOf(opened)
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size))
  const tensors = [...(opened.stored.tensors as ReadonlyMap<string, TensorInfo>).values()]
  const total = sum(sizes) + sum(tensors.map(({ byteLength }) => byteLength))
  let done = 0
  const read = async (source: ByteSource, offset: number, length: number, take: (bytes: Uint8Array) => void) => {
    for (let at = 0; at < length; at += CHUNK_BYTES) {
      if (reading.signal.aborted) throw new FakError('ABORTED', { file: opened.path, reason: 'hashing was stopped' })
      const size = Math.min(CHUNK_BYTES, length - at)
      take(await source.read(offset + at, size))
      done += size
      reading.onProgress(done, total)
    }
  }
  const content = createHash('sha256')
  const ofTensors = new Map<string, { sha256: string }>()
  for (const { name, source, offset, byteLength } of tensors) {
    const hash = createHash('sha256')
    await read(source, offset, byteLength, (bytes) => {
      hash.update(bytes)
      content.update(bytes)
    })
    ofTensors.set(name, { sha256: hash.digest('hex') })
  }
  const files = []
  for (const [i, path] of paths.entries()) {
    const hash = createHash('sha256')
    const source = await fileSource(path)
    try {
      await read(source, 0, sizes[i]!, (bytes) => void hash.update(bytes))
    } finally {
      await source.close()
    }
    files.push({ name: path, size: sizes[i]!, hashes: { sha256: hash.digest('hex') } })
  }
  return { tensors: ofTensors, content: { sha256: content.digest('hex') }, files }
}

/**
 * Compares with a manifest, whose entries for other files or with other algorithms are mismatches.
 *
 * @throws FakError as {@link hashSafetensors}; what differs is in the result, and its `error` has the code `HASH_MISMATCH`
 */
export async function verifySafetensors(
  opened: Safetensors,
  manifest: readonly GgufManifestEntry[],
  reading: Reading,
): Promise<GgufVerification> {
  const { tensors, content, files } = await hashSafetensors(opened, reading)
  const foundFor = ({ algorithm, of, file }: GgufManifestEntry): string | undefined => {
    if (algorithm !== 'sha256') return undefined
    if (of === 'content') return content.sha256
    if (of === 'file') return files.find(({ name }) => basename(name ?? '') === basename(file))?.hashes.sha256
    return tensors.get(of.tensor)?.sha256
  }
  const mismatches = manifest.flatMap((entry): GgufMismatch[] => {
    const found = foundFor(entry)
    return found === entry.hash ? [] : [{ entry, found: found ?? null }]
  })
  const listed = new Set(manifest.flatMap(({ of }) => (typeof of === 'object' ? [of.tensor] : [])))
  const unlisted = listed.size === 0 ? [] : [...tensors.keys()].filter((name) => !listed.has(name))
  const first = mismatches[0]
  const error =
    first &&
    new FakError('HASH_MISMATCH', {
      file: opened.path,
      field: typeof first.entry.of === 'object' ? first.entry.of.tensor : first.entry.file,
      reason: `${first.entry.algorithm} is ${first.found ?? 'not to be had'}, the manifest says ${first.entry.hash}`,
    })
  return { checked: manifest.length, mismatches, unlisted, error: error ?? null }
}

async function filesOf({ path, isDirectory, stored }: Safetensors): Promise<string[]> {
  if (!isDirectory) {
    const parts = stored.parts.flatMap(({ name }) => name ?? [])
    return parts.length === 0 ? [path] : [path, ...parts]
  }
  const weights = stored.parts.length === 0 ? [stored.name ?? path] : stored.parts.flatMap(({ name }) => name ?? [])
  const beside = COMPANIONS.map((name) => join(path, name))
  const there = await Promise.all(
    beside.map((file) =>
      stat(file).then(
        (found) => found.isFile(),
        () => false,
      ),
    ),
  )
  return [...weights, ...beside.filter((_, i) => there[i])]
}

const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0)
