// Opening over HTTP, with the `fetch` of the platform and a server on this machine.

import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openGguf } from '@fak/gguf'
import { readRows } from '@fak/tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const bytes = readFileSync(new URL('../../../fixtures/models/tied/model.f32.gguf', import.meta.url))
let server: Server
let requests = 0
beforeAll(async () => {
  server = createServer((request, response) => {
    requests++
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    if (request.url === '/absent.gguf') response.writeHead(404).end('not here')
    else if (request.url === '/whole.gguf' || range === null) response.writeHead(200).end(bytes)
    else {
      const first = Number(range[1])
      const last = Math.min(Number(range[2]), bytes.length - 1)
      response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${bytes.length}`, etag: '"1"' })
      response.end(bytes.subarray(first, last + 1))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const url = (path: string): URL => new URL(path, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)

describe('a URL', () => {
  it('opens with one request for the header, and reads rows by range', async () => {
    requests = 0
    const model = await openGguf(url('/model.gguf'))
    expect(requests).toBe(1)
    expect(model.name).toBe(url('/model.gguf').href)
    const last = [...model.tensors.values()].at(-1)!
    const row = await readRows(last, { start: 0, end: 1 })
    expect([...row]).toEqual(Array.from(row, (_, i) => bytes.readFloatLE(last.offset + 4 * i)))
    expect(requests).toBe(2)
    await model.close()
  })

  it.each([
    ['/whole.gguf', 'URL_NO_RANGES'],
    ['/absent.gguf', 'FILE_NOT_FOUND'],
  ])('%s is refused with %s', async (path, code) => {
    await expect(openGguf(url(path))).rejects.toMatchObject({ code, file: url(path).href })
  })
})
