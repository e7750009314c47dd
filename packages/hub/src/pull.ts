// A plan carried out: every file brought in, then the whole model given its place at once.

import { randomBytes } from 'node:crypto'
import { link, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FakError } from '@fak/tensor'
import { writeFileAtomically } from '@fak/tensor/node'
import { type Disk, syncFolder } from './disk.js'
import { downloadFile } from './download.js'
import { storeError } from './failures.js'
import { hashText } from './file-hash.js'
import { adopt, bytesHere, keyOf, sizeOf } from './incoming.js'
import { takeLock } from './lock.js'
import { MANIFEST, type Manifest, readManifest, type StoredModel, storedModel } from './manifest.js'
import { addressOf, type PlannedFile, type PlanSources, type PullPlan } from './plan.js'

/** What happens while a model is pulled. */
export type PullEvent =
  | { /** What will come. */ readonly type: 'plan'; readonly plan: PullPlan }
  | {
      /** Bytes that are here, of all; `received` of them came over the network in this call. Told at every piece. */
      readonly type: 'progress'
      readonly done: number
      readonly total: number
      readonly received: number
    }
  | {
      /** A file is here, whole and checked. */ readonly type: 'file'
      readonly path: string
      readonly from: PlannedFile['from']
    }
  | {
      /** A request failed and is made again. */ readonly type: 'retry'
      readonly path: string
      readonly reason: string
      readonly attempt: number
      readonly waitMs: number
    }
  | { /** Another process is working on a file. */ readonly type: 'wait'; readonly path: string; readonly pid: number }

/** How to pull. */
export interface PullOptions {
  /** Ends the pull; what has come stays. */
  readonly signal?: AbortSignal
  /** Told what happens; it must be quick. */
  readonly onProgress?: (event: PullEvent) => void
}

type PullSources = PlanSources & { readonly disk: Disk; readonly offline: boolean }

/** Kept free beside what is downloaded. */
const RESERVE_BYTES = 32 * 2 ** 20

/** Carries out a plan. @param home folder of the model */
export async function pullModel(
  plan: PullPlan,
  home: string,
  sources: PullSources,
  options: PullOptions,
): Promise<StoredModel> {
  const { signal, onProgress = () => {} } = options
  signal?.throwIfAborted()
  onProgress({ type: 'plan', plan })
  const same = await publishedAlready(plan, home)
  if (same !== undefined) return same
  await guarded(home, () => mkdir(sources.incoming, { recursive: true }))
  await checkSpace(plan, sources)
  for (;;) {
    await bringAll(plan, sources, options)
    const model = await publish(plan, home, sources.incoming, signal)
    if (model !== undefined) return model
  }
}

/** Refuses a disk that is too small before anything is downloaded. */
async function checkSpace(
  { reference, files, missing }: PullPlan,
  { disk, incoming, cache }: PullSources,
): Promise<void> {
  let needed = missing
  if (cache !== undefined && files.some(({ from }) => from === 'cache')) {
    const { stat } = await import('node:fs/promises')
    const [here, there] = [await stat(incoming), await stat(cache.directory).catch(() => undefined)]
    // A second name needs no space; across file systems it is a copy.
    if (there?.dev !== here.dev) needed += files.reduce((sum, { from, size }) => sum + (from === 'cache' ? size : 0), 0)
  }
  const free = await disk.freeBytes(incoming)
  if (needed === 0 || needed + RESERVE_BYTES <= free) return
  const reason = `needs ${needed} bytes and ${RESERVE_BYTES} to spare, and ${incoming} has ${free} free`
  throw new FakError('HUB_DISK_FULL', { file: reference.text, reason })
}

/** Brings every file in, a few at a time. The first failure stops the others. */
async function bringAll(
  plan: PullPlan,
  sources: PullSources,
  { signal, onProgress = () => {} }: PullOptions,
): Promise<void> {
  const failed = new AbortController()
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  const have = new Map<PlannedFile, number>()
  for (const file of plan.files) have.set(file, await bytesHere(sources.incoming, file.hash, file.size))
  let received = 0
  const report = (file: PlannedFile, bytes: number, fresh: number) => {
    received += fresh
    have.set(file, bytes)
    const done = [...have.values()].reduce((sum, n) => sum + n, 0)
    onProgress({ type: 'progress', done, total: plan.bytes, received })
  }
  const waiting = [...plan.files]
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      either.throwIfAborted()
      const current = file
      const from = await bring(
        plan,
        current,
        sources,
        either,
        (bytes, fresh) => report(current, bytes, fresh),
        onProgress,
      )
      report(current, current.size, 0)
      onProgress({ type: 'file', path: current.path, from })
    }
  }
  const workers = Array.from({ length: Math.max(1, sources.client.network.connections) }, () =>
    work().catch((error: unknown) => {
      failed.abort(error)
      throw error
    }),
  )
  const results = await Promise.allSettled(workers)
  signal?.throwIfAborted()
  if (failed.signal.aborted) throw failed.signal.reason
  const rejected = results.find((result) => result.status === 'rejected')
  if (rejected) throw rejected.reason
}

async function bring(
  plan: PullPlan,
  file: PlannedFile,
  { client, cache, disk, incoming, offline, storedFile }: PullSources,
  signal: AbortSignal,
  report: (have: number, received: number) => void,
  onProgress: (event: PullEvent) => void,
): Promise<PlannedFile['from']> {
  const target = join(incoming, keyOf(file.hash))
  const of = { model: plan.name, path: file.path }
  const onWait = (pid: number) => onProgress({ type: 'wait', path: file.path, pid })
  const lock = await guarded(target, () => takeLock(`${target}.lock`, { signal, onWait }))
  const either = AbortSignal.any([signal, lock.lost])
  try {
    if ((await sizeOf(target)) === file.size) return 'store'
    const adopting = () => {
      let read = 0
      const onBytes = (bytes: number) => {
        read += bytes
        report(read, 0)
      }
      return { signal: either, onBytes }
    }
    const stored = await storedFile(file.hash, file.size)
    if (stored !== undefined && (await adopt(stored, target, file, of, adopting()))) return 'store'
    const cached = await cache?.find(plan.reference.repo, file)
    const place =
      cached ?? (file.from === 'cache' ? (await cache?.listing(plan.reference))?.places.get(file.path) : undefined)
    if (place !== undefined && (await adopt(place, target, file, of, adopting()))) return 'cache'
    const about = `hf:${plan.reference.repo} ${file.path}`
    if (offline) {
      const reason = 'the copy on this machine is damaged, and the network is switched off'
      throw new FakError('HUB_OFFLINE', { file: about, reason })
    }
    if (lock.doubtful) await renew(`${target}.part`)
    const address = addressOf(client.endpoint, plan, file)
    const progress = {
      bytes: report,
      retry: ({ reason }: FakError, attempt: number, waitMs: number) =>
        onProgress({ type: 'retry', path: file.path, reason, attempt, waitMs }),
    }
    await downloadFile(
      { address, about, size: file.size, hash: file.hash, target, of },
      { client, disk, signal: either, progress },
    )
    return 'network'
  } finally {
    await lock.release()
  }
}

/** Makes a copy of an unfinished file, so that a process that wakes from sleep writes on in bytes that nobody reads. */
async function renew(part: string): Promise<void> {
  const { copyFile, constants } = await import('node:fs/promises')
  const copy = `${part}.copy`
  await guarded(part, async () => {
    if ((await sizeOf(part)) === undefined) return
    await copyFile(part, copy, constants.COPYFILE_FICLONE)
    await rename(copy, part)
  })
}

async function publishedAlready(plan: PullPlan, home: string): Promise<StoredModel | undefined> {
  const manifest = await readManifest(home).catch(() => undefined)
  if (manifest?.commit !== plan.commit || manifest.files.length !== plan.files.length) return undefined
  const isSame = plan.files.every(({ path, hash }) =>
    manifest.files.some((file) => file.path === path && file.hash === hashText(hash)),
  )
  const model = await storedModel(home, manifest)
  return isSame && model.problem === null ? model : undefined
}

/**
 * Gives the model its place. Its files get their names in a new folder; the manifest that names the folder makes them the model at once.
 *
 * @returns `undefined` when a file is no longer there, because another process has given it a place meanwhile
 */
async function publish(
  plan: PullPlan,
  home: string,
  incoming: string,
  signal: AbortSignal | undefined,
): Promise<StoredModel | undefined> {
  const lock = await guarded(home, () =>
    takeLock(join(incoming, `publish-${keyOf(plan.files[0]!.hash)}.lock`), { signal }),
  )
  try {
    const same = await publishedAlready(plan, home)
    if (same === undefined) {
      const folder = `${plan.commit.slice(0, 12)}-${randomBytes(3).toString('hex')}`
      await guarded(home, () => mkdir(join(home, folder), { recursive: true }))
      if (!(await placeFiles(plan, join(home, folder), incoming))) {
        await rm(join(home, folder), { recursive: true, force: true })
        return undefined
      }
      await writeManifest(home, folder, plan)
      await removeOthers(home, folder)
    }
    for (const { hash } of plan.files) {
      for (const suffix of ['', '.json']) await rm(join(incoming, keyOf(hash) + suffix), { force: true })
    }
    return same ?? storedModel(home, await readManifest(home))
  } finally {
    await lock.release()
  }
}

async function placeFiles({ files }: PullPlan, folder: string, incoming: string): Promise<boolean> {
  const folders = new Set<string>([folder])
  for (const { path, hash, size } of files) {
    const from = join(incoming, keyOf(hash))
    const to = join(folder, path)
    if ((await sizeOf(from)) !== size) return false
    await guarded(to, async () => {
      await mkdir(dirname(to), { recursive: true })
      folders.add(dirname(to))
      await link(from, to).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') throw error
        // A file system without second names. Two files of one content are then brought in twice.
        return rename(from, to)
      })
    })
  }
  for (const each of folders) await guarded(each, () => syncFolder(each))
  return true
}

async function writeManifest(home: string, folder: string, plan: PullPlan): Promise<void> {
  const manifest: Manifest = {
    version: 1,
    name: plan.name,
    repo: plan.reference.repo,
    revision: plan.reference.revision ?? null,
    commit: plan.commit,
    format: plan.format,
    quant: plan.quant,
    license: plan.license,
    pulledAt: new Date().toISOString(),
    folder,
    files: plan.files.map(({ path, size, hash }) => ({ path, size, hash: hashText(hash) })),
  }
  await guarded(home, () =>
    writeFileAtomically(join(home, MANIFEST), [Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)]),
  )
}

/** Earlier versions of the model. Where a process has them open they may stay, as on Windows, until the next pull. */
async function removeOthers(home: string, folder: string): Promise<void> {
  for (const entry of await readdir(home)) {
    if (entry !== MANIFEST && entry !== folder)
      await rm(join(home, entry), { recursive: true, force: true }).catch(() => {})
  }
}

async function guarded<T>(file: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error
    throw isSystemError(error) ? storeError(error, file) : error
  }
}

const isSystemError = (error: unknown): boolean => typeof (error as NodeJS.ErrnoException | null)?.errno === 'number'
