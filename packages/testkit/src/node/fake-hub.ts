// A hub on this machine, as much of it as a download needs, that misbehaves when it is told to.

import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request that the hub was sent. */
export interface SeenRequest {
  readonly path: string
  readonly range: string | undefined
  readonly authorization: string | undefined
}

/** Answers one request for a file instead of the hub. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, content: Buffer) => void

/** A repository: names of files and what they hold. */
export interface FakeRepo {
  readonly files: Record<string, Uint8Array | string>
  /** Files whose hash is git's; the others are large, with sha256. Default: all but weights. */
  readonly small?: (path: string) => boolean
  readonly license?: string
  /** What the API answers instead, by its path after `/api/models/REPO`. */
  readonly api?: Misbehaviour
}

/** A running hub. */
export interface FakeHub {
  readonly url: string
  readonly requests: SeenRequest[]
  /** Repositories by name; may be changed while it runs. */
  readonly repos: Map<string, FakeRepo>
  /** The next requests for a file of this path are answered by these, one each. */
  misbehave(path: string, ...how: Misbehaviour[]): void
  /** Requests for the content of a file. */
  requestsFor(path: string): SeenRequest[]
  commitOf(repo: string): string
  close(): Promise<void>
}

/** Starts a hub on a free port of this machine. */
export async function startFakeHub(repos: Record<string, FakeRepo> = {}): Promise<FakeHub> {
  const requests: SeenRequest[] = []
  const byName = new Map(Object.entries(repos))
  const misbehaviours = new Map<string, Misbehaviour[]>()

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost')
    const path = decodeURIComponent(pathname)
    const { authorization, range } = request.headers
    requests.push({ path, range, authorization })
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)$/.exec(path)
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path)
    const name = api?.[1] ?? file?.[1] ?? ''
    const repo = byName.get(name)
    if (repo === undefined) return fail(response, 404, 'RepoNotFound')
    const known = ['main', 'HEAD', commitOf(name)]
    if (!known.includes(api?.[3] ?? file![2]!)) return fail(response, 404, 'RevisionNotFound')
    if (api !== null) {
      if (repo.api !== undefined) return repo.api(request, response, Buffer.alloc(0))
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(api[2] === 'tree' ? tree(repo) : info(name, repo)))
      return
    }
    const found = repo.files[file![3]!]
    if (found === undefined) return fail(response, 404, 'EntryNotFound')
    const content = Buffer.from(found)
    response.setHeader('x-repo-commit', commitOf(name))
    response.setHeader('x-linked-etag', `"${hashOf(repo, file![3]!)}"`)
    const how = misbehaviours.get(file![3]!)?.shift()
    if (how !== undefined) return how(request, response, content)
    serveContent(request, response, content)
  })

  function commitOf(name: string): string {
    const hash = createHash('sha1')
    for (const [path, content] of Object.entries(byName.get(name)?.files ?? {})) hash.update(path).update(content)
    return hash.digest('hex')
  }
  function info(name: string, { license }: FakeRepo) {
    const cardData = license === undefined ? {} : { license }
    return {
      _id: '1',
      id: name,
      sha: commitOf(name),
      private: false,
      gated: false,
      downloads: 0,
      likes: 0,
      lastModified: '2026-01-01T00:00:00.000Z',
      cardData,
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    repos: byName,
    commitOf,
    misbehave: (path, ...how) => void misbehaviours.set(path, [...(misbehaviours.get(path) ?? []), ...how]),
    requestsFor: (path) =>
      requests.filter((request) => request.path.endsWith(`/${path}`) && request.path.includes('/resolve/')),
    close: () => {
      server.closeAllConnections()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Serves content as a good server does, ranges included. */
export function serveContent(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN)
  response.setHeader('etag', `"${sha256(content)}"`)
  const ifRange = request.headers['if-range']
  if (Number.isNaN(first) || (ifRange !== undefined && ifRange !== `"${sha256(content)}"`)) {
    response.setHeader('content-length', content.length)
    response.end(content)
  } else if (first >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
  } else {
    const rest = content.subarray(first)
    const range = `bytes ${first}-${content.length - 1}/${content.length}`
    response.writeHead(206, { 'content-length': rest.length, 'content-range': range }).end(rest)
  }
}

/** Sends the first bytes of what a good server would send, then breaks the connection. */
export const breakAfter =
  (bytes: number): Misbehaviour =>
  (request, response, content) => {
    const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    response.setHeader('etag', `"${sha256(content)}"`)
    if (first > 0) {
      response.writeHead(206, {
        'content-length': content.length - first,
        'content-range': `bytes ${first}-${content.length - 1}/${content.length}`,
      })
    } else response.setHeader('content-length', content.length)
    response.write(content.subarray(first, first + bytes), () => setTimeout(() => response.destroy(), 60))
  }

/** Answers with a status and nothing else. */
export const status =
  (code: number, headers: Record<string, string> = {}): Misbehaviour =>
  (_request, response) =>
    void response.writeHead(code, headers).end()

function fail(response: ServerResponse, code: number, said: string): void {
  response.writeHead(code, { 'x-error-code': said, 'content-type': 'application/json' }).end('{"error":"no"}')
}

function tree(repo: FakeRepo) {
  return Object.entries(repo.files).map(([path, given]) => {
    const size = Buffer.from(given).length
    const oid = hashOf(repo, path)
    if (isSmall(repo, path)) return { type: 'file', path, size, oid }
    return { type: 'file', path, size, oid: '0'.repeat(40), lfs: { oid, size, pointerSize: 130 } }
  })
}

const isSmall = ({ small }: FakeRepo, path: string) => small?.(path) ?? !/\.(gguf|safetensors)$/.test(path)

function hashOf(repo: FakeRepo, path: string): string {
  const content = Buffer.from(repo.files[path]!)
  return isSmall(repo, path)
    ? createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
    : sha256(content)
}

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')
