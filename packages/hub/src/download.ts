// One file from the hub to the disk: continued where it stands, hashed while it comes, and given its name only when it is whole.

import type { Hash } from 'node:crypto'
import { constants, type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { FakError } from '@fak/tensor'
import { writeFileAtomically } from '@fak/tensor/node'
import type { HubClient, OpenResponse } from './client.js'
import { type Disk, syncFolder } from './disk.js'
import { hubError, Passing, pause, storeError, waitBefore } from './failures.js'
import { type FileHash, startHash } from './file-hash.js'

/** A file to download. */
export interface Download {
  /** Address of the content. */
  readonly address: string
  /** For messages: the reference and the path. */
  readonly about: string
  readonly size: number
  readonly hash: FileHash
  /** Where the whole file goes. `.part` and `.json` are put behind this name meanwhile. */
  readonly target: string
  /** What the journal says about it, for lists of unfinished downloads. */
  readonly of: { readonly model: string; readonly path: string }
}

/** What happens to a file while it is pulled. */
export interface DownloadProgress {
  /** Bytes that are there now, of this file, fewer when a download starts over; `received` of them came just now. */
  bytes(have: number, received: number): void
  retry(failure: FakError, attempt: number, waitMs: number): void
}

/** Beside the bytes of an unfinished download. The name of both is the hash of the content. */
export interface Journal {
  readonly version: 1
  readonly model: string
  readonly path: string
  readonly size: number
  /** What the server called this version of the file when the bytes came. */
  readonly etag: string | null
  /** So many bytes were on the disk for certain, and this was the sha256 or sha1 of them; where they differ now, a crash has damaged them. */
  readonly checkpoint: { readonly length: number; readonly digest: string } | null
}

/** Bytes between two checkpoints. */
const CHECKPOINT_BYTES = 64 * 2 ** 20
const MAX_JOURNAL_BYTES = 65_536

/** Reads a journal; `undefined` for none and for a damaged one. */
export async function readJournal(path: string): Promise<Journal | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    const value = JSON.parse(text.slice(0, MAX_JOURNAL_BYTES)) as Partial<Journal> | null
    const { version, model, path: of, size, etag, checkpoint } = value ?? {}
    if (version !== 1 || typeof model !== 'string' || typeof of !== 'string' || !Number.isSafeInteger(size))
      return undefined
    if (etag !== null && typeof etag !== 'string') return undefined
    const { length, digest } = checkpoint ?? { length: 0, digest: '' }
    if (checkpoint === undefined || !Number.isSafeInteger(length) || typeof digest !== 'string') return undefined
    return value as Journal
  } catch {
    return undefined
  }
}

/**
 * Downloads a file. Whatever ends it early, an error, the signal, a kill or a power cut, leaves the bytes that came, and the next
 * call goes on from there. The caller holds the lock of the file.
 *
 * @throws FakError with a `HUB_` code, `WRITE_FAILED`; the signal's reason
 */
export async function downloadFile(
  download: Download,
  {
    client,
    disk,
    signal,
    progress,
  }: { client: HubClient; disk: Disk; signal: AbortSignal; progress: DownloadProgress },
): Promise<void> {
  const part = await Part.open(download, disk, signal, progress)
  const { attempts, backoffMs } = client.network
  let best = part.length
  let damaged = false
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        if (part.length < download.size) await fill(part, download, client, signal, progress)
        if (await part.isWhole()) break
        const reason = `the content is not what the hub says it is: its hash is not ${download.hash.hex}`
        const failure = hubError('HUB_HASH_MISMATCH', download.about, reason)
        await part.restart(null)
        // Once more from the beginning: the disk or the way here may have damaged it. Never a third time.
        if (damaged) throw failure
        damaged = true
        best = 0
        throw new Passing(failure)
      } catch (error) {
        if (!(error instanceof Passing)) throw error
        signal.throwIfAborted()
        if (part.length > best) attempt = 1
        best = Math.max(best, part.length)
        if (attempt >= attempts) throw error.failure
        const waitMs = waitBefore(attempt, backoffMs, error)
        progress.retry(error.failure, attempt, waitMs)
        await pause(waitMs, signal)
      }
    }
    await part.publish()
  } finally {
    await part.close()
  }
}

/** One request, as far as it goes. @throws Passing */
async function fill(
  part: Part,
  { address, about, size }: Download,
  client: HubClient,
  signal: AbortSignal,
  progress: DownloadProgress,
): Promise<void> {
  const headers: Record<string, string> = {}
  if (part.length > 0) {
    headers.range = `bytes=${part.length}-`
    // Weak tags promise nothing about bytes.
    if (part.etag !== null && !part.etag.startsWith('W/')) headers['if-range'] = part.etag
  }
  const opened = await client.open(address, about, { headers, signal, accept: [200, 206, 416] })
  try {
    await begin(part, opened, { about, size })
    for await (const chunk of opened.chunks()) {
      if (part.length + chunk.length > size) {
        await part.restart(null)
        throw new Passing(
          hubError('HUB_SIZE_MISMATCH', about, `the server sends more than the ${size} bytes of the file`),
        )
      }
      await part.append(chunk)
      progress.bytes(part.length, chunk.length)
    }
  } finally {
    opened.cancel()
  }
  if (part.length < size) {
    const reason = `the connection ended after ${part.length} of ${size} bytes`
    throw new Passing(hubError('HUB_CONNECTION_LOST', about, reason))
  }
}

/** Checks that the response goes on where the part ends; starts the part over where it does not. */
async function begin(
  part: Part,
  { response }: OpenResponse,
  { about, size }: { about: string; size: number },
): Promise<void> {
  const { status, headers } = response
  const etag = headers.get('etag')
  const encoded = !['', 'identity'].includes(headers.get('content-encoding') ?? '')
  const unusable = (what: string) => new Passing(hubError('HUB_BAD_RESPONSE', about, what))
  if (status === 416) {
    await part.restart(null)
    throw unusable(`the server says that the file ends before byte ${part.length}`)
  }
  if (status === 206) {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? []
    const fits = Number(first) === part.length && (total === '*' || Number(total) === size) && !encoded
    if (part.length > 0 && fits && (part.etag === null || etag === null || etag === part.etag)) {
      part.etag = etag ?? part.etag
      return
    }
    const changed = fits
      ? 'the file has changed since the first part of it came'
      : 'the server sends other bytes than those asked for'
    await part.restart(null)
    throw unusable(changed)
  }
  // 200: the whole file, whatever was asked for.
  if (part.length > 0) await part.restart(etag)
  part.etag = etag
  const length = headers.get('content-length')
  if (length !== null && !encoded && Number(length) !== size) {
    throw new Passing(
      hubError('HUB_SIZE_MISMATCH', about, `the server sends ${length} bytes, and the file has ${size}`),
    )
  }
}

/** The unfinished file and its journal. */
class Part {
  etag: string | null = null
  #length = 0
  #hash: Hash
  #checkpoint: Journal['checkpoint'] = null
  #handle: FileHandle | undefined

  private constructor(
    private readonly download: Download,
    private readonly disk: Disk,
  ) {
    this.#hash = this.#newHash()
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#length
  }

  /** Opens the part, and reads what an earlier attempt left of it. */
  static async open(download: Download, disk: Disk, signal: AbortSignal, progress: DownloadProgress): Promise<Part> {
    const part = new Part(download, disk)
    try {
      await part.#open(signal, progress)
      return part
    } catch (error) {
      await part.#handle?.close()
      throw signal.aborted ? signal.reason : storeError(error, part.#path)
    }
  }

  async #open(signal: AbortSignal, progress: DownloadProgress): Promise<void> {
    const journal = await readJournal(this.#journalPath)
    // Created when it is not there, and never cut.
    const handle = await open(this.#path, constants.O_RDWR | constants.O_CREAT)
    this.#handle = handle
    const { size } = await handle.stat()
    this.etag = journal?.etag ?? null
    const usable = Math.min(size, this.download.size)
    const buffer = Buffer.allocUnsafe(1 << 20)
    const checkpoint = journal?.checkpoint ?? null
    while (this.#length < usable) {
      signal.throwIfAborted()
      // A stop at the checkpoint, to compare there.
      const border =
        checkpoint !== null && this.#length < checkpoint.length ? Math.min(checkpoint.length, usable) : usable
      const ask = Math.min(buffer.length, border - this.#length)
      const { bytesRead } = await handle.read(buffer, 0, ask, this.#length)
      if (bytesRead === 0) break
      this.#hash.update(buffer.subarray(0, bytesRead))
      this.#length += bytesRead
      if (this.#length !== checkpoint?.length) continue
      if (this.#hash.copy().digest('hex') !== checkpoint.digest) return this.restart(null)
      this.#checkpoint = checkpoint
    }
    if (size > this.#length) await handle.truncate(this.#length)
    progress.bytes(this.#length, 0)
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      await this.disk.write(this.#handle!, chunk, this.#length)
    } catch (error) {
      // What was written of this piece is not counted, and is written again.
      throw storeError(error, this.#path)
    }
    this.#hash.update(chunk)
    this.#length += chunk.length
    if (this.#length - (this.#checkpoint?.length ?? 0) >= CHECKPOINT_BYTES || this.#checkpoint === null)
      await this.#save()
  }

  /** Forgets all bytes. */
  async restart(etag: string | null): Promise<void> {
    this.#length = 0
    this.#hash = this.#newHash()
    this.#checkpoint = null
    this.etag = etag
    await this.#handle!.truncate(0).catch((error: unknown) => {
      throw storeError(error, this.#path)
    })
  }

  async isWhole(): Promise<boolean> {
    return this.#length === this.download.size && this.#hash.copy().digest('hex') === this.download.hash.hex
  }

  /** Gives the whole file its name. */
  async publish(): Promise<void> {
    const { target } = this.download
    try {
      // Renamed before its data is on the disk, the file could be empty after a power cut. The journal stays: until the whole
      // model is there, it says what this file is.
      await this.#save()
      await this.#handle!.sync()
      await this.#handle!.close()
      this.#handle = undefined
      await rename(this.#path, target)
      await syncFolder(dirname(target))
    } catch (error) {
      throw storeError(error, target)
    }
  }

  /** Leaves the part for the next attempt; one without bytes goes. */
  async close(): Promise<void> {
    if (this.#handle === undefined) return
    // The disk may be full. The bytes alone are enough to go on.
    if (this.#length > 0) await this.#save().catch(() => {})
    const { length } = this
    const handle = this.#handle
    this.#handle = undefined
    await handle.truncate(length).catch(() => {})
    await handle.close()
    if (length > 0) return
    for (const path of [this.#path, this.#journalPath]) await rm(path, { force: true }).catch(() => {})
  }

  async #save(): Promise<void> {
    const { of, size } = this.download
    await this.#handle!.datasync()
    this.#checkpoint = { length: this.#length, digest: this.#hash.copy().digest('hex') }
    const journal: Journal = { version: 1, ...of, size, etag: this.etag, checkpoint: this.#checkpoint }
    try {
      await writeFileAtomically(this.#journalPath, [Buffer.from(JSON.stringify(journal))])
    } catch (error) {
      throw storeError((error as FakError).cause ?? error, this.#path)
    }
  }

  #newHash(): Hash {
    return startHash(this.download.hash.algorithm, this.download.size)
  }

  get #path(): string {
    return `${this.download.target}.part`
  }

  get #journalPath(): string {
    return `${this.download.target}.json`
  }
}
