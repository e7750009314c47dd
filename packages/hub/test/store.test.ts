// What is chosen from a repository, and how models are kept, found and removed.

import { createHash } from 'node:crypto'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PullEvent } from '../src/index.js'
import { checkpointFiles, codeOf, gguf, noise, reference, setUp, watcher } from './store.js'

const shard = (n: number, of: number) => `model-0000${n}-of-0000${of}.safetensors`
const index = (...shards: string[]) =>
  JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(shards.map((name, i) => [`t${i}`, name])) })

/** Lays a repository out as Hugging Face's tools do: blobs named by hash, snapshots that link to them. */
function fillCache(hfHome: string, repo: string, commit: string, files: Record<string, Uint8Array | string>): string {
  const folder = join(hfHome, 'hub', `models--${repo.replace('/', '--')}`)
  for (const name of ['blobs', 'refs', `snapshots/${commit}`]) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'refs', 'main'), commit)
  for (const [path, given] of Object.entries(files)) {
    const content = Buffer.from(given)
    const git = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
    const name = /\.(gguf|safetensors)$/.test(path) ? createHash('sha256').update(content).digest('hex') : git
    writeFileSync(join(folder, 'blobs', name), content)
    const place = join(folder, 'snapshots', commit, path)
    mkdirSync(dirname(place), { recursive: true })
    const up = '../'.repeat(path.split('/').length + 1)
    symlinkSync(`${up}blobs/${name}`, place)
  }
  return folder
}

describe('a checkpoint of safetensors', () => {
  const one = shard(1, 2)
  const two = shard(2, 2)
  const files = {
    ...checkpointFiles,
    'generation_config.json': '{}',
    'chat_template.jinja': '{{ x }}',
    'model.safetensors.index.json': index(one, two, one),
    [one]: noise(70_000),
    [two]: noise(90_000),
    'other.safetensors': noise(10),
    'pytorch_model.bin': 'x',
  }

  it('is what the index names, with tokenizer, configuration and template', async () => {
    const { store, hub } = await setUp({ 'owner/model': { files } })
    const plan = await store().plan(reference('hf:owner/model'))
    const wanted = Object.keys(files).filter((path) => !/^(README|other|pytorch)/.test(path))
    expect(plan.files.map(({ path }) => path).toSorted()).toEqual(wanted.toSorted())
    const model = await store().pull(plan)
    expect(model.path).toBe(model.folder)
    expect(readdirSync(model.path).toSorted()).toEqual(wanted.toSorted())
    expect(await store().verify(model)).toEqual([])
    const before = hub.requests.length
    expect((await store().pull(reference('hf:owner/model'))).folder).toBe(model.folder)
    // Only what is asked anew: the commit, the list, the index.
    expect(hub.requests.length - before).toBe(3)
  })

  it.each([
    [
      'a shard that is not there',
      { ...files, 'model.safetensors.index.json': index(one, shard(3, 3)) },
      'HUB_INCOMPLETE',
    ],
    [
      'a shard outside',
      { ...files, 'model.safetensors.index.json': index('../../evil.safetensors') },
      'HUB_PATH_ESCAPE',
    ],
    ['an index that is no JSON', { ...files, 'model.safetensors.index.json': '<html>' }, 'HUB_BAD_RESPONSE'],
    ['an index without names', { ...files, 'model.safetensors.index.json': '{"weight_map":{}}' }, 'HUB_BAD_RESPONSE'],
    ['no configuration', { 'tokenizer.json': '{}', 'model.safetensors': 'x' }, 'HUB_INCOMPLETE'],
    ['weights of another kind', { ...checkpointFiles, 'pytorch_model.bin': 'x' }, 'HUB_NO_SUCH_FILE'],
  ])('is refused with %s', async (_what, given, code) => {
    const { store } = await setUp({ 'owner/model': { files: given as Record<string, string> } })
    expect(await codeOf(store().pull(reference('hf:owner/model')))).toBe(code)
    expect(await store().list()).toEqual([])
  })

  it('brought up to date fetches what has changed, and replaces the model at once', async () => {
    const { store, hub } = await setUp({ 'owner/model': { files } })
    const old = await store().pull(reference('hf:owner/model'))
    const fresh = noise(90_000)
    hub.repos.set('owner/model', { files: { ...files, [two]: fresh } })
    const seen = watcher()
    const model = await store().pull(reference('hf:owner/model'), seen)
    expect(seen.received()).toBe(90_000)
    expect(readFileSync(join(model.path, two)).equals(fresh)).toBe(true)
    expect(existsSync(old.folder)).toBe(false)
    expect((await store().list()).length).toBe(1)
  })
})

describe('GGUF files', () => {
  const files = {
    'm-Q4_K_M.gguf': noise(100),
    'm-UD-Q4_K_XL.gguf': noise(100),
    'mmproj-F16.gguf': noise(100),
    'imatrix.gguf': noise(100),
    'BF16/m-BF16-00001-of-00002.gguf': noise(100),
    'BF16/m-BF16-00002-of-00002.gguf': noise(100),
    'a/x.Q8_0.gguf': noise(100),
    'b/x.Q8_0.gguf': noise(100),
    'Q6_K/m-Q6_K-00001-of-00003.gguf': noise(100),
    'Q6_K/m-Q6_K-00003-of-00003.gguf': noise(100),
    '../evil-Q2_K.gguf': noise(100),
  }
  const chosen = async (what: string) => {
    const { store } = await setUp({ [gguf]: { files } })
    return (await store().plan(reference(`hf:${gguf}${what}`))).files.map(({ path }) => path)
  }

  it.each([
    [':Q4_K_M', ['m-Q4_K_M.gguf']],
    [':ud-q4_k_xl', ['m-UD-Q4_K_XL.gguf']],
    [':BF16', ['BF16/m-BF16-00001-of-00002.gguf', 'BF16/m-BF16-00002-of-00002.gguf']],
    [':BF16/m-BF16-00002-of-00002.gguf', ['BF16/m-BF16-00001-of-00002.gguf', 'BF16/m-BF16-00002-of-00002.gguf']],
    [':b/x.Q8_0.gguf', ['b/x.Q8_0.gguf']],
    [':mmproj-F16.gguf', ['mmproj-F16.gguf']],
  ])('%s', async (what, paths) => {
    expect(await chosen(what)).toEqual(paths)
  })

  it.each([
    [':Q8_0', 'HUB_AMBIGUOUS', /a\/x\.Q8_0\.gguf.*b\/x\.Q8_0\.gguf/],
    ['', 'HUB_AMBIGUOUS', /Q4_K_M.*UD-Q4_K_XL.*BF16/],
    [':Q3_K_M', 'HUB_NO_SUCH_FILE', /there is no "Q3_K_M"; there are Q4_K_M/],
    [':none.gguf', 'HUB_NO_SUCH_FILE', /there is no "none\.gguf"/],
    [':Q6_K', 'HUB_INCOMPLETE', /m-Q6_K-00002-of-00003\.gguf/],
    [':Q2_K', 'HUB_PATH_ESCAPE', /evil/],
  ])('%s is refused, saying what there is', async (what, code, message) => {
    await expect(chosen(what)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

describe('what the hub says', () => {
  const files = { 'm-Q8_0.gguf': noise(10) }
  it.each([
    ['is no JSON', '<html></html>'],
    ['is of another form', '{"a":1}'],
    ['has no commit', '{"id":"x","sha":"../..","lastModified":"2026-01-01"}'],
    ['is null', 'null'],
  ])('is refused when it %s', async (_what, text) => {
    const { store } = await setUp({ [gguf]: { files, api: (_request, response) => void response.end(text) } })
    expect(await codeOf(store().plan(reference(`hf:${gguf}:Q8_0`)))).toBe('HUB_BAD_RESPONSE')
  })

  it('says which is missing, repository or revision', async () => {
    const { store } = await setUp({ [gguf]: { files } })
    await expect(store().plan(reference('hf:owner/none'))).rejects.toMatchObject({ code: 'HUB_NOT_FOUND' })
    await expect(store().plan(reference(`hf:${gguf}@v9:Q8_0`))).rejects.toThrow('there is no such revision')
  })
})

describe('the store', () => {
  const files = { 'm-Q8_0.gguf': noise(2000), 'm-Q4_0.gguf': noise(1000) }

  it('finds a model by any name that means it', async () => {
    const { store } = await setUp({ [gguf]: { files }, 'Other/model-GGUF': { files } })
    const s = store()
    const model = await s.pull(reference(`hf:${gguf}:Q8_0`))
    for (const name of [`${gguf}:Q8_0`, `hf:${gguf}:q8_0`, 'MODEL-gguf:Q8_0', `hf:${gguf}`, `hf:${gguf}:m-Q8_0.gguf`]) {
      expect((await s.find(name))?.path).toBe(model.path)
    }
    for (const name of [`hf:${gguf}:Q4_0`, `hf:${gguf}@v1:Q8_0`, 'model', 'hf:owner/other']) {
      expect(await s.find(name)).toBeUndefined()
    }
    await s.pull(reference('hf:Other/model-GGUF:Q8_0'))
    await expect(s.find('model-GGUF:Q8_0')).rejects.toMatchObject({ code: 'MODEL_AMBIGUOUS' })
  })

  it('keeps one content once, and as long as a model needs it', async () => {
    const { store } = await setUp({ [gguf]: { files }, 'other/model': { files } })
    const s = store()
    const first = await s.pull(reference(`hf:${gguf}:Q8_0`))
    const seen = watcher()
    const second = await s.pull(reference('hf:other/model:Q8_0'), seen)
    expect(seen.received()).toBe(0)
    expect(statSync(first.path).ino).toBe(statSync(second.path).ino)
    expect((await s.remove(first.name)).freed).toBe(0)
    expect(await s.verify(second)).toEqual([])
    expect((await s.remove(second.name)).freed).toBe(2000)
    expect(await s.list()).toEqual([])
  })

  it('shows what is damaged, refuses to use it, and mends it', async () => {
    const { store } = await setUp({ [gguf]: { files } })
    const s = store()
    const wanted = reference(`hf:${gguf}:Q8_0`)
    const model = await s.pull(wanted)
    writeFileSync(model.path, 'short')
    expect((await s.list())[0]!.problem).toMatch(/has 5 bytes instead of 2000/)
    await expect(s.resolve(wanted.text)).rejects.toMatchObject({ code: 'MODEL_DAMAGED' })
    expect((await s.pull(wanted)).problem).toBeNull()
    writeFileSync(join(model.folder, '..', 'model.json'), '{"version":1,"files":[{"path":"../../x"}]}')
    expect((await s.list())[0]).toMatchObject({ problem: expect.stringContaining('not the manifest') })
    expect((await s.pull(wanted)).problem).toBeNull()
  })

  it('removes unfinished downloads', async () => {
    const { store, hub } = await setUp({ [gguf]: { files } })
    const s = store()
    hub.misbehave(
      'm-Q8_0.gguf',
      ...Array.from({ length: 9 }, () => (_request: unknown, response: import('node:http').ServerResponse) => {
        response.setHeader('content-length', 2000)
        response.write(files['m-Q8_0.gguf'].subarray(0, 10))
      }),
    )
    const controller = new AbortController()
    const onProgress = (event: PullEvent) => {
      if (event.type === 'progress' && event.done === 10) controller.abort()
    }
    await s.pull(reference(`hf:${gguf}:Q8_0`), { signal: controller.signal, onProgress }).catch(() => {})
    expect(await s.partials()).toMatchObject([
      { have: 10, active: false, files: [{ path: 'm-Q8_0.gguf', size: 2000 }] },
    ])
    expect(await s.removePartials('other')).toBe(0)
    expect(await s.removePartials(`${gguf}:Q8_0`)).toBe(10)
    expect(await s.partials()).toEqual([])
  })

  it('tells paths, stored models and models of the hub apart', async () => {
    const { store, folder } = await setUp({ [gguf]: { files } })
    const s = store()
    expect(await s.resolve(folder)).toEqual({ kind: 'path', path: folder })
    expect(await s.resolve('missing.gguf')).toEqual({ kind: 'path', path: 'missing.gguf' })
    expect(await s.resolve('0.8B')).toMatchObject({
      kind: 'absent',
      reference: { repo: 'Qwen/Qwen3.5-0.8B' },
      cached: false,
    })
    expect(await s.resolve(`hf:${gguf}:Q8_0`)).toMatchObject({ kind: 'absent' })
    await s.pull(reference(`hf:${gguf}:Q8_0`))
    expect(await s.resolve('model-GGUF:Q8_0')).toMatchObject({ kind: 'stored' })
    await expect(s.resolve('owner/nothing')).rejects.toThrow('a model of the hub is written hf:owner/nothing')
    await expect(s.resolve('nothing')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })
})

describe("Hugging Face's cache", () => {
  const files = { ...checkpointFiles, 'model.safetensors': noise(50_000) }

  it('is used instead of the network, and checked', async () => {
    const { store, hub, env } = await setUp({ 'owner/model': { files } })
    const cache = fillCache(env.HF_HOME!, 'owner/model', hub.commitOf('owner/model'), files)
    const seen = watcher()
    const model = await store().pull(reference('hf:owner/model'), seen)
    expect(seen.received()).toBe(0)
    expect(await store().verify(model)).toEqual([])
    // No link leads out of the model's folder, and the cache may go.
    expect(statSync(join(model.path, 'model.safetensors')).nlink).toBe(2)
    await store().remove(model.name)
    const blob = readdirSync(join(cache, 'blobs')).find((name) => name.length === 64)!
    writeFileSync(join(cache, 'blobs', blob), noise(50_000))
    expect(await store().verify(await store().pull(reference('hf:owner/model'), seen))).toEqual([])
    expect(seen.received()).toBe(50_000)
  })

  it('is enough offline, and the network is not touched', async () => {
    const { store, hub, env } = await setUp({ 'owner/model': { files } })
    fillCache(env.HF_HOME!, 'owner/model', hub.commitOf('owner/model'), files)
    const offline = store({ env: { ...env, HF_HUB_OFFLINE: '1' } })
    expect(await offline.resolve('hf:owner/model')).toMatchObject({ kind: 'absent', cached: true })
    expect((await offline.pull(reference('hf:owner/model'))).problem).toBeNull()
    expect((await offline.pull(reference('hf:owner/model'))).problem).toBeNull()
    await expect(offline.pull(reference('hf:owner/other'))).rejects.toMatchObject({
      code: 'HUB_OFFLINE',
      message: expect.stringContaining('hf:owner/other'),
    })
    expect(hub.requests).toEqual([])
  })

  it('that lacks files, or has others, is no model', async () => {
    const { store, hub, env } = await setUp({ 'owner/model': { files } })
    fillCache(env.HF_HOME!, 'owner/model', hub.commitOf('owner/model'), checkpointFiles)
    expect(await store().resolve('hf:owner/model')).toMatchObject({ cached: false })
    const seen = watcher()
    await store().pull(reference('hf:owner/model'), seen)
    expect(seen.received()).toBe(50_000)
  })

  it('holds files in place of links where links cannot be made', async () => {
    const { store, hub, env } = await setUp({ 'owner/model': { files } })
    const snapshot = join(env.HF_HOME!, 'hub', 'models--owner--model', 'snapshots', hub.commitOf('owner/model'))
    mkdirSync(snapshot, { recursive: true })
    for (const [path, content] of Object.entries(files)) writeFileSync(join(snapshot, path), content)
    linkSync(join(snapshot, 'config.json'), join(snapshot, 'more.json'))
    const offline = store({ offline: true })
    const model = await offline.pull(reference(`hf:owner/model@${hub.commitOf('owner/model')}`))
    expect(await offline.verify(model)).toEqual([])
  })
})
