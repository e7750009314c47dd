// Hashes and manifests. Expected hashes are llama.cpp's gguf-hash and Python's hashlib (fixtures/manifests).

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  editGguf,
  encodeGguf,
  formatGgufManifest,
  type GgufFile,
  type GgufHashAlgorithm,
  type GgufManifestEntry,
  hashGguf,
  mergeGguf,
  openGguf as openInput,
  parseGguf,
  parseGgufManifest,
  verifyGguf,
} from '@fak/gguf'
import { hashGguf as hashNode, openGguf, verifyGguf as verifyNode, writeGgufSplit } from '@fak/gguf/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { portableDigest } from '../src/hash/digest.js'
import { file as build, info } from './build.js'

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url))
const tied = join(fixtures, 'models/tied/model.f32.gguf')
const manifestText = (name: string): string => readFileSync(join(fixtures, 'manifests', `${name}.manifest`), 'utf8')
const algorithms: GgufHashAlgorithm[] = ['sha256', 'sha1', 'xxh64']

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fak-gguf-hash-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function bytesOf(content: Parameters<typeof encodeGguf>[0]): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of encodeGguf(content)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The file of lengths.manifest. */
async function lengths(): Promise<GgufFile> {
  const sizes = [...Array.from({ length: 140 }, (_, i) => i + 1), 1000, 4096, 100_003]
  const tensors = sizes.map((n, i) => ({
    name: `t${i}`,
    dtype: 'I8' as const,
    shape: [n],
    data: Uint8Array.from({ length: n }, (_, j) => 31 * j + n),
  }))
  const metadata = [['general.architecture', { type: 'string', value: 'none' }]] as const
  return openInput(new File([await bytesOf({ metadata, tensors })], 'lengths.gguf'))
}

describe.each([
  ['the digests of this package', hashGguf, verifyGguf],
  ['the digests of Node', hashNode, verifyNode],
])('%s', (_, hash, verify) => {
  it('make what gguf-hash makes, at every length around a block', async () => {
    const file = await lengths()
    const found = await hash(file, { algorithms, of: ['tensors', 'content'] })
    expect(formatGgufManifest(found, 'lengths.gguf')).toBe(manifestText('lengths'))
    const report = await verify(file, parseGgufManifest(manifestText('lengths')))
    expect(report).toEqual({ checked: 3 * 144, mismatches: [], unlisted: [], error: null })
  })

  it('make what gguf-hash and sha256sum make of a model', async () => {
    const file = await openGguf(tied)
    const found = await hash(file, { algorithms, uuid: true })
    // gguf-hash was run once more for the uuid; our lines come in its order.
    expect(formatGgufManifest(found, 'model.f32.gguf')).toBe(manifestText('tied'))
    const report = await verify(file, parseGgufManifest(manifestText('tied')))
    expect([report.error, report.checked]).toEqual([null, 3 * (file.tensors.size + 1) + 2])
    await file.close()
  })

  it('do not depend on how the bytes are cut', () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * i)
    for (const algorithm of algorithms) {
      const once = portableDigest(algorithm)
      once.update(bytes)
      const expected = once.hex()
      for (const step of [1, 31, 32, 63, 64, 65, 500]) {
        const digest = portableDigest(algorithm)
        for (let at = 0; at < bytes.length; at += step) digest.update(bytes.subarray(at, at + step))
        expect(digest.hex()).toBe(expected)
      }
      if (algorithm !== 'xxh64') expect(expected).toBe(createHash(algorithm).update(bytes).digest('hex'))
    }
  })
})

it('hashes of nothing are those of nothing', () => {
  // FIPS 180-4 and the xxHash specification.
  expect(algorithms.map((algorithm) => portableDigest(algorithm).hex())).toEqual([
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'ef46db3751d8e999',
  ])
})

describe('hashGguf', () => {
  it('makes what is asked for, and reads only that', async () => {
    const file = await openGguf(tied)
    let total = 0
    const found = await hashNode(file, { of: ['tensors'], onProgress: (_, all) => (total = all) })
    expect([found.content, found.files]).toEqual([{}, []])
    expect(total).toBe([...file.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0))
    const whole = await hashNode(file, { of: ['files'], onProgress: (_, all) => (total = all) })
    expect(total).toBe(file.size)
    expect(whole.files).toEqual([
      {
        name: tied,
        size: file.size,
        hashes: { sha256: createHash('sha256').update(readFileSync(tied)).digest('hex') },
      },
    ])
    await file.close()
  })

  it('content does not change with metadata, alignment or split', async () => {
    const file = await openGguf(tied)
    const { content } = await hashNode(file, { algorithms, uuid: true })
    const set = [['general.alignment', { type: 'u32', value: 256 }]] as const
    const edited = parseGguf(await bytesOf(editGguf(file, { set, remove: ['general.name'] })))
    expect((await hashNode(edited, { algorithms, uuid: true })).content).toEqual(content)
    const [path] = await writeGgufSplit(join(folder, 'set'), mergeGguf(file), { maxTensors: 7 })
    const joined = await openGguf(path!)
    const found = await hashNode(joined, { algorithms, uuid: true })
    expect(found.content).toEqual(content)
    expect(found.tensors).toEqual((await hashNode(file, { algorithms })).tensors)
    expect(found.files).toHaveLength(joined.parts.length)
    await joined.close()
    await file.close()
  })

  it('hashes content in the order of the descriptions, also where the data lies in another', async () => {
    // Two tensors of 32 bytes; the one described first lies second.
    const bytes = build({
      infos: [info({ name: 'late', offset: 32 }), info({ name: 'early', offset: 0 })],
      data: 64,
    })
    const file = parseGguf(bytes)
    const [early, late] = ['early', 'late'].map((name) => {
      const { offset, byteLength } = file.tensors.get(name)!
      return bytes.subarray(offset, offset + byteLength)
    })
    const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest('hex')
    const found = await hashGguf(file)
    expect(found.content.sha256).toBe(sha(late!, early!))
    expect([...found.tensors]).toEqual([
      ['late', { sha256: sha(late!) }],
      ['early', { sha256: sha(early!) }],
    ])
    expect(found.files[0]!.hashes.sha256).toBe(sha(bytes))
  })

  it('covers trailing bytes, and files without tensors', async () => {
    for (const bytes of [Buffer.concat([build({ infos: [info()], data: 32 }), Buffer.from('tail')]), build()]) {
      const { files } = await hashGguf(parseGguf(bytes))
      expect(files[0]!.hashes.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    }
  })

  it('stops on a signal, and refuses an algorithm it does not know', async () => {
    const file = await openGguf(tied)
    const stop = new AbortController()
    const hashing = hashNode(file, { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) })
    await expect(hashing).rejects.toThrow('enough')
    const unknown = ['md5'] as unknown as GgufHashAlgorithm[]
    await expect(hashNode(file, { algorithms: unknown })).rejects.toMatchObject({ code: 'PARAM_OUT_OF_RANGE' })
    await file.close()
  })
})

describe('verifyGguf', () => {
  const changed = async (name: string): Promise<GgufFile> => {
    const bytes = readFileSync(tied)
    const file = parseGguf(bytes)
    const { offset } = file.tensors.get(name)!
    bytes[offset]! ^= 1
    return openInput(new File([bytes], 'model.f32.gguf'))
  }

  it('names the tensor that differs, the content and the file, with the first as error', async () => {
    const name = 'blk.1.ffn_up.weight'
    const file = await changed(name)
    const report = await verifyNode(file, parseGgufManifest(manifestText('tied')))
    const where = report.mismatches.map(({ entry: { of, algorithm } }) => [
      typeof of === 'object' ? of.tensor : of,
      algorithm,
    ])
    expect(where).toEqual([
      [name, 'xxh64'],
      [name, 'sha1'],
      [name, 'sha256'],
      ['content', 'xxh64'],
      ['content', 'sha1'],
      ['content', 'sha256'],
      ['content', 'uuid'],
      ['file', 'sha256'],
    ])
    const { offset } = file.tensors.get(name)!
    expect(report.error).toMatchObject({ code: 'GGUF_HASH_MISMATCH', file: 'model.f32.gguf', field: name, offset })
    expect(report.error?.message).toContain(report.mismatches[0]!.found!)
  })

  it('finds a tensor of the manifest that the file lacks, and tensors that the manifest lacks', async () => {
    const file = await openGguf(tied)
    const [first, second] = [...file.tensors.keys()]
    const { tensors } = await hashNode(file, { of: ['tensors'] })
    const text = `sha256  ${tensors.get(first!)!.sha256}  m.gguf:${first}\nsha256  ${'0'.repeat(64)}  m.gguf:absent\n`
    const report = await verifyNode(file, parseGgufManifest(text))
    expect(report.mismatches).toMatchObject([{ entry: { line: 2, of: { tensor: 'absent' } }, found: null }])
    expect(report.error?.message).toContain('is not there')
    expect(report.unlisted).toHaveLength(file.tensors.size - 1)
    expect(report.unlisted[0]).toBe(second)
    await file.close()
  })

  it('looks only at the lines of its file, whatever folder they name, or of the only file', async () => {
    const file = await openGguf(tied)
    const { content } = await hashNode(file, { of: ['content'] })
    const line = (name: string, hash = content.sha256) => `sha256  ${hash}  ${name}\n`
    const check = async (text: string) => (await verifyNode(file, parseGgufManifest(text))).mismatches.length
    expect(await check(line('renamed.gguf'))).toBe(0)
    expect(await check(line('D:\\models\\model.f32.gguf') + line('other.gguf', '0'.repeat(64)))).toBe(0)
    expect(await check(line('other.gguf') + line('/m/model.f32.gguf', '0'.repeat(64)))).toBe(1)
    await expect(check(line('a.gguf') + line('b.gguf'))).rejects.toMatchObject({ code: 'GGUF_MANIFEST_OTHER_FILE' })
    await file.close()
  })

  it('checks a split set by its own manifest, and by those of its files', async () => {
    const whole = await openGguf(tied)
    const paths = await writeGgufSplit(join(folder, 'parts'), mergeGguf(whole), { maxTensors: 20 })
    await whole.close()
    const joined = await openGguf(paths[0]!)
    const own = formatGgufManifest(await hashNode(joined, { algorithms }), 'parts.gguf')
    const ofFiles = await Promise.all(
      paths.map(async (path, no) => {
        const part = await openInput(new Blob([readFileSync(path)]))
        return formatGgufManifest(await hashGguf(part, { of: no === 0 ? ['tensors'] : ['content'] }), path)
      }),
    )
    for (const text of [own, ofFiles.join('')]) {
      const report = await verifyNode(joined, parseGgufManifest(text))
      expect(report).toMatchObject({ mismatches: [], unlisted: [], error: null })
    }
    await joined.close()
    const bytes = readFileSync(paths[1]!)
    bytes[bytes.length - 1]! ^= 1 // padding or data: the whole file differs
    writeFileSync(paths[1]!, bytes)
    const damaged = await openGguf(paths[0]!)
    const report = await verifyNode(damaged, parseGgufManifest(own))
    expect(report.mismatches.at(-1)?.entry).toMatchObject({ of: 'file', file: expect.stringContaining('-00002-of-') })
    await damaged.close()
  })
})

describe('a manifest', () => {
  const sha = 'ab'.repeat(32)

  it('may have the lines of both tools, comments, empty lines and Windows line ends', () => {
    const text = `# made by hand\r\n\r\nsha256    ${sha}  a b.gguf:blk.0:x\r\n${sha} *dir/m.gguf\r\nxxh64     0123456789ABCDEF  m\n`
    const entries: GgufManifestEntry[] = [
      { line: 3, algorithm: 'sha256', hash: sha, file: 'a b.gguf', of: { tensor: 'blk.0:x' } },
      { line: 4, algorithm: 'sha256', hash: sha, file: 'dir/m.gguf', of: 'file' },
      { line: 5, algorithm: 'xxh64', hash: '0123456789abcdef', file: 'm', of: 'content' },
    ]
    expect(parseGgufManifest(text)).toEqual(entries)
  })

  it.each<[string, string | Uint8Array, number, number]>([
    ['nothing', '', 1, 0],
    ['only a comment', '# x\n', 1, 0],
    ['an unknown algorithm', `sha256  ${sha}  m.gguf\nmd5  ${sha.slice(32)}  m.gguf\n`, 2, 81],
    ['a hash that is too short', `sha256  ${sha.slice(1)}  m.gguf\n`, 1, 0],
    ['a hash that is too long', `xxh64  ${'0'.repeat(17)}  m.gguf\n`, 1, 0],
    ['a hash that is not hexadecimal', `xxh64  ${'g'.repeat(16)}  m.gguf\n`, 1, 0],
    ['a hash without a name', `sha256  ${sha}\n`, 1, 0],
    ['what gguf-hash prints when it checks', `manifest  m.manifest  sha256\n`, 1, 0],
    ['a uuid of a tensor', `uuid  dd968f03-fd30-5ed3-87a3-548886d45f77  m.gguf:t\n`, 1, 0],
    ['a uuid of another version', `uuid  dd968f03-fd30-4ed3-87a3-548886d45f77  m.gguf\n`, 1, 0],
    ['two lines that contradict', `xxh64  ${'0'.repeat(16)}  m.gguf\nxxh64  ${'1'.repeat(16)}  m.gguf\n`, 2, 32],
    ['bytes that are not UTF-8', Uint8Array.of(0x23, 0x0a, 0xff), 2, 2],
  ])('with %s is refused at its line', (_, content, line, offset) => {
    expect(() => parseGgufManifest(content, 'm.manifest')).toThrow(
      expect.objectContaining({ code: 'GGUF_BAD_MANIFEST', file: 'm.manifest', field: `line ${line}`, offset }),
    )
  })

  it('is limited in size', () => {
    const bytes = new Uint8Array(64 * 1024 * 1024 + 1).fill(0x0a)
    expect(() => parseGgufManifest(bytes)).toThrow(/GGUF_BAD_MANIFEST/)
  })

  it('a repeated line counts once', () => {
    expect(parseGgufManifest(`${sha}  m.gguf\n${sha}  m.gguf\n`)).toHaveLength(1)
  })
})
