// What can go wrong between here and the hub, and whether trying again can help.

import { FakError, quote } from '@fak/tensor'

/** A failure that may pass: the same request is made again, up to a bound. */
export class Passing extends Error {
  constructor(
    /** What the caller gets when the bound is reached. */
    readonly failure: FakError,
    /** Milliseconds that the server asked to wait, if it did. */
    readonly waitMs?: number,
  ) {
    super(failure.message, { cause: failure })
  }
}

/** A typed failure of the hub. @param about what was asked for, e.g. a repository or one of its files */
export const hubError = (code: string, about: string, reason: string, cause?: unknown): FakError =>
  new FakError(code, { file: about, reason, cause })

/** Longest wait that a server may ask for before the command rather ends and says so. */
const MAX_WAIT_MS = 60_000

/** The failure that the status of a response states. Bodies are not repeated: they are the server's, and may be pages of HTML. */
export function statusError(response: Response, about: string, hasToken: boolean): FakError | Passing {
  const { status, headers } = response
  const said = headers.get('x-error-code')
  const with_ = hasToken ? 'the token given does not open it' : 'it may need a token: set HF_TOKEN'
  switch (status) {
    case 401:
      return hubError('HUB_UNAUTHORIZED', about, `does not exist or is not public; ${with_}`)
    case 403:
      return hubError('HUB_FORBIDDEN', about, `access is refused; accept its conditions on its page, and ${with_}`)
    case 404: {
      const what =
        said === 'RevisionNotFound'
          ? 'there is no such revision'
          : said === 'EntryNotFound'
            ? 'there is no such file'
            : 'not found'
      return hubError('HUB_NOT_FOUND', about, what)
    }
    case 429: {
      const waitMs = retryAfter(headers.get('retry-after'))
      const wait = waitMs === undefined ? '' : `; the server asks to wait ${Math.ceil(waitMs / 1000)} s`
      const failure = hubError(
        'HUB_RATE_LIMITED',
        about,
        `too many requests${wait}${hasToken ? '' : '; with a token (HF_TOKEN) more are allowed'}`,
      )
      return waitMs !== undefined && waitMs > MAX_WAIT_MS ? failure : new Passing(failure, waitMs)
    }
  }
  const failure = hubError('HUB_BAD_RESPONSE', about, `the server answered with status ${status}`)
  return status === 408 || status >= 500 ? new Passing(failure, retryAfter(headers.get('retry-after'))) : failure
}

/** Seconds or a date, as RFC 9110 has it; `undefined` for anything else. */
function retryAfter(text: string | null): number | undefined {
  if (text === null) return undefined
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}

/** A failure of the connection itself. */
export function connectionError(cause: unknown, about: string): Passing {
  const inner = (cause as Error | null)?.cause ?? cause
  const system = (inner as NodeJS.ErrnoException | null)?.code
  const said = system ?? (inner instanceof Error ? quote(inner.message) : 'unknown error')
  return new Passing(hubError('HUB_CONNECTION_LOST', about, `the connection failed: ${said}`, cause))
}

/** A failure to write or link a file of the store. */
export function storeError(cause: unknown, file: string): FakError {
  if (FakError.isInstance(cause)) return cause
  const system = (cause as NodeJS.ErrnoException | null)?.code
  if (system === 'ENOSPC' || system === 'EDQUOT') {
    const reason = `the disk is full (${system}); what has come so far is kept, and the same command goes on from there`
    return new FakError('HUB_DISK_FULL', { file, reason, cause })
  }
  return new FakError('WRITE_FAILED', { file, reason: `cannot be written: ${system ?? String(cause)}`, cause })
}

/** Does the work again while its failures may pass. @param tried told before each wait */
export async function withRetries<T>(
  { attempts, backoffMs }: RetryPolicy,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  tried: (failure: FakError, attempt: number, waitMs: number) => void = () => {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Passing)) throw error
      signal?.throwIfAborted()
      if (attempt >= attempts) throw error.failure
      const waitMs = waitBefore(attempt, backoffMs, error)
      tried(error.failure, attempt, waitMs)
      await pause(waitMs, signal)
    }
  }
}

/** How often, and after what waits, a request is made again. */
export interface RetryPolicy {
  /** Requests in a row that may fail without any progress. */
  readonly attempts: number
  /** Milliseconds before the second; doubled before each further one, up to half a minute. */
  readonly backoffMs: number
}

/** Milliseconds before the next attempt: what the server asked for, or twice as long each time, spread by a random quarter. */
export function waitBefore(attempt: number, backoffMs: number, { waitMs }: Passing): number {
  return waitMs ?? Math.round(Math.min(backoffMs * 2 ** (attempt - 1), 30_000) * (0.75 + Math.random() / 2))
}

/** Waits, or throws the signal's reason. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
