// Which files of a repository make up the model that was asked for.

import { FakError, quote } from '@fak/tensor'
import type { FileHash } from './file-hash.js'
import { type GgufName, ggufName } from './quant.js'
import { type HubReference, isPlainPath } from './reference.js'

/** A file of a repository, at one commit. */
export interface RepoFile {
  /** Path inside the repository. */
  readonly path: string
  /** In bytes. */
  readonly size: number
  /** `null` where nobody stated one. */
  readonly hash: FileHash | null
}

/** The files of a model, and what they are. */
export interface Selection {
  readonly format: 'gguf' | 'safetensors'
  /** Stored type of a GGUF model, from its name; `null` for safetensors and for names that state none. */
  readonly quant: string | null
  /** What tells it from other models of the repository: a stored type, a file, or `null` for safetensors. */
  readonly variant: string | null
  readonly files: readonly RepoFile[]
}

const INDEX = 'model.safetensors.index.json'
const SINGLE = 'model.safetensors'
const REQUIRED = ['config.json', 'tokenizer.json']
const OPTIONAL = ['generation_config.json', 'tokenizer_config.json', 'chat_template.jinja', 'chat_template.json']
/** Most choices that a message names. */
const MAX_CHOICES = 12

/**
 * Chooses the files of a model.
 *
 * @param readIndex gives the content of `model.safetensors.index.json`, which says which shards belong to the model
 * @throws FakError `HUB_NO_SUCH_FILE` with what there is, `HUB_AMBIGUOUS` with the choices, `HUB_INCOMPLETE` for a model that lacks
 *   files, `HUB_PATH_ESCAPE` for names of files that would lead elsewhere
 */
export async function selectFiles(
  reference: HubReference,
  files: readonly RepoFile[],
  readIndex: (index: RepoFile) => Promise<Uint8Array>,
): Promise<Selection> {
  const selection = isGguf(reference, files)
    ? selectGguf(reference, files)
    : await selectSafetensors(reference, files, readIndex)
  for (const { path } of selection.files) {
    if (isPlainPath(path)) continue
    throw failed('HUB_PATH_ESCAPE', reference, `the file name ${quote(path)} is not a plain path inside the repository`)
  }
  return selection
}

function isGguf({ file, quant }: HubReference, files: readonly RepoFile[]): boolean {
  if (file !== undefined || quant !== undefined) return true
  return !files.some(({ path }) => path === SINGLE || path === INDEX) && files.some(({ path }) => isModel(path))
}

/** Projectors of images and files of importance lie beside models and are none. */
const isModel = (path: string): boolean =>
  ggufName(path) !== undefined && !/(^|\/)(mmproj|imatrix)|[-._]imatrix\./i.test(path)

interface GgufSet extends GgufName {
  readonly files: RepoFile[]
}

function selectGguf(reference: HubReference, files: readonly RepoFile[]): Selection {
  const sets = new Map<string, GgufSet>()
  for (const file of files.filter(({ path }) => isModel(path) || path === reference.file)) {
    const name = ggufName(file.path)!
    const key = `${name.stem}/${name.part?.count ?? ''}`
    const set = sets.get(key) ?? { ...name, files: [] }
    set.files.push(file)
    sets.set(key, set)
  }
  const all = [...sets.values()]
  const found = all.filter((set) => {
    if (reference.file !== undefined) return set.files.some(({ path }) => path === reference.file)
    return reference.quant === undefined || set.quant === reference.quant
  })
  const [chosen] = found
  if (chosen === undefined) {
    const what = reference.file ?? reference.quant
    const has = all.length === 0 ? 'the repository has no GGUF models' : `there are ${choices(reference, all)}`
    throw failed('HUB_NO_SUCH_FILE', reference, `${what === undefined ? '' : `there is no ${quote(what)}; `}${has}`)
  }
  if (found.length > 1) {
    throw failed('HUB_AMBIGUOUS', reference, `several models fit; say which: ${choices(reference, found)}`)
  }
  checkParts(reference, chosen)
  const isOnly = chosen.quant !== undefined && all.filter(({ quant }) => quant === chosen.quant).length === 1
  const ordered = chosen.files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return {
    format: 'gguf',
    quant: chosen.quant ?? null,
    variant: isOnly ? chosen.quant! : ordered[0]!.path,
    files: ordered,
  }
}

function checkParts(reference: HubReference, { part, files, stem }: GgufSet): void {
  if (part === undefined) return
  const have = new Set(files.map(({ path }) => ggufName(path)!.part!.index))
  for (let index = 1; index <= part.count; index++) {
    if (have.has(index)) continue
    const name = `${stem}-${String(index).padStart(5, '0')}-of-${String(part.count).padStart(5, '0')}.gguf`
    throw failed('HUB_INCOMPLETE', reference, `the repository lacks a part of the model: ${quote(name)}`)
  }
  if (have.size !== files.length || have.has(0) || part.count === 0) {
    throw failed('HUB_INCOMPLETE', reference, `the parts of ${quote(stem)} are not numbered from 1 to ${part.count}`)
  }
}

function choices(reference: HubReference, sets: readonly GgufSet[]): string {
  const labels = sets.map(({ quant }) => quant)
  const named = sets.map((set) => {
    const isOnly = set.quant !== undefined && labels.filter((label) => label === set.quant).length === 1
    return `${isOnly ? set.quant : set.files[0]!.path} (${gigabytes(set.files)})`
  })
  const more = named.length > MAX_CHOICES ? `, and ${named.length - MAX_CHOICES} more` : ''
  const first = sets[0]!
  const example = named[0]!.startsWith(`${first.quant} `) ? first.quant : first.files[0]!.path
  return `${named.slice(0, MAX_CHOICES).join(', ')}${more}; such as hf:${reference.repo}:${example}`
}

const gigabytes = (files: readonly RepoFile[]): string =>
  `${(files.reduce((sum, { size }) => sum + size, 0) / 1e9).toPrecision(2)} GB`

async function selectSafetensors(
  reference: HubReference,
  files: readonly RepoFile[],
  readIndex: (index: RepoFile) => Promise<Uint8Array>,
): Promise<Selection> {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const single = byPath.get(SINGLE)
  const index = byPath.get(INDEX)
  if (single === undefined && index === undefined) {
    const has = files.some(({ path }) => /\.(bin|pt|pth|msgpack|h5|onnx)$/.test(path))
      ? ', only weights of other formats'
      : ''
    throw failed('HUB_NO_SUCH_FILE', reference, `the repository has neither ${SINGLE}, ${INDEX} nor .gguf files${has}`)
  }
  // As the reader does: one file wins over an index.
  const weights = single ? [SINGLE] : [INDEX, ...shardsOf(reference, await readIndex(index!))]
  const needed = [...REQUIRED, ...weights]
  const lacking = needed.find((path) => !byPath.has(path))
  if (lacking !== undefined) {
    if (!isPlainPath(lacking)) {
      throw failed(
        'HUB_PATH_ESCAPE',
        reference,
        `${INDEX} names ${quote(lacking)}, which is not a plain path inside the repository`,
      )
    }
    throw failed('HUB_INCOMPLETE', reference, `the repository lacks ${quote(lacking)}`)
  }
  const paths = [...needed, ...OPTIONAL.filter((path) => byPath.has(path))]
  return { format: 'safetensors', quant: null, variant: null, files: paths.map((path) => byPath.get(path)!) }
}

function shardsOf(reference: HubReference, content: Uint8Array): string[] {
  let map: unknown
  try {
    map = (JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content)) as { weight_map?: unknown } | null)
      ?.weight_map
  } catch (cause) {
    throw new FakError('HUB_BAD_RESPONSE', { file: reference.text, reason: `${INDEX} is not JSON`, cause })
  }
  const names: unknown[] = typeof map === 'object' && map !== null && !Array.isArray(map) ? Object.values(map) : []
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) {
    throw failed('HUB_BAD_RESPONSE', reference, `${INDEX} has no weight_map of names of files`)
  }
  return [...new Set(names as string[])].toSorted()
}

const failed = (code: string, { text }: HubReference, reason: string): FakError =>
  new FakError(code, { file: text, reason })
