// A file behind HTTP, read by ranges. Small reads go through a cache of whole blocks, so that scanning a header costs a
// handful of requests; large reads (tensor data) go straight through and are not kept.

import { allocateBytes } from '../allocate.js'
import type { ByteSource } from '../byte-source.js'
import { FakError, quote } from '../error.js'
import { BlockCache, URL_BLOCK_BYTES } from './block-cache.js'
import { checkRange, closedError } from './check-range.js'

/** Options of {@link urlSource}. */
export interface UrlSourceOptions {
  /** Used instead of the global `fetch`: authentication, retries, a proxy, a test. */
  fetch?: typeof globalThis.fetch
  /** Ends the opening request and every later read. */
  signal?: AbortSignal
  /** Sent with every request, e.g. `authorization`. */
  headers?: Record<string, string>
}

/** A range as the server answered it, with what identifies the version of the file. */
interface RangeAnswer {
  bytes: Uint8Array
  size: number
  etag: string | null
}

/**
 * Opens a file behind HTTP(S) that is served with range requests.
 *
 * The size and the ETag of the first answer are remembered; an answer that differs is `FILE_CHANGED`, so a reader never
 * mixes two versions. Nothing is retried: wrap `fetch` for that.
 *
 * @throws FakError `URL_NO_RANGES` when the server answers a range request with the whole file, `FILE_NOT_FOUND` (404, 410),
 *   `FILE_NOT_READABLE` (401, 403), `READ_FAILED` for anything else. An aborted signal throws its own reason.
 */
export async function urlSource(url: string | URL, options: UrlSourceOptions = {}): Promise<ByteSource> {
  const client = new RangeClient(String(url), options)
  const first = await client.get(0, URL_BLOCK_BYTES)
  const cache = new BlockCache(first.size, async (offset, length) => {
    const answer = await client.get(offset, length)
    if (answer.size !== first.size || answer.etag !== first.etag) throw client.changed(offset, first, answer)
    return answer.bytes
  })
  cache.put(0, first.bytes)
  return {
    name: client.name,
    size: first.size,
    async read(offset, length, readOptions) {
      readOptions?.signal?.throwIfAborted()
      checkRange(client.name, first.size, offset, length)
      client.assertOpen()
      return abortable(cache.read(offset, length), readOptions?.signal)
    },
    async close() {
      client.close()
      cache.clear()
    },
  }
}

class RangeClient {
  /** The URL without user, password and query, which may carry secrets; for messages. */
  readonly name: string
  readonly #fetch: typeof globalThis.fetch
  readonly #closing = new AbortController()
  readonly #signal: AbortSignal

  constructor(
    private readonly url: string,
    private readonly options: UrlSourceOptions,
  ) {
    this.name = publicName(url)
    this.#fetch = options.fetch ?? globalThis.fetch
    this.#signal =
      options.signal === undefined ? this.#closing.signal : AbortSignal.any([options.signal, this.#closing.signal])
  }

  assertOpen(): void {
    if (this.#closing.signal.aborted) throw closedError(this.name)
  }

  close(): void {
    this.#closing.abort(closedError(this.name))
  }

  /** One range request. At the end of the file the answer may be shorter than asked. */
  async get(offset: number, length: number): Promise<RangeAnswer> {
    this.#signal.throwIfAborted()
    let response: Response
    try {
      const headers = { ...this.options.headers, range: `bytes=${offset}-${offset + length - 1}` }
      response = await this.#fetch.call(globalThis, this.url, { headers, signal: this.#signal })
    } catch (cause) {
      throw this.#failure('the request failed', offset, cause)
    }
    const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
    const size = Number(range?.[3] ?? Number.NaN)
    // An empty file has no first byte: 416 with the size is how a server says so.
    if (response.status === 416 && size === 0) return { bytes: new Uint8Array(0), size, etag: etagOf(response) }
    try {
      if (response.status !== 206) throw this.#refused(response, offset)
      const last = Math.min(offset + length, size) - 1
      if (!Number.isSafeInteger(size) || Number(range?.[1]) !== offset || Number(range?.[2]) !== last) {
        throw this.#error(
          'READ_FAILED',
          `the server answered bytes ${offset}-${last} with ${contentRange(response)}`,
          offset,
        )
      }
      return { bytes: await this.#body(response, offset, last + 1 - offset), size, etag: etagOf(response) }
    } finally {
      // A body that is not wanted must not keep the connection; a consumed one ignores this.
      if (!response.bodyUsed) await response.body?.cancel().catch(() => {})
    }
  }

  changed(offset: number, before: RangeAnswer, now: RangeAnswer): FakError {
    const what = (answer: RangeAnswer) =>
      `${answer.size} bytes, ETag ${answer.etag === null ? 'none' : quote(answer.etag)}`
    return this.#error('FILE_CHANGED', `the file was ${what(before)} when opened and is now ${what(now)}`, offset)
  }

  /** Exactly `length` bytes of the body; a server that sends more or fewer is an error, found without storing the excess. */
  async #body(response: Response, offset: number, length: number): Promise<Uint8Array> {
    const bytes = allocateBytes(length, this.name)
    let filled = 0
    const reader = response.body?.getReader()
    try {
      for (;;) {
        const chunk = await reader?.read()
        if (chunk === undefined || chunk.done) break
        if (chunk.value.length > length - filled) {
          throw this.#error('READ_FAILED', `the server sent more than the ${length} bytes asked`, offset)
        }
        bytes.set(chunk.value, filled)
        filled += chunk.value.length
      }
    } catch (cause) {
      await reader?.cancel().catch(() => {})
      throw FakError.isInstance(cause) ? cause : this.#failure('the connection broke', offset, cause)
    }
    if (filled === length) return bytes
    throw this.#error('READ_FAILED', `the server sent ${filled} of the ${length} bytes asked`, offset)
  }

  #refused(response: Response, offset: number): FakError {
    const { status } = response
    if (status === 200) {
      return this.#error('URL_NO_RANGES', 'the server does not serve ranges: it answered with the whole file', offset)
    }
    if (status === 404 || status === 410) return this.#error('FILE_NOT_FOUND', `the server answered ${status}`, null)
    if (status === 401 || status === 403) return this.#error('FILE_NOT_READABLE', `the server answered ${status}`, null)
    return this.#error('READ_FAILED', `the server answered ${status}`, offset)
  }

  /** The caller's own abort reason is passed on as it is; everything else becomes typed. */
  #failure(reason: string, offset: number, cause: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason
    return new FakError('READ_FAILED', { file: this.name, reason, offset, cause })
  }

  #error(code: string, reason: string, offset: number | null): FakError {
    return new FakError(code, { file: this.name, reason, offset })
  }
}

const etagOf = (response: Response): string | null => response.headers.get('etag')
const contentRange = (response: Response): string => quote(response.headers.get('content-range') ?? 'no content-range')

function publicName(url: string): string {
  if (!URL.canParse(url)) return url
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

/** Waits for a shared promise, but no longer than until the signal; the shared work itself goes on for others. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
