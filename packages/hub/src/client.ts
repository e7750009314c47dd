// HTTP as the hub needs it: redirects are followed here, so that the token goes to the hub alone; silence has an end.

import { connectionError, hubError, Passing, type RetryPolicy, statusError, withRetries } from './failures.js'

/** How the network is used. */
export interface NetworkOptions extends RetryPolicy {
  /** Files that are downloaded at the same time. */
  readonly connections: number
  /** Milliseconds without a single byte after which a connection counts as lost. */
  readonly stallMs: number
}

/** Figures for a network of average temper. */
export const DEFAULT_NETWORK: NetworkOptions = { connections: 4, stallMs: 30_000, attempts: 6, backoffMs: 1000 }

const MAX_REDIRECTS = 10
/** Largest answer of the hub's API that is read. */
const MAX_API_BYTES = 64 * 2 ** 20

/** A response whose body ends, in failure, when it stays silent for too long or the caller's signal aborts. */
export interface OpenResponse {
  readonly response: Response
  /** The body in pieces. @throws Passing when the connection is lost or silent */
  chunks(): AsyncGenerator<Uint8Array>
  /** Gives the connection up. */
  cancel(): void
}

/** Makes requests to one endpoint. */
export class HubClient {
  constructor(
    /** Address without a slash at the end. */
    readonly endpoint: string,
    private readonly token: string | undefined,
    readonly network: NetworkOptions,
    private readonly fetchWith: typeof fetch = fetch,
  ) {}

  /**
   * Requests an address and follows redirects.
   *
   * @param about what is asked for, in messages
   * @throws Passing for what may pass, FakError with a `HUB_` code for what will not
   */
  async open(
    address: string,
    about: string,
    {
      headers = {},
      signal,
      accept = [200],
    }: { headers?: Record<string, string>; signal?: AbortSignal | undefined; accept?: number[] } = {},
  ): Promise<OpenResponse> {
    const quiet = new Silence(this.network.stallMs, signal)
    try {
      const response = await this.#follow(new URL(address), about, headers, quiet)
      if (!accept.includes(response.status)) throw statusError(response, about, this.token !== undefined)
      return { response, chunks: () => this.#chunks(response, about, quiet), cancel: () => quiet.end() }
    } catch (error) {
      quiet.end()
      throw error
    }
  }

  /** `fetch` for @huggingface/hub: the whole body is read, bounded, and failures are typed. */
  apiFetch(about: string, signal: AbortSignal | undefined): typeof fetch {
    return async (input) => {
      const url = String(input)
      if (new URL(url).origin !== new URL(this.endpoint).origin) {
        throw hubError('HUB_BAD_RESPONSE', about, 'the server sends to another host for the rest of its list')
      }
      return withRetries(this.network, signal, async () => {
        const opened = await this.open(url, about, { signal, headers: { accept: 'application/json' } })
        const body = await this.collect(opened, about, MAX_API_BYTES)
        return new Response(body as Uint8Array<ArrayBuffer>, { status: 200, headers: opened.response.headers })
      })
    }
  }

  /** The whole body of a small answer. @throws FakError `HUB_BAD_RESPONSE` beyond `limit` bytes */
  async collect(opened: OpenResponse, about: string, limit: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let length = 0
    try {
      for await (const chunk of opened.chunks()) {
        length += chunk.length
        if (length > limit) throw hubError('HUB_BAD_RESPONSE', about, `the answer is longer than ${limit} bytes`)
        parts.push(chunk)
      }
    } finally {
      opened.cancel()
    }
    return Buffer.concat(parts)
  }

  async #follow(start: URL, about: string, headers: Record<string, string>, quiet: Silence): Promise<Response> {
    let url = start
    for (let hops = 0; ; hops++) {
      const response = await this.#request(url, about, headers, quiet)
      if (![301, 302, 303, 307, 308].includes(response.status)) return response
      await response.body?.cancel().catch(() => {})
      const location = response.headers.get('location')
      const next = location !== null && URL.canParse(location, url.href) ? new URL(location, url) : undefined
      if (next === undefined) throw hubError('HUB_BAD_REDIRECT', about, 'the server redirects to nowhere')
      if (next.protocol !== 'https:' && next.protocol !== url.protocol) {
        throw hubError('HUB_BAD_REDIRECT', about, `the server redirects from ${url.protocol}// to ${next.protocol}//`)
      }
      if (hops >= MAX_REDIRECTS) throw hubError('HUB_BAD_REDIRECT', about, `more than ${MAX_REDIRECTS} redirects`)
      url = next
    }
  }

  async #request(url: URL, about: string, headers: Record<string, string>, quiet: Silence): Promise<Response> {
    // Its own host, scheme and port: whoever is redirected to gets no token.
    const own = url.origin === new URL(this.endpoint).origin && this.token !== undefined
    quiet.heard()
    try {
      return await this.fetchWith(url.href, {
        headers: {
          'user-agent': 'fak',
          // The bytes of a file are counted and continued: a compressed one could be neither.
          'accept-encoding': 'identity',
          ...headers,
          ...(own && { authorization: `Bearer ${this.token}` }),
        },
        redirect: 'manual',
        signal: quiet.signal,
      })
    } catch (error) {
      throw quiet.explain(error, about)
    }
  }

  async *#chunks(response: Response, about: string, quiet: Silence): AsyncGenerator<Uint8Array> {
    if (response.body === null) return
    const reader = response.body.getReader()
    try {
      for (;;) {
        quiet.heard()
        const { done, value } = await reader.read().catch((error: unknown) => {
          throw quiet.explain(error, about)
        })
        // What the reader does with a piece is not the server's silence.
        quiet.rest()
        if (done) return
        yield value
      }
    } finally {
      quiet.end()
      await reader.cancel().catch(() => {})
    }
  }
}

/** Ends a request when nothing is heard for too long, or when the caller wants it to end. */
class Silence {
  readonly #controller = new AbortController()
  readonly signal = this.#controller.signal
  #timer: NodeJS.Timeout | undefined
  #tooLong = false

  constructor(
    private readonly limitMs: number,
    private readonly caller: AbortSignal | undefined,
  ) {
    caller?.throwIfAborted()
    caller?.addEventListener('abort', this.#stop, { once: true })
  }

  heard(): void {
    this.rest()
    this.#timer = setTimeout(() => {
      this.#tooLong = true
      this.#controller.abort()
    }, this.limitMs)
  }

  rest(): void {
    clearTimeout(this.#timer)
  }

  end(): void {
    this.rest()
    this.caller?.removeEventListener('abort', this.#stop)
    this.#controller.abort()
  }

  /** What a failed request or read means. */
  explain(error: unknown, about: string): unknown {
    if (this.caller?.aborted) return this.caller.reason
    if (!this.#tooLong) return connectionError(error, about)
    const reason = `nothing came for ${Math.round(this.limitMs / 100) / 10} s`
    return new Passing(hubError('HUB_STALLED', about, reason))
  }

  readonly #stop = () => this.#controller.abort()
}
