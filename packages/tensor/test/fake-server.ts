// A file server as a `fetch` function: serves ranges, and misbehaves on request.

/** One way in which the server departs from a correct answer. */
export interface Behaviour {
  status?: number
  contentRange?: string
  etag?: string
  size?: number
  /** Bytes added to (or taken from) the body. */
  excess?: number
  /** The body fails after its first byte. */
  breaks?: boolean
}

export function fakeServer(file: Uint8Array, behaviour: Behaviour = {}) {
  const requests: { range: string; authorization: string | undefined }[] = []
  let current = behaviour

  const fetch = async (_url: unknown, init?: RequestInit): Promise<Response> => {
    init?.signal?.throwIfAborted()
    const headers = init?.headers as Record<string, string>
    requests.push({ range: headers.range!, authorization: headers.authorization })
    // A real answer takes a turn of the event loop; without it, concurrent readers would never meet.
    await new Promise((resolve) => setTimeout(resolve, 0))
    const { status = 206, etag = '"one"', size = file.length, excess = 0, breaks = false } = current
    if (status !== 206) return new Response('the whole file, or an excuse', { status })
    if (size === 0) return new Response(null, { status: 416, headers: { 'content-range': 'bytes */0' } })
    const [first, wanted] = /(\d+)-(\d+)/.exec(headers.range!)!.slice(1).map(Number) as [number, number]
    const last = Math.min(wanted, size - 1)
    const contentRange = current.contentRange ?? `bytes ${first}-${last}/${size}`
    const bytes = new Uint8Array(Math.max(last + 1 - first + excess, 0))
    bytes.set(file.subarray(first, first + bytes.length))
    return new Response(breaks ? broken(bytes) : bytes, { status, headers: { etag, 'content-range': contentRange } })
  }

  return {
    fetch: fetch as typeof globalThis.fetch,
    requests,
    behave(next: Behaviour) {
      current = next
    },
  }
}

function broken(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.slice(0, 1))
      controller.error(new TypeError('terminated'))
    },
  })
}
