// Downloads from servers and connections that misbehave.

import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { breakAfter, type Misbehaviour, serveContent, status } from '@fak/testkit/node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemDisk } from '../src/disk.js'
import type { PullEvent } from '../src/index.js'
import { codeOf, gguf, noise, reference, setUp, watcher } from './store.js'

const PATH = 'm-Q8_0.gguf'
const content = noise(300_000)
const wanted = reference(`hf:${gguf}:Q8_0`)
const withFile = () => setUp({ [gguf]: { files: { [PATH]: content }, license: 'apache-2.0' } })

/** Bytes of unfinished files in the store. */
function leftOver(home: string): number {
  const folder = join(home, 'fak', 'models', 'incoming')
  const parts = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.part')) : []
  return parts.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}

const partsOf = (home: string) => {
  const folder = join(home, 'fak', 'models', 'incoming')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.part'))
    .map((name) => join(folder, name))
}

describe('a download', () => {
  it('brings the file, checked, under its name', async () => {
    const { store, hub } = await withFile()
    const model = await store().pull(wanted)
    expect(readFileSync(model.path).equals(content)).toBe(true)
    expect(model).toMatchObject({
      name: `${gguf}:Q8_0`,
      quant: 'Q8_0',
      license: 'apache-2.0',
      problem: null,
      bytes: content.length,
    })
    expect(model.commit).toBe(hub.commitOf(gguf))
    expect(readdirSync(join(store().directory, 'incoming'))).toEqual([])
  })

  const broken: [string, Misbehaviour[], number | undefined][] = [
    ['a connection that breaks', [breakAfter(100_000)], 300_000],
    ['one that breaks twice', [breakAfter(100_000), breakAfter(50_000)], 300_000],
    [
      'a short body that claims to be all',
      [
        (_request, response, all) => {
          response.setHeader('etag', '"x"')
          response.write(all.subarray(0, 1000))
          response.end()
        },
      ],
      undefined,
    ],
    ['a silent connection', [(_request, response, all) => void response.write(all.subarray(0, 1000))], undefined],
    ['no answer at all', [() => {}], 300_000],
    ['a connection that is closed at once', [(request) => void request.socket.destroy()], 300_000],
    ['server errors', [status(500), status(503, { 'retry-after': '0' }), status(502)], 300_000],
    ['too many requests', [status(429, { 'retry-after': '0' })], 300_000],
    [
      'a wrong content-length',
      [
        (_request, response) => {
          response.setHeader('content-length', 17)
          response.end('<html>sorry</html>'.slice(0, 17))
        },
      ],
      300_000,
    ],
    [
      'a body that is too long',
      [
        (_request, response, all) => {
          response.write(all)
          response.end('and more')
        },
      ],
      undefined,
    ],
    [
      'other content of the same length',
      [(_request, response, all) => void response.end(Buffer.alloc(all.length))],
      600_000,
    ],
  ]
  it.each(broken)('goes on after %s', async (what, how, received) => {
    const { store, hub } = await withFile()
    hub.misbehave(PATH, ...how)
    const seen = watcher()
    // Patience is for the servers that must be waited for; elsewhere a busy machine would use it up.
    const stallMs = /silent|no answer/.test(what) ? 400 : 5000
    const model = await store({ network: { backoffMs: 5, stallMs, attempts: 4 } }).pull(wanted, seen)
    expect(readFileSync(model.path).equals(content)).toBe(true)
    expect(seen.retries().length).toBe(how.length)
    if (received !== undefined) expect(seen.received()).toBe(received)
  })

  it('asks for the rest only, of the version that it has', async () => {
    const { store, hub } = await withFile()
    hub.misbehave(PATH, breakAfter(100_000))
    const seen = watcher()
    await store().pull(wanted, seen)
    const [first, second, ...more] = hub.requestsFor(PATH).map(({ range }) => range)
    expect([first, more]).toEqual([undefined, []])
    // Some of what was on its way when the connection broke may be lost.
    const from = Number(/^bytes=(\d+)-$/.exec(second!)![1])
    expect(from).toBeGreaterThan(0)
    expect(from).toBeLessThanOrEqual(100_000)
    expect(seen.received()).toBe(content.length)
  })

  const restarts: [string, Misbehaviour][] = [
    ['answers a range with the whole file', (_request, response, all) => void response.end(all)],
    ['says that the range is beyond the file', status(416)],
    [
      'sends another range',
      (_request, response, all) =>
        void response
          .writeHead(206, { 'content-range': `bytes 5-${all.length - 1}/${all.length}` })
          .end(all.subarray(5)),
    ],
    [
      'has a file of another size now',
      (_request, response, all) =>
        void response.writeHead(206, { 'content-range': `bytes 100000-${all.length}/${all.length + 1}` }).end('x'),
    ],
    [
      'has another ETag now',
      (request, response, all) => {
        const setHeader = response.setHeader.bind(response)
        response.setHeader = (name, value) => setHeader(name, name === 'etag' ? '"other"' : value)
        delete request.headers['if-range']
        serveContent(request, response, all)
      },
    ],
    [
      'compresses the rest',
      (_request, response, all) =>
        void response
          .writeHead(206, {
            'content-encoding': 'gzip',
            'content-range': `bytes 100000-${all.length - 1}/${all.length}`,
          })
          .end(gzipSync(all.subarray(100_000))),
    ],
  ]
  it.each(restarts)('begins again when the server %s', async (_what, how) => {
    const { store, hub } = await withFile()
    hub.misbehave(PATH, breakAfter(100_000), how)
    const model = await store().pull(wanted)
    expect(readFileSync(model.path).equals(content)).toBe(true)
  })

  it('takes a whole file that a proxy has compressed', async () => {
    const { store, hub } = await withFile()
    hub.misbehave(PATH, (_request, response, all) => {
      const zipped = gzipSync(all)
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped)
    })
    expect(readFileSync((await store().pull(wanted)).path).equals(content)).toBe(true)
  })

  it('takes a slow drip', async () => {
    const { store, hub } = await setUp({ [gguf]: { files: { [PATH]: content.subarray(0, 20) } } })
    hub.misbehave(PATH, (_request, response, all) => {
      let at = 0
      const drip = setInterval(() => {
        if (at < all.length) response.write(all.subarray(at, ++at))
        else {
          clearInterval(drip)
          response.end()
        }
      }, 30)
    })
    const seen = watcher()
    await store().pull(wanted, seen)
    expect(seen.retries()).toEqual([])
  })

  const hopeless: [string, Misbehaviour, string, number][] = [
    [
      'content that is not what the hub says',
      (_request, response, all) => void response.end(Buffer.alloc(all.length)),
      'HUB_HASH_MISMATCH',
      2,
    ],
    [
      'content that is too long',
      (_request, response, all) => void response.end(Buffer.concat([all, all])),
      'HUB_SIZE_MISMATCH',
      4,
    ],
    ['server errors without end', status(500), 'HUB_BAD_RESPONSE', 4],
    ['silence without end', () => {}, 'HUB_STALLED', 4],
    ['no authorization', status(401), 'HUB_UNAUTHORIZED', 1],
    ['a gate', status(403), 'HUB_FORBIDDEN', 1],
    ['a file that is gone', status(404), 'HUB_NOT_FOUND', 1],
    ['a limit for an hour', status(429, { 'retry-after': '3600' }), 'HUB_RATE_LIMITED', 1],
    ['limits without end', status(429, { 'retry-after': '0' }), 'HUB_RATE_LIMITED', 4],
    ['a redirect to nowhere', status(302), 'HUB_BAD_REDIRECT', 1],
    ['a redirect to a file', status(302, { location: 'file:///etc/passwd' }), 'HUB_BAD_REDIRECT', 1],
    ['a teapot', status(418), 'HUB_BAD_RESPONSE', 1],
  ]
  it.each(hopeless)('ends after a bound, without a file, at %s', async (_what, how, code, requests) => {
    const { store, hub, folder } = await withFile()
    hub.misbehave(PATH, ...Array.from({ length: 20 }, () => how))
    expect(
      await codeOf(
        store({ network: { backoffMs: 1, stallMs: code === 'HUB_STALLED' ? 100 : 5000, attempts: 4 } }).pull(wanted),
      ),
    ).toBe(code)
    expect(hub.requestsFor(PATH).length).toBe(requests)
    expect(await store().list()).toEqual([])
    expect(leftOver(folder)).toBe(0)
  })

  it('ends at a loop of redirects', async () => {
    const { store, hub } = await withFile()
    const loop: Misbehaviour = (request, response) => void response.writeHead(302, { location: request.url! }).end()
    hub.misbehave(PATH, ...Array.from({ length: 30 }, () => loop))
    expect(await codeOf(store().pull(wanted))).toBe('HUB_BAD_REDIRECT')
    expect(hub.requestsFor(PATH).length).toBe(11)
  })

  it('sends the token to the hub and to nobody else, and shows it to nobody', async () => {
    const { store, hub, env } = await withFile()
    const seen: (string | undefined)[] = []
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization)
      serveContent(request, response, content)
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/signed?secret=1`
    hub.misbehave(PATH, status(302, { location }))
    const mine = store({ env: { ...env, HF_TOKEN: 'hf_secret' } })
    await mine.pull(wanted)
    expect(seen).toEqual([undefined])
    expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer hf_secret']))
    await mine.remove(`${gguf}:Q8_0`)
    hub.misbehave(PATH, status(403))
    const error = await mine.pull(wanted).catch((failure: Error) => failure)
    expect(String(error)).not.toContain('hf_secret')
    expect(JSON.stringify(error)).not.toContain('hf_secret')
  })

  it('goes on in the next call after the signal, from where it was', async () => {
    const { store, hub } = await withFile()
    const controller = new AbortController()
    hub.misbehave(PATH, (_request, response, all) => {
      response.setHeader('content-length', all.length)
      response.write(all.subarray(0, 120_000))
    })
    const onProgress = (event: PullEvent) => {
      if (event.type === 'progress' && event.done === 120_000) controller.abort()
    }
    await expect(store().pull(wanted, { signal: controller.signal, onProgress })).rejects.toThrow('aborted')
    expect(controller.signal.aborted).toBe(true)
    expect(await store().partials()).toMatchObject([{ model: `${gguf}:Q8_0`, have: 120_000, active: false }])
    expect((await store().plan(wanted)).missing).toBe(180_000)
    const seen = watcher()
    await store().pull(wanted, seen)
    expect(seen.received()).toBe(180_000)
  })

  it('begins again where a crash has damaged what was there', async () => {
    const { store, hub, folder } = await withFile()
    hub.misbehave(PATH, breakAfter(100_000), ...Array.from({ length: 3 }, () => status(500)))
    expect(await codeOf(store().pull(wanted))).toBe('HUB_BAD_RESPONSE')
    const [part] = partsOf(folder)
    const damaged = readFileSync(part!)
    damaged[10]! ^= 1
    writeFileSync(part!, damaged)
    expect(readFileSync((await store().pull(wanted)).path).equals(content)).toBe(true)
  })

  it.each([
    ['cut short', (part: string) => truncateSync(part, 60_000), 240_000],
    ['longer than the file', (part: string) => writeFileSync(part, Buffer.concat([content, content])), 0],
  ])('goes on from a part that is %s, without its journal', async (_what, change, received) => {
    const { store, hub, folder } = await withFile()
    hub.misbehave(PATH, breakAfter(100_000), ...Array.from({ length: 3 }, () => status(500)))
    await codeOf(store().pull(wanted))
    const [part] = partsOf(folder)
    change(part!)
    writeFileSync(part!.replace(/part$/, 'json'), '{"version":1,"et')
    const seen = watcher()
    await store().pull(wanted, seen)
    expect(seen.received()).toBe(received)
  })

  it('refuses a disk that is too small before the first byte', async () => {
    const { store, hub } = await withFile()
    const disk = { ...systemDisk, freeBytes: async () => 100_000 }
    expect(await codeOf(store({ disk }).pull(wanted))).toBe('HUB_DISK_FULL')
    expect(hub.requestsFor(PATH)).toEqual([])
  })

  it('keeps what it has when the disk fills, and goes on from there', async () => {
    const { store } = await withFile()
    const disk = {
      ...systemDisk,
      async write(...[file, bytes, position]: Parameters<typeof systemDisk.write>) {
        if (position + bytes.length > 150_000) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', errno: -28 })
        await systemDisk.write(file, bytes, position)
      },
    }
    const failed = await store({ disk })
      .pull(wanted)
      .catch((error: Error) => error)
    expect(failed).toMatchObject({ code: 'HUB_DISK_FULL', message: expect.stringContaining('goes on from there') })
    const [partial] = await store().partials()
    expect(partial!.have).toBeGreaterThan(0)
    const seen = watcher()
    await store().pull(wanted, seen)
    expect(seen.received()).toBe(content.length - partial!.have)
  })

  it('is done once by several at a time', async () => {
    const { store, hub } = await withFile()
    const models = await Promise.all([store().pull(wanted), store().pull(wanted), store().pull(wanted)])
    expect(hub.requestsFor(PATH).length).toBe(1)
    expect(new Set(models.map(({ path }) => path)).size).toBe(1)
  })
})
