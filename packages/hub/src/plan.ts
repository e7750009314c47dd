// What a pull would bring: asked of the hub, or of what is on this machine.

import { join } from 'node:path'
import type { HubClient } from './client.js'
import { hubError, withRetries } from './failures.js'
import { type FileHash, hashFile, startHash } from './file-hash.js'
import type { HfCache } from './hf-cache.js'
import { bytesHere } from './incoming.js'
import type { HubReference } from './reference.js'
import { fileAddress, listRepository, type RepoListing } from './repository.js'
import { type RepoFile, type Selection, selectFiles } from './selection.js'

/** A file that a pull brings. */
export interface PlannedFile extends RepoFile {
  readonly hash: FileHash
  /** Where it comes from: the store, where another model has it too or an earlier pull left it; Hugging Face's cache; or the network. */
  readonly from: 'store' | 'cache' | 'network'
  /** Bytes that need not be downloaded. */
  readonly have: number
}

/** What a pull would bring. */
export interface PullPlan {
  readonly reference: HubReference
  /** What the model will be called. */
  readonly name: string
  readonly commit: string
  readonly format: 'gguf' | 'safetensors'
  readonly quant: string | null
  readonly license: string | null
  readonly files: readonly PlannedFile[]
  /** Bytes of all files. */
  readonly bytes: number
  /** Bytes that have to be downloaded. */
  readonly missing: number
}

/** Where a plan looks. */
export interface PlanSources {
  readonly client: HubClient
  readonly cache: HfCache | undefined
  readonly incoming: string
  /** A file of a stored model with this content, or `undefined`. */
  storedFile(hash: FileHash, size: number): Promise<string | undefined>
}

const MAX_INDEX_BYTES = 64 * 2 ** 20

/** Plans a pull from the hub. @throws FakError with a `HUB_` code */
export async function planFromHub(
  reference: HubReference,
  sources: PlanSources,
  signal?: AbortSignal,
): Promise<PullPlan> {
  const { client, cache } = sources
  const listing = await listRepository(client, reference, signal)
  const selection = await selectFiles(reference, listing.files, (index) =>
    readIndex(reference, listing.commit, index, client, signal),
  )
  const files: PlannedFile[] = []
  for (const { path, size, hash: stated } of selection.files) {
    const hash = stated!
    const here = await bytesHere(sources.incoming, hash, size)
    const isStored = here === size || (await sources.storedFile(hash, size)) !== undefined
    const isCached = !isStored && (await cache?.find(reference.repo, { hash, size })) !== undefined
    const from = isStored ? 'store' : isCached ? 'cache' : 'network'
    files.push({ path, size, hash, from, have: from === 'network' ? here : size })
  }
  return planOf(reference, listing, selection, files)
}

/** Plans a pull from Hugging Face's cache alone; `undefined` when it does not hold the whole model. */
export async function planFromCache(
  reference: HubReference,
  { cache }: PlanSources,
  signal?: AbortSignal,
): Promise<PullPlan | undefined> {
  const listing = await cache?.listing(reference)
  if (listing === undefined) return undefined
  let selection: Selection
  try {
    const { readFile } = await import('node:fs/promises')
    selection = await selectFiles(reference, listing.files, (index) => readFile(listing.places.get(index.path)!))
  } catch {
    // Whoever filled the cache took other files.
    return undefined
  }
  const files: PlannedFile[] = []
  for (const { path, size, hash: named } of selection.files) {
    const hex = named === null ? await hashFile(listing.places.get(path)!, 'sha256', size, { signal }) : ''
    files.push({ path, size, hash: named ?? { algorithm: 'sha256', hex }, from: 'cache', have: size })
  }
  return planOf(reference, listing, selection, files)
}

/** What the model that a reference and its choice of files stand for is called. */
export const modelName = ({ repo, revision }: HubReference, variant: string | null): string =>
  `${repo}${revision === undefined ? '' : `@${revision}`}${variant === null ? '' : `:${variant}`}`

function planOf(reference: HubReference, listing: RepoListing, selection: Selection, files: PlannedFile[]): PullPlan {
  const sum = (of: (file: PlannedFile) => number) => files.reduce((total, file) => total + of(file), 0)
  return {
    reference,
    name: modelName(reference, selection.variant),
    commit: listing.commit,
    format: selection.format,
    quant: selection.quant,
    license: listing.license,
    files,
    bytes: sum(({ size }) => size),
    missing: sum(({ size, have }) => size - have),
  }
}

async function readIndex(
  { repo, text }: HubReference,
  commit: string,
  { path, size, hash }: RepoFile,
  client: HubClient,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const about = `${text} ${path}`
  const content = await withRetries(client.network, signal, async () =>
    client.collect(
      await client.open(fileAddress(client.endpoint, repo, commit, path), about, { signal }),
      about,
      MAX_INDEX_BYTES,
    ),
  )
  const found = startHash(hash!.algorithm, size).update(content).digest('hex')
  if (content.length !== size || found !== hash!.hex) {
    throw hubError(
      'HUB_HASH_MISMATCH',
      about,
      `the content is not what the hub says it is: its hash is not ${hash!.hex}`,
    )
  }
  return content
}

/** Where the address of a planned file is. */
export const addressOf = (endpoint: string, { reference, commit }: PullPlan, { path }: PlannedFile): string =>
  fileAddress(endpoint, reference.repo, commit, path)

/** The folder of files on their way, inside the store. */
export const incomingFolder = (models: string): string => join(models, 'incoming')
