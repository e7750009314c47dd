// fak pull, list, show, rm, and models by reference, on a hub of this machine.

import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { breakAfter, startFakeHub, status } from '@fak/testkit/node'
import { afterAll, describe, expect, it } from 'vitest'
import { finish, start } from './built.js'
import { fak, fixture, scratchFolder } from './harness.js'

const QUANT = 'owner/tiny-GGUF'
const model = readFileSync(fixture('models/moe-r3/model.f32.gguf'))
const checkpoint = Object.fromEntries(
  ['config.json', 'tokenizer.json', 'model.safetensors'].map((path) => [
    path,
    readFileSync(fixture(`models/tied/${path}`)),
  ]),
)
const hub = await startFakeHub({
  [QUANT]: { files: { 'tiny-F32.gguf': model, 'tiny-big-Q8_0.gguf': Buffer.alloc(4_000_000, 7) }, license: 'mit' },
  'owner/tiny': { files: checkpoint },
})
afterAll(() => hub.close())
const folder = scratchFolder()

/** An environment with a store of its own. */
function home(): Record<string, string> {
  const place = mkdtempSync(join(folder, 'home-'))
  return { FAK_HOME: join(place, 'fak'), HF_HOME: join(place, 'hf'), HF_ENDPOINT: hub.url }
}

describe('models of the hub', () => {
  const env = home()

  it('are pulled, listed, shown, run by name and removed', async () => {
    const dry = await fak(['pull', `hf:${QUANT}:F32`, '--dry-run'], { env })
    expect(dry.stdout).toMatch(/^owner\/tiny-GGUF:F32, commit [0-9a-f]{12}, mit\n {2}tiny-F32\.gguf .*to download\n/)
    expect((await fak(['list'], { env })).stderr).toContain('no models in')
    const pulled = await fak(['pull', `hf:${QUANT}:F32`], { env })
    expect(pulled).toMatchObject({ code: 0, stderr: `fak chat -m ${QUANT}:F32\n` })
    expect(pulled.stdout).toMatch(/^owner\/tiny-GGUF:F32: .* stored\n$/)
    expect((await fak(['pull', `hf:${QUANT}:F32`], { env })).stdout).toContain('up to date')
    expect((await fak(['list'], { env })).stdout).toMatch(/^NAME .*\nowner\/tiny-GGUF:F32 +.* F32 +\d{4}-/)
    const listed = JSON.parse((await fak(['list', '--json'], { env })).stdout)
    expect(listed.models).toMatchObject([{ name: `${QUANT}:F32`, license: 'mit', problem: null }])
    expect((await fak(['show', 'tiny-gguf:f32', '--verify'], { env })).stdout).toMatch(
      /licence +mit[\s\S]*sha256:[0-9a-f]{64}\nall hashes hold\n$/,
    )

    const argv = ['eval', '--ids', '1,2,3', '--executor', 'reference', '--json', '-m']
    const byName = JSON.parse((await fak([...argv, `hf:${QUANT}:F32`], { env })).stdout)
    const byPath = JSON.parse((await fak([...argv, fixture('models/moe-r3/model.f32.gguf')], { env })).stdout)
    expect(byName.logits).toEqual(byPath.logits)
    expect(byName.model).toBe(`${QUANT}:F32`)
    expect(JSON.parse((await fak(['inspect', `${QUANT}:F32`, '--json', '--summary'], { env })).stdout).size).toBe(
      model.length,
    )

    expect((await fak(['rm', `${QUANT}:F32`, 'nonsense'], { env })).stderr).toMatch(
      /^nonsense: there is no stored model.*\[MODEL_NOT_STORED\]\n$/,
    )
    expect((await fak(['rm', `${QUANT}:F32`], { env })).stdout).toMatch(/removed, .* freed\n$/)
    expect(JSON.parse((await fak(['list', '--json'], { env })).stdout).models).toEqual([])
  })

  it('are not downloaded in a pipe unless that is asked for', async () => {
    const argv = ['tokenize', 'Hello', '-m', 'hf:owner/tiny']
    const refused = await fak(argv, { env })
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      /^hf:owner\/tiny: is not stored .*fak pull hf:owner\/tiny, or give --pull \[MODEL_NOT_STORED\]\n$/,
    )
    const offline = await fak([...argv, '--offline'], { env })
    expect(offline.stderr).toMatch(/^hf:owner\/tiny: is not stored, .*--offline.*\[HUB_OFFLINE\]\n$/)
    expect((await fak([...argv, '--pull'], { env })).code).toBe(0)
    expect((await fak([...argv, '--offline'], { env })).code).toBe(0)
  })

  it('come with events as JSON', async () => {
    const { stdout } = await fak(['pull', `hf:${QUANT}:F32`, '--json'], { env: home() })
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events[0]).toMatchObject({ type: 'plan', name: `${QUANT}:F32`, missing: model.length })
    expect(events.some(({ type, done }) => type === 'progress' && done === model.length)).toBe(true)
    expect(events.at(-1)).toMatchObject({ type: 'done', name: `${QUANT}:F32`, problem: null })
  })

  it.each([
    [['pull', 'owner/tiny'], 2, /written hf:owner\/tiny/],
    [['pull', './x.gguf'], 2, /no model of the hub/],
    [['pull', 'hf:owner/tiny:Q5_K_M'], 1, /\[HUB_NO_SUCH_FILE\]/],
    [['pull', `hf:${QUANT}`], 1, /F32 .*Q8_0 .*\[HUB_AMBIGUOUS\]/],
    [['rm'], 2, /give names, or --partial/],
    [['show', 'nothing'], 1, /\[MODEL_NOT_STORED\]/],
  ])('%j: exit %i', async (argv, code, line) => {
    const ran = await fak(argv, { env })
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: '' })
    expect(ran.stderr).toMatch(line)
    expect(ran.stderr.trimEnd().split('\n').length).toBe(1)
  })

  it('names a malformed environment variable', async () => {
    const ran = await fak(['pull', '0.8B'], { env: { ...env, HF_ENDPOINT: 'nowhere' } })
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('HF_ENDPOINT') })
  })
})

describe('a pull that is ended', () => {
  /** Sends the first megabyte and then nothing, for a signal to find it waiting. */
  const hold = (content: Buffer) => {
    let sent = () => {}
    const arrived = new Promise<void>((resolve) => {
      sent = resolve
    })
    hub.misbehave('tiny-big-Q8_0.gguf', (_request, response) => {
      response.setHeader('content-length', content.length)
      response.write(content.subarray(0, 1_000_000), () => setTimeout(sent, 300))
    })
    return arrived
  }
  const content = Buffer.alloc(4_000_000, 7)
  const argv = ['pull', `hf:${QUANT}:Q8_0`]

  it.each([
    ['SIGKILL', null, ''],
    ['SIGINT', 130, 'fak: what has come is kept; the same command goes on from there\n'],
    ['SIGTERM', 143, 'fak: what has come is kept; the same command goes on from there\n'],
  ] as const)('by %s goes on from where it was', async (signal, code, stderr) => {
    const env = home()
    const arrived = hold(content)
    const child = start(argv, env)
    const ended = finish(child)
    await arrived
    child.kill(signal)
    expect(await ended).toMatchObject({ code, stdout: '', stderr })
    const before = hub.requests.length
    const again = await finish(start([...argv, '--json'], env))
    expect(again.code).toBe(0)
    const { path, range } = hub.requests.slice(before).find((request) => request.path.endsWith('.gguf'))!
    expect({ path, range }).toMatchObject({ range: 'bytes=1000000-' })
    expect(readFileSync(JSON.parse(again.stdout.trimEnd().split('\n').at(-1)!).path).equals(content)).toBe(true)
  })

  it('does not harm another process that wants the same', async () => {
    const env = home()
    const requests = hub.requestsFor('tiny-big-Q8_0.gguf').length
    const both = await Promise.all([finish(start(argv, env)), finish(start(argv, env))])
    expect(both.map(({ code }) => code)).toEqual([0, 0])
    expect(hub.requestsFor('tiny-big-Q8_0.gguf').length - requests).toBe(1)
  })

  it('says why it tries again, and shows no progress in a pipe', async () => {
    hub.misbehave('tiny-F32.gguf', breakAfter(5000), status(503, { 'retry-after': '0' }))
    const { code, stderr } = await fak(['pull', `hf:${QUANT}:F32`], { env: home() })
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^fak: tiny-F32\.gguf: the connection.*trying again in \d s\nfak: .*status 503; trying again in 0 s\nfak chat.*\n$/,
    )
  })
})
