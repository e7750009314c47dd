// Sharded checkpoints: S27 to S29, and what else an index can get wrong.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSafetensorsIndex } from '@fak/safetensors'
import { openSafetensors } from '@fak/safetensors/node'
import { FakError } from '@fak/tensor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { file, tensor } from './build.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fak-st-sharded-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const INDEX = 'model.safetensors.index.json'
const shard = (...names: string[]): Uint8Array =>
  file(Object.fromEntries(names.map((name, i) => [name, tensor('U8', [1], [i, i + 1])])), names.length)
const put = (name: string, content: Uint8Array | string): void => writeFileSync(join(folder, name), content)
const index = (map: unknown): string => JSON.stringify({ metadata: { total_size: 3 }, weight_map: map })

/** A complete checkpoint: a and b in the first shard, c in the second. */
function checkpoint(
  map: Record<string, string> = { a: 'one.safetensors', b: 'one.safetensors', c: 'two.safetensors' },
): void {
  put('one.safetensors', shard('a', 'b'))
  put('two.safetensors', shard('c', 'd'))
  put(INDEX, index(map))
}

const failure = async (path = folder): Promise<FakError> => {
  const error: unknown = await openSafetensors(path).then(
    () => expect.fail('it opened'),
    (reason: unknown) => reason,
  )
  return FakError.isInstance(error) ? error : expect.fail(String(error))
}

describe('a checkpoint', () => {
  it('has the tensors that its index names', async () => {
    checkpoint()
    const model = await openSafetensors(folder)
    expect([...model.tensors.keys()]).toEqual(['a', 'b', 'c'])
    expect(model.tensors.get('c')!.source.name).toBe(join(folder, 'two.safetensors'))
    await model.close()
    await expect(model.tensors.get('c')!.source.read(0, 1)).rejects.toMatchObject({ code: 'READ_FAILED' })
  })

  it('may have its shards in a directory below', async () => {
    mkdirSync(join(folder, 'weights'))
    put('weights/one.safetensors', shard('a'))
    put(INDEX, index({ a: 'weights/one.safetensors' }))
    const model = await openSafetensors(folder)
    expect(model.tensors.size).toBe(1)
    await model.close()
  })

  it('opens from a cache that links the index and its shards to one directory of contents', async () => {
    mkdirSync(join(folder, 'blobs'))
    mkdirSync(join(folder, 'snapshot'))
    put('blobs/0a', index({ a: 'one.safetensors' }))
    put('blobs/0b', shard('a'))
    symlinkSync('../blobs/0a', join(folder, 'snapshot', INDEX))
    symlinkSync('../blobs/0b', join(folder, 'snapshot', 'one.safetensors'))
    const model = await openSafetensors(join(folder, 'snapshot'))
    expect(model.tensors.size).toBe(1)
    await model.close()
  })

  it('opens from anywhere through a function', async () => {
    const shards = new Map([
      ['one', shard('a')],
      ['two', shard('c')],
    ])
    const bytes = new TextEncoder().encode(index({ a: 'one', c: 'two' }))
    const model = await openSafetensorsIndex(bytes, (name) => shards.get(name)!)
    expect([...model.tensors.keys()]).toEqual(['a', 'c'])
    expect(model.parts).toHaveLength(2)
  })
})

describe('S27 paths that lead out', () => {
  const names = [
    '../../etc/passwd',
    '/etc/passwd',
    'a/../../b',
    '..',
    '.',
    './one.safetensors',
    'a//b',
    'a\\b',
    'C:b',
    'one\0',
    '',
    '../one.safetensors',
  ]
  it.each(names)('%j', async (name) => {
    checkpoint({ a: name })
    const error = await failure()
    expect(error).toMatchObject({ code: 'MODEL_PATH_ESCAPE', file: join(folder, INDEX), offset: 47 })
  })

  it('a link to a file outside', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'fak-st-outside-'))
    writeFileSync(join(outside, 'secret.safetensors'), shard('a'))
    symlinkSync(join(outside, 'secret.safetensors'), join(folder, 'one.safetensors'))
    put(INDEX, index({ a: 'one.safetensors' }))
    expect((await failure()).code).toBe('MODEL_PATH_ESCAPE')
    rmSync(outside, { recursive: true })
  })

  it('a directory whose name merely begins like ours', async () => {
    const sibling = `${folder}-sibling`
    mkdirSync(sibling)
    writeFileSync(join(sibling, 'x'), shard('a'))
    symlinkSync(join(sibling, 'x'), join(folder, 'one.safetensors'))
    put(INDEX, index({ a: 'one.safetensors' }))
    expect((await failure()).code).toBe('MODEL_PATH_ESCAPE')
    rmSync(sibling, { recursive: true })
  })
})

describe('shards', () => {
  it('S28 one that is absent', async () => {
    checkpoint()
    rmSync(join(folder, 'two.safetensors'))
    const error = await failure()
    expect(error).toMatchObject({ code: 'MODEL_SHARD_MISSING', file: join(folder, INDEX) })
    expect(error.reason).toContain('two.safetensors')
  })

  it('S29 a tensor that is in another shard', async () => {
    checkpoint({ a: 'one.safetensors', c: 'one.safetensors', d: 'two.safetensors' })
    expect(await failure()).toMatchObject({ code: 'MODEL_TENSOR_NOT_IN_SHARD', field: 'c' })
  })

  it('a defect of a shard is reported as its own, and every file is closed', async () => {
    checkpoint()
    const descriptors = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)
    const before = descriptors()
    put('two.safetensors', shard('c').slice(0, -1))
    expect(await failure()).toMatchObject({ code: 'ST_TRUNCATED', file: join(folder, 'two.safetensors') })
    put('two.safetensors', shard('x'))
    expect((await failure()).code).toBe('MODEL_TENSOR_NOT_IN_SHARD')
    expect(descriptors()).toBe(before)
  })
})

describe('an index', () => {
  const bad: [string, string | Uint8Array, number | null][] = [
    ['empty', '', 0],
    ['not JSON', 'x', 0],
    ['an array', '[]', 0],
    ['without a weight map', '{"metadata":{}}', null],
    ['with an empty weight map', '{"weight_map":{}}', null],
    ['with a list as weight map', '{"weight_map":[]}', 14],
    ['with a number as file', '{"weight_map":{"a":1}}', 19],
    ['with one tensor twice', '{"weight_map":{"a":"one.safetensors","a":"one.safetensors"}}', 37],
    ['with two weight maps', '{"weight_map":{"a":"one.safetensors"},"weight_map":{}}', 38],
    ['nested too deep', `{"x":${'['.repeat(100_000)}`, 68],
    ['not UTF-8', Uint8Array.of(0x7b, 0x22, 0x61, 0xff, 0x22), 3],
  ]
  it.each(bad)('%s', async (_, json, offset) => {
    checkpoint()
    put(INDEX, json)
    expect(await failure()).toMatchObject({ code: 'MODEL_BAD_INDEX', offset, file: join(folder, INDEX) })
  })
})

describe('a path', () => {
  it('prefers the single file, and must lead to one of both', async () => {
    expect(await failure()).toMatchObject({ code: 'FILE_NOT_FOUND', file: folder })
    expect((await failure(join(folder, 'absent'))).code).toBe('FILE_NOT_FOUND')
    checkpoint()
    put('model.safetensors', shard('single'))
    const model = await openSafetensors(folder)
    expect([...model.tensors.keys()]).toEqual(['single'])
    await model.close()
    rmSync(join(folder, 'model.safetensors'))
    mkdirSync(join(folder, 'model.safetensors'))
    expect((await failure()).code).toBe('FILE_IS_DIRECTORY')
  })
})
