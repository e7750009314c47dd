// model.json: what a stored model is, and where it came from.

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FakError } from '@fak/tensor'
import { isPlainPath } from './reference.js'

/** A file of a stored model. */
export interface StoredFile {
  /** Path inside the model's folder, as in its repository. */
  readonly path: string
  /** In bytes. */
  readonly size: number
  /** `sha256:…` or `git-sha1:…`, checked when the file came. */
  readonly hash: string
}

/** The content of model.json. */
export interface Manifest {
  readonly version: 1
  /** What the model is called, e.g. `unsloth/Qwen3.5-0.8B-GGUF:Q4_K_M`. */
  readonly name: string
  readonly repo: string
  /** Branch, tag or commit that was asked for; `null` for the main branch. */
  readonly revision: string | null
  /** The commit that the files are of. */
  readonly commit: string
  readonly format: 'gguf' | 'safetensors'
  /** Stored type of a GGUF model, from its name. */
  readonly quant: string | null
  /** Identifier of the licence, e.g. `apache-2.0`; `null` where the repository states none or it was not asked. */
  readonly license: string | null
  /** When it was pulled, ISO 8601. */
  readonly pulledAt: string
  /** Folder of the files, inside the model's own. */
  readonly folder: string
  readonly files: readonly StoredFile[]
}

/** A model of the store. */
export interface StoredModel extends Omit<Manifest, 'version' | 'folder'> {
  /** Bytes of all files. */
  readonly bytes: number
  /** Folder that holds the files. */
  readonly folder: string
  /** What to open: the folder of safetensors, or the (first) GGUF file. */
  readonly path: string
  /** Why it cannot be used, if it cannot. */
  readonly problem: string | null
}

/** File of a model's folder that holds its manifest. */
export const MANIFEST = 'model.json'

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isTextOrNull = (value: unknown): boolean => value === null || isText(value)

/** Reads the manifest in a model's folder. @throws FakError `STORE_BAD_MANIFEST` */
export async function readManifest(home: string): Promise<Manifest> {
  const file = join(home, MANIFEST)
  let value: Partial<Record<keyof Manifest, unknown>> | null
  try {
    value = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new FakError('STORE_BAD_MANIFEST', { file, reason: 'cannot be read as JSON', cause })
  }
  const { version, name, repo, revision, commit, format, quant, license, pulledAt, folder, files } = value ?? {}
  const isSound =
    version === 1 &&
    [name, repo, commit, pulledAt].every(isText) &&
    [revision, quant, license].every(isTextOrNull) &&
    (format === 'gguf' || format === 'safetensors') &&
    isText(folder) &&
    isPlainPath(folder) &&
    Array.isArray(files) &&
    files.length > 0 &&
    files.every(isStoredFile)
  if (!isSound) throw new FakError('STORE_BAD_MANIFEST', { file, reason: 'is not the manifest of a model' })
  return value as Manifest
}

function isStoredFile(value: unknown): boolean {
  const { path, size, hash } = (value ?? {}) as Partial<Record<keyof StoredFile, unknown>>
  return (
    isText(path) &&
    isPlainPath(path) &&
    Number.isSafeInteger(size) &&
    isText(hash) &&
    /^(sha256|git-sha1):[0-9a-f]+$/.test(hash)
  )
}

/** The model that a manifest describes, with a look at its files. */
export async function storedModel(home: string, { version, folder, ...about }: Manifest): Promise<StoredModel> {
  const place = join(home, folder)
  const lacking: string[] = []
  for (const { path, size } of about.files) {
    const found = await stat(join(place, path)).catch(() => undefined)
    if (found === undefined) lacking.push(`${path} is gone`)
    else if (found.size !== size) lacking.push(`${path} has ${found.size} bytes instead of ${size}`)
  }
  return {
    ...about,
    bytes: about.files.reduce((sum, { size }) => sum + size, 0),
    folder: place,
    path: about.format === 'gguf' ? join(place, about.files[0]!.path) : place,
    problem: lacking.length === 0 ? null : lacking.join(', '),
  }
}
