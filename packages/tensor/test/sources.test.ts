import { type ByteSource, blobSource, bytesSource, FakError, urlSource } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { fakeServer } from './fake-server.js'

const sample = Uint8Array.from({ length: 1_300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255)
const URL_OF_FILE = 'https://user:secret@models.example/dir/a.gguf?token=hidden'

const kinds: [string, () => Promise<ByteSource>][] = [
  ['bytes', async () => bytesSource(sample, 'a.gguf')],
  ['blob', async () => blobSource(new File([sample], 'a.gguf'))],
  ['url', () => urlSource(URL_OF_FILE, { fetch: fakeServer(sample).fetch })],
]

describe.each(kinds)('%s source', (_, open) => {
  it('reads any range inside the file', async () => {
    const source = await open()
    expect(source.size).toBe(sample.length)
    for (const [offset, length] of [
      [0, 0],
      [0, 1],
      [1, 262_144],
      [262_143, 2],
      [1_299_999, 1],
      [1_300_000, 0],
      [5, 1_200_000],
    ] as const) {
      expect(Buffer.compare(await source.read(offset, length), sample.subarray(offset, offset + length))).toBe(0)
    }
    await source.close()
    await source.close()
  })

  it('refuses any other range', async () => {
    const source = await open()
    for (const [offset, length] of [
      [0, 1_300_001],
      [1_300_000, 1],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [Number.NaN, 1],
      [2 ** 53, 1],
      [1, 2 ** 53 - 1],
    ] as const) {
      await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'READ_OUT_OF_RANGE' })
    }
  })

  it('throws the reason of an aborted signal', async () => {
    const source = await open()
    const reason = new Error('enough')
    await expect(source.read(0, 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('blob source', () => {
  it('refuses to read after close', async () => {
    const source = blobSource(new Blob([sample]))
    expect(source.name).toBeNull()
    await source.close()
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'READ_FAILED' })
  })

  it('says FILE_CHANGED when the browser reports it', async () => {
    const blob = new Blob([sample])
    const failing = Object.assign(Object.create(blob) as Blob, {
      slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException('stale', 'NotReadableError')) }),
    })
    Object.defineProperty(failing, 'size', { value: sample.length })
    await expect(blobSource(failing).read(0, 1)).rejects.toMatchObject({ code: 'FILE_CHANGED' })
  })
})

describe('url source', () => {
  const failure = async (act: Promise<unknown>): Promise<FakError> => {
    const error: unknown = await act.then(
      () => expect.fail('nothing was thrown'),
      (reason: unknown) => reason,
    )
    return FakError.isInstance(error) ? error : expect.fail(String(error))
  }

  it('makes few requests for many small reads', async () => {
    const server = fakeServer(sample)
    const source = await urlSource(URL_OF_FILE, { fetch: server.fetch })
    for (let at = 0; at + 8 < sample.length; at += 500) await source.read(at, 8)
    expect(server.requests).toHaveLength(5)
    for (let at = 0; at + 8 < sample.length; at += 500) await source.read(at, 8)
    expect(server.requests).toHaveLength(5)
  })

  it('fetches neighbouring blocks in one request, and a block that two readers want once', async () => {
    const server = fakeServer(sample)
    const source = await urlSource(URL_OF_FILE, { fetch: server.fetch })
    const [a, b] = await Promise.all([source.read(300_000, 900_000), source.read(300_001, 900_000)])
    expect([a[1], a.length]).toEqual([b[0], b.length])
    expect(server.requests.map(({ range }) => range)).toEqual(['bytes=0-262143', 'bytes=262144-1299999'])
  })

  it('sends the headers of the caller with every request', async () => {
    const server = fakeServer(sample)
    const source = await urlSource(URL_OF_FILE, { fetch: server.fetch, headers: { authorization: 'Bearer x' } })
    await source.read(600_000, 4)
    expect(server.requests.map(({ authorization }) => authorization)).toEqual(['Bearer x', 'Bearer x'])
  })

  it('opens an empty file', async () => {
    const source = await urlSource(URL_OF_FILE, { fetch: fakeServer(new Uint8Array(0)).fetch })
    expect(source.size).toBe(0)
    expect(await source.read(0, 0)).toHaveLength(0)
  })

  it.each([
    ['a server that ignores ranges', { status: 200 }, 'URL_NO_RANGES'],
    ['an absent file', { status: 404 }, 'FILE_NOT_FOUND'],
    ['a private file', { status: 401 }, 'FILE_NOT_READABLE'],
    ['a broken server', { status: 503 }, 'READ_FAILED'],
    ['a range without its size', { contentRange: 'bytes 0-262143/*' }, 'READ_FAILED'],
    ['another range than asked', { contentRange: 'bytes 1-262144/1300000' }, 'READ_FAILED'],
    ['a size beyond every number', { contentRange: 'bytes 0-262143/99999999999999999999' }, 'READ_FAILED'],
    ['more bytes than asked', { excess: 1 }, 'READ_FAILED'],
    ['fewer bytes than asked', { excess: -1 }, 'READ_FAILED'],
    ['a connection that breaks', { breaks: true }, 'READ_FAILED'],
  ])('refuses %s', async (_, behaviour, code) => {
    const error = await failure(urlSource(URL_OF_FILE, { fetch: fakeServer(sample, behaviour).fetch }))
    expect(error.code).toBe(code)
    expect(error.message).toContain('https://models.example/dir/a.gguf: ')
    expect(error.message).not.toMatch(/secret|hidden/)
  })

  it.each([
    ['another ETag', { etag: '"two"' }],
    ['another size', { size: 1_400_000 }],
  ])('says FILE_CHANGED when an answer has %s', async (_, change) => {
    const server = fakeServer(sample)
    const source = await urlSource(URL_OF_FILE, { fetch: server.fetch })
    server.behave(change)
    expect((await failure(source.read(600_000, 4))).code).toBe('FILE_CHANGED')
  })

  it('recovers when a failed block is asked again', async () => {
    const server = fakeServer(sample)
    const source = await urlSource(URL_OF_FILE, { fetch: server.fetch })
    server.behave({ status: 503 })
    expect((await failure(source.read(600_000, 4))).code).toBe('READ_FAILED')
    server.behave({})
    expect(await source.read(600_000, 4)).toEqual(sample.slice(600_000, 600_004))
  })

  it('passes on the reason of the signal it was opened with', async () => {
    const controller = new AbortController()
    const source = await urlSource(URL_OF_FILE, { fetch: fakeServer(sample).fetch, signal: controller.signal })
    const reason = new Error('stop')
    controller.abort(reason)
    await expect(source.read(600_000, 4)).rejects.toBe(reason)
  })

  it('lets one reader go without disturbing another that waits for the same block', async () => {
    const server = fakeServer(sample)
    const source = await urlSource(URL_OF_FILE, { fetch: server.fetch })
    const controller = new AbortController()
    const left = source.read(600_000, 4, { signal: controller.signal })
    const stays = source.read(600_000, 4)
    controller.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    expect(await stays).toEqual(sample.slice(600_000, 600_004))
  })

  it('refuses to read after close', async () => {
    const source = await urlSource(URL_OF_FILE, { fetch: fakeServer(sample).fetch })
    await source.close()
    expect((await failure(source.read(0, 1))).code).toBe('READ_FAILED')
  })
})
