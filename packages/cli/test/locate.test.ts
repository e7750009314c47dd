// What a terminal is asked and shown when a model is not stored.

import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { startFakeHub } from '@fak/testkit/node'
import { afterAll, describe, expect, it } from 'vitest'
import type { CliIo } from '../src/index.js'
import { locateModel } from '../src/model/locate.js'
import { duration, PullDisplay, TransferRate } from '../src/model/pull-display.js'
import { Output } from '../src/output.js'
import { memoryIo, scratchFolder } from './harness.js'

const hub = await startFakeHub({ 'owner/m-GGUF': { files: { 'm-Q8_0.gguf': Buffer.alloc(2_000_000, 1) } } })
afterAll(() => hub.close())
const folder = scratchFolder()

function terminal() {
  const { io, written } = memoryIo()
  const place = mkdtempSync(join(folder, 'home-'))
  const env = { FAK_HOME: join(place, 'fak'), HF_HOME: join(place, 'hf'), HF_ENDPOINT: hub.url }
  const tty = { isTTY: true }
  const stdin = Object.assign(new PassThrough(), tty, { setRawMode: () => {} })
  const asked = { ...io, stdin, env, stdout: Object.assign(io.stdout, tty), stderr: Object.assign(io.stderr, tty) }
  return { io: asked as unknown as CliIo, stdin, written }
}

async function answered(text: string) {
  const { io, stdin, written } = terminal()
  const located = locateModel('hf:owner/m-GGUF:Q8_0', {}, { io, output: new Output(io) })
  const answer = setInterval(() => {
    if (!written.stderr.includes('Download 2.0 MB? [Y/n]')) return
    clearInterval(answer)
    stdin.write(text)
  }, 10)
  return located
}

describe('a model that is not stored, on a terminal', () => {
  it.each(['\n', 'y\n', 'Yes\n'])('is downloaded after %j', async (text) => {
    expect(await answered(text)).toMatchObject({
      name: 'owner/m-GGUF:Q8_0',
      path: expect.stringContaining('m-Q8_0.gguf'),
    })
  })

  it.each(['n\n', 'what\n'])('is not after %j', async (text) => {
    await expect(answered(text)).rejects.toMatchObject({ code: 'MODEL_NOT_STORED' })
  })

  it('is not after Ctrl-C, which interrupts', async () => {
    await expect(answered('\u0003')).rejects.toMatchObject({ exitCode: 130 })
  })
})

describe('what is shown of a pull', () => {
  it('is what has come, the rate and the time that is left', async () => {
    const { io, written } = terminal()
    const display = new PullDisplay(io)
    display.show({ type: 'plan', plan: { name: 'owner/m' } as never })
    for (let step = 0; step <= 12; step++) {
      display.show({ type: 'progress', done: step * 1e6, total: 50e6, received: step * 1e6 })
      await new Promise((resolve) => setTimeout(resolve, 110))
    }
    display.end()
    expect(written.stderr).toMatch(/owner\/m: \d+ MB of 50 MB, \d(\.\d)? MB\/s, \d+ s left, 2\d %/)
  })

  it('counts the rate over the last seconds only', () => {
    const rate = new TransferRate()
    expect(rate.at(0, 0)).toBeUndefined()
    for (let ms = 100; ms <= 10_000; ms += 100) rate.at(ms * 10, ms)
    for (let ms = 10_100; ms <= 16_000; ms += 100) rate.at(100_000 + (ms - 10_000), ms)
    expect(rate.at(106_000, 16_000)).toBeCloseTo(1000, 0)
  })

  it.each([
    [0.2, '1 s'],
    [59, '59 s'],
    [200, '3 min 20 s'],
    [3900, '1 h 5 min'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text)
  })
})
