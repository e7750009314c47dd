// What the hub says about a repository: the commit behind a revision, its licence, its files with their hashes.

import { FakError } from '@fak/tensor'
import type { HubClient } from './client.js'
import { hubError } from './failures.js'
import { type FileHash, hashNamed } from './file-hash.js'
import type { HubReference } from './reference.js'
import type { RepoFile } from './selection.js'

/** A repository at one commit. */
export interface RepoListing {
  /** 40 hexadecimal digits. */
  readonly commit: string
  /** Identifier of the licence, e.g. `apache-2.0`. */
  readonly license: string | null
  readonly files: readonly RepoFile[]
}

/** Most files of a repository that are looked at. */
const MAX_FILES = 100_000

/** Asks the hub about a repository. @throws FakError with a `HUB_` code */
export async function listRepository(
  client: HubClient,
  reference: HubReference,
  signal: AbortSignal | undefined,
): Promise<RepoListing> {
  const about = reference.text
  // Loaded when first needed: a command that uses what is stored does not wait for it.
  const { listFiles, modelInfo } = await import('@huggingface/hub')
  const common = { hubUrl: client.endpoint, fetch: client.apiFetch(about, signal) }
  try {
    const info = await modelInfo({
      name: reference.repo,
      revision: reference.revision ?? 'main',
      additionalFields: ['sha', 'cardData'],
      ...common,
    })
    const commit: unknown = info.sha
    if (typeof commit !== 'string' || !/^[0-9a-f]{40}$/.test(commit)) {
      throw hubError('HUB_BAD_RESPONSE', about, 'the server does not say which commit the revision is')
    }
    const files: RepoFile[] = []
    // By commit, so that the list and the files are of one state, whatever is pushed meanwhile.
    for await (const entry of listFiles({ repo: reference.repo, revision: commit, recursive: true, ...common })) {
      if ((entry as { type?: unknown } | null)?.type !== 'file') continue
      files.push(checkedEntry(entry, about))
      if (files.length > MAX_FILES)
        throw hubError('HUB_BAD_RESPONSE', about, `the repository has more than ${MAX_FILES} files`)
    }
    return { commit, license: licenseOf(info.cardData), files }
  } catch (error) {
    signal?.throwIfAborted()
    if (FakError.isInstance(error)) throw error
    throw hubError('HUB_BAD_RESPONSE', about, 'the answer of the server is not what the hub would say', error)
  }
}

function checkedEntry(
  entry: { path: string; size: number; oid?: string; lfs?: { oid: string; size: number } },
  about: string,
): RepoFile {
  const { path, oid, lfs } = entry
  const size = lfs?.size ?? entry.size
  const hash: FileHash | undefined = hashNamed(lfs === undefined ? oid : lfs.oid?.replace(/^sha256:/, ''))
  if (typeof path !== 'string' || !Number.isSafeInteger(size) || size < 0 || hash === undefined) {
    throw hubError('HUB_BAD_RESPONSE', about, `the list of files has an entry without path, size or hash`)
  }
  return { path, size, hash }
}

function licenseOf(card: unknown): string | null {
  const { license, license_name: name } = (card ?? {}) as { license?: unknown; license_name?: unknown }
  const first: unknown = Array.isArray(license) ? license[0] : license
  const said = first === 'other' && typeof name === 'string' ? name : first
  return typeof said === 'string' && /^[\x20-\x7e]{1,80}$/.test(said) ? said : null
}

/** The address of a file at a commit. */
export const fileAddress = (endpoint: string, repo: string, commit: string, path: string): string =>
  `${endpoint}/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
