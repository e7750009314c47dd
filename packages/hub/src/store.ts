// The models that are kept on this machine.

import { createHash, randomBytes } from 'node:crypto'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FakError, quote } from '@fak/tensor'
import { DEFAULT_NETWORK, HubClient, type NetworkOptions } from './client.js'
import { type Disk, systemDisk } from './disk.js'
import { storeError } from './failures.js'
import { type FileHash, hashFile, hashText } from './file-hash.js'
import { HfCache } from './hf-cache.js'
import { listIncoming, type PartialDownload, removeIncoming, sizeOf } from './incoming.js'
import { MANIFEST, readManifest, type StoredModel, storedModel } from './manifest.js'
import { incomingFolder, type PlanSources, type PullPlan, planFromCache, planFromHub } from './plan.js'
import { type PullOptions, pullModel } from './pull.js'
import { type HubReference, parseModelReference } from './reference.js'
import { type Environment, fakHome, hfCache, hfEndpoint, hfOffline, hfToken } from './settings.js'

/** Where a store is and what it may use. Everything that is left out comes from the environment. */
export interface ModelStoreOptions {
  /** Environment to read `FAK_HOME`, `HF_HOME`, `HF_TOKEN` and their like from (default `process.env`). */
  readonly env?: Environment
  /** Folder of the models (default: `models` in `FAK_HOME` or the platform's folder for data). */
  readonly directory?: string
  /** Address of the hub (default `HF_ENDPOINT`, else https://huggingface.co). */
  readonly endpoint?: string
  /** Never use the network (default: as `HF_HUB_OFFLINE` says). */
  readonly offline?: boolean
  /** Retries, connections and patience; each has a default. */
  readonly network?: Partial<NetworkOptions>
  /** Requests are made with this (default: the global `fetch`), e.g. one that knows a proxy. */
  readonly fetch?: typeof fetch
  /** @internal A disk for tests. */
  readonly disk?: Disk
}

/** What a text that names a model stands for on this machine. */
export type Resolution =
  | { /** A path of the file system; it need not exist. */ readonly kind: 'path'; readonly path: string }
  | { /** A model of the store, ready to open. */ readonly kind: 'stored'; readonly model: StoredModel }
  | {
      /** A model of the hub that is not in the store. */
      readonly kind: 'absent'
      readonly reference: HubReference
      /** Whether Hugging Face's cache has all of it, so that nothing has to be downloaded. */
      readonly cached: boolean
    }

/** Models on this machine: listed, found, pulled, removed. */
export class ModelStore {
  /** Folder of the models. */
  readonly directory: string
  /** Whether the network may not be used. */
  readonly offline: boolean
  readonly #options: ModelStoreOptions
  readonly #env: Environment

  /** @throws FakError `BAD_ENVIRONMENT` for a malformed environment variable */
  constructor(options: ModelStoreOptions = {}) {
    this.#options = options
    this.#env = options.env ?? process.env
    this.directory = options.directory ?? join(fakHome(this.#env), 'models')
    this.offline = options.offline ?? hfOffline(this.#env)
  }

  /** Address of the hub. @throws FakError `BAD_ENVIRONMENT` */
  get endpoint(): string {
    return this.#options.endpoint?.replace(/\/+$/, '') ?? hfEndpoint(this.#env)
  }

  /** All stored models by name. One that is damaged is listed too, with its `problem`. */
  async list(): Promise<StoredModel[]> {
    const folders = await readdir(this.directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw new FakError('FILE_NOT_READABLE', {
        file: this.directory,
        reason: `cannot be read: ${error.code}`,
        cause: error,
      })
    })
    const models: StoredModel[] = []
    for (const entry of folders) {
      if (!entry.isDirectory() || entry.name.startsWith('.') || entry.name === 'incoming') continue
      const home = join(this.directory, entry.name)
      const manifest = await readManifest(home).catch((error: FakError) => error)
      if (!FakError.isInstance(manifest)) models.push(await storedModel(home, manifest))
      // A folder that a pull has begun and not ended has no manifest; it is no model yet.
      else if ((await sizeOf(join(home, MANIFEST))) !== undefined) models.push(damaged(home, entry.name, manifest))
    }
    return models.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Downloads that are not finished. */
  partials(): Promise<PartialDownload[]> {
    return listIncoming(incomingFolder(this.directory))
  }

  /**
   * The stored model of a name: as `list` shows it, without the owner, or any reference that means it.
   *
   * @throws FakError `MODEL_AMBIGUOUS` with the names when several fit, `MODEL_BAD_REFERENCE`
   */
  async find(name: string): Promise<StoredModel | undefined> {
    const models = await this.list()
    const wanted = name.replace(/^hf:/i, '').toLowerCase()
    const exact = models.filter((model) => model.name.toLowerCase() === wanted)
    if (exact.length > 0) return one(name, exact)
    const reference = parseModelReference(name)
    if (reference.kind === 'hub')
      return one(
        name,
        models.filter((model) => means(reference, model)),
      )
    return one(
      name,
      models.filter((model) => model.name.toLowerCase().replace(/^[^/]*\//, '') === wanted),
    )
  }

  /**
   * What a text that names a model stands for here. A path that exists is that path, whatever else the text could mean.
   *
   * @throws FakError `MODEL_BAD_REFERENCE`, `MODEL_AMBIGUOUS`; `MODEL_DAMAGED` for a stored model that lacks files;
   *   `FILE_NOT_FOUND` for a text that is none of a path, a stored name, an official size and a reference, saying what would work
   */
  async resolve(text: string): Promise<Resolution> {
    const isScheme = /^(hf:|hf\.co\/|https?:)/i.test(text)
    if (!isScheme && text !== '' && (await exists(text))) return { kind: 'path', path: text }
    const reference = parseModelReference(text)
    const model = await this.find(text)
    if (model?.problem) {
      const reason = `the stored model is damaged: ${model.problem}; to mend it, fak pull ${commandReference(model)}`
      throw new FakError('MODEL_DAMAGED', { file: model.name, reason })
    }
    if (model !== undefined) return { kind: 'stored', model }
    if (reference.kind === 'hub') {
      const cached = (await planFromCache(reference, await this.#sources())) !== undefined
      return { kind: 'absent', reference, cached }
    }
    if (reference.kind === 'path') return { kind: 'path', path: text }
    const hub = /^[^/\s]+\/[^/\s]+$/.test(text) ? `; a model of the hub is written hf:${text}` : ''
    const reason = `no such file, stored model or official size (such as 0.8B or Qwen3.5-4B)${hub || '; a model of the hub is written hf:owner/repo'}`
    throw new FakError('FILE_NOT_FOUND', { file: text.length > 80 ? quote(text) : text, reason })
  }

  /**
   * What a pull would bring. Asks the hub, or offline looks at what is on this machine.
   *
   * @throws FakError with a `HUB_` code; offline `HUB_OFFLINE`, naming what is missing
   */
  async plan(reference: HubReference, { signal }: { signal?: AbortSignal } = {}): Promise<PullPlan> {
    const sources = await this.#sources()
    if (!this.offline) return planFromHub(reference, sources, signal)
    const plan = await planFromCache(reference, sources, signal)
    if (plan !== undefined) return plan
    const where = sources.cache === undefined ? '' : `, and ${sources.cache.directory} does not hold all of it`
    const reason = `is not stored${where}; the network is switched off (--offline or HF_HUB_OFFLINE)`
    throw new FakError('HUB_OFFLINE', { file: reference.text, reason })
  }

  /**
   * Brings a model into the store, or brings it up to date. Goes on with what an earlier call left. Several processes may pull the same
   * model: they share the work.
   *
   * @param what a reference, or a plan that `plan` has made
   * @throws FakError with a `HUB_` code, `WRITE_FAILED`; the reason of the signal. What has come stays for the next call.
   */
  async pull(what: HubReference | PullPlan, options: PullOptions = {}): Promise<StoredModel> {
    if ('files' in what) return this.#pull(what, options)
    // Offline, what is stored is as new as can be.
    const stored = this.offline ? await this.find(what.text) : undefined
    if (stored !== undefined && stored.problem === null) return stored
    return this.#pull(await this.plan(what, options), options)
  }

  /**
   * Brings a model into the store from Hugging Face's cache, without the network.
   *
   * @returns `undefined` when the cache does not hold all of it
   */
  async adopt(reference: HubReference, options: PullOptions = {}): Promise<StoredModel | undefined> {
    const plan = await planFromCache(reference, await this.#sources(), options.signal)
    return plan && this.#pull(plan, options)
  }

  /**
   * Removes a model. Content that another model has too stays there.
   *
   * @returns what was removed, and the bytes that this made free
   * @throws FakError `MODEL_NOT_STORED`, `MODEL_AMBIGUOUS`, `WRITE_FAILED`
   */
  async remove(name: string): Promise<{ readonly model: StoredModel; readonly freed: number }> {
    const model = await this.find(name)
    if (model === undefined) throw notStored(name)
    const home = join(model.folder, '..')
    let freed = 0
    for (const { path } of model.files) {
      const found = await stat(join(model.folder, path)).catch(() => undefined)
      if (found?.nlink === 1) freed += found.size
    }
    // Away with the name first: a model is there whole or not at all.
    const away = join(this.directory, `.removed-${randomBytes(6).toString('hex')}`)
    try {
      await rename(model.problem !== null && model.files.length === 0 ? model.folder : home, away)
      for (const entry of await readdir(this.directory)) {
        if (entry.startsWith('.removed-')) await rm(join(this.directory, entry), { recursive: true, force: true })
      }
    } catch (error) {
      throw storeError(error, home)
    }
    return { model, freed }
  }

  /** Removes unfinished downloads, of one model or all, but for those that a process is working on. @returns bytes made free */
  removePartials(model?: string): Promise<number> {
    return removeIncoming(incomingFolder(this.directory), model)
  }

  /**
   * Reads all files of a stored model and compares their hashes.
   *
   * @returns paths of the files that differ
   */
  async verify(
    model: StoredModel,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
  ): Promise<string[]> {
    const wrong: string[] = []
    let done = 0
    for (const { path, size, hash } of model.files) {
      const file = join(model.folder, path)
      const algorithm = hash.startsWith('sha256:') ? 'sha256' : 'git-sha1'
      const onBytes = (bytes: number) => {
        done += bytes
        onProgress?.(done, model.bytes)
      }
      const found = (await sizeOf(file)) === size ? await hashFile(file, algorithm, size, { signal, onBytes }) : ''
      if (hashText({ algorithm, hex: found }) !== hash) wrong.push(path)
    }
    return wrong
  }

  async #pull(plan: PullPlan, options: PullOptions): Promise<StoredModel> {
    const sources = await this.#sources()
    const home = join(this.directory, folderName(plan))
    return pullModel(plan, home, { ...sources, disk: this.#options.disk ?? systemDisk, offline: this.offline }, options)
  }

  async #sources(): Promise<PlanSources> {
    const token = this.offline ? undefined : await hfToken(this.#env)
    const network = { ...DEFAULT_NETWORK, ...this.#options.network }
    return {
      client: new HubClient(this.endpoint, token, network, this.#options.fetch),
      cache: new HfCache(hfCache(this.#env)),
      incoming: incomingFolder(this.directory),
      storedFile: (hash, size) => this.#storedFile(hash, size),
    }
  }

  async #storedFile(hash: FileHash, size: number): Promise<string | undefined> {
    for (const { folder, files } of await this.list()) {
      const file = files.find((candidate) => candidate.hash === hashText(hash))
      if (file !== undefined && (await sizeOf(join(folder, file.path))) === size) return join(folder, file.path)
    }
    return undefined
  }
}

/** A reference that pulls a stored model again. */
export const commandReference = ({ repo, revision, name, format }: StoredModel): string =>
  format === 'gguf' ? `hf:${name}` : `hf:${repo}${revision === null ? '' : `@${revision}`}`

/** The folder of a model: its name, spelled so that every file system takes it. */
function folderName({ name }: PullPlan): string {
  const plain = name.replace('/', '--').replace(/:([^:]*)$/, '--$1')
  const safe = plain.replace(/[^A-Za-z0-9._@-]/g, '-').slice(0, 150)
  return safe === plain ? safe : `${safe}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}

function means(reference: HubReference, { repo, revision, quant, format, files }: StoredModel): boolean {
  if (repo.toLowerCase() !== reference.repo.toLowerCase() || revision !== (reference.revision ?? null)) return false
  if (reference.file !== undefined) return files.some(({ path }) => path === reference.file)
  if (reference.quant !== undefined) return quant === reference.quant
  return format === 'safetensors' || quant !== null
}

function one(name: string, models: readonly StoredModel[]): StoredModel | undefined {
  if (models.length < 2) return models[0]
  const reason = `several stored models fit; say which: ${models.map((model) => model.name).join(', ')}`
  throw new FakError('MODEL_AMBIGUOUS', { file: name, reason })
}

function damaged(home: string, name: string, { reason }: FakError): StoredModel {
  const unknown = { repo: '', revision: null, commit: '', quant: null, license: null, pulledAt: '' }
  return {
    name,
    ...unknown,
    format: 'gguf',
    files: [],
    bytes: 0,
    folder: home,
    path: home,
    problem: `${MANIFEST} ${reason}`,
  }
}

const notStored = (name: string) =>
  new FakError('MODEL_NOT_STORED', { file: name, reason: 'there is no stored model of that name; fak list shows them' })

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined
