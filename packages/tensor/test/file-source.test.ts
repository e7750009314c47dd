import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ByteSource } from '@fak/tensor'
import { fileSource } from '@fak/tensor/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fak-file-source-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, text = 'abcdefghij'): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const codeOf = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    async (result) => {
      if (typeof result === 'object' && result !== null && 'close' in result) await (result as ByteSource).close()
      return 'nothing'
    },
    (error) => error.code,
  )

describe('file source', () => {
  it('reads by position and offers the path for mapping', async () => {
    const path = file('plain')
    const source = await fileSource(path)
    expect({ name: source.name, path: source.path, size: source.size }).toEqual({ name: path, path, size: 10 })
    const reads = await Promise.all([source.read(3, 4), source.read(0, 1), source.read(10, 0)])
    expect(reads.map((bytes) => new TextDecoder().decode(bytes))).toEqual(['defg', 'a', ''])
    expect(await codeOf(source.read(3, 8))).toBe('READ_OUT_OF_RANGE')
    await source.close()
    await source.close()
    expect(await codeOf(source.read(0, 1))).toBe('READ_FAILED')
  })

  it('refuses what is not a readable regular file, without waiting', async () => {
    mkdirSync(join(folder, 'dir'))
    expect(await codeOf(fileSource(join(folder, 'dir')))).toBe('FILE_IS_DIRECTORY')
    expect(await codeOf(fileSource(join(folder, 'absent')))).toBe('FILE_NOT_FOUND')
    expect(await codeOf(fileSource(join(file('leaf'), 'below')))).toBe('FILE_NOT_FOUND')
    expect(await codeOf(fileSource('a\0b'))).toBe('FILE_NOT_FOUND')
  })

  it.runIf(process.platform !== 'win32')('refuses pipes and devices', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(await codeOf(fileSource(pipe))).toBe('FILE_NOT_REGULAR')
    expect(await codeOf(fileSource('/dev/zero'))).toBe('FILE_NOT_REGULAR')
  })

  it('refuses a file that the system will not open', async () => {
    const loop = join(folder, 'loop')
    symlinkSync(loop, loop)
    expect(await codeOf(fileSource(loop))).toBe('FILE_NOT_READABLE')
    const locked = file('locked')
    chmodSync(locked, 0)
    // The superuser reads everything, so there the mode alone refuses nothing.
    expect(await codeOf(fileSource(locked))).toBe(process.getuid?.() === 0 ? 'nothing' : 'FILE_NOT_READABLE')
  })

  it('says FILE_CHANGED when the file shrinks, grows or is rewritten', async () => {
    const changes: [string, (path: string) => void][] = [
      ['shrink', (path) => truncateSync(path, 4)],
      ['grow', (path) => appendFileSync(path, 'k')],
      ['rewrite', (path) => writeFileSync(path, '0123456789')],
    ]
    for (const [name, change] of changes) {
      const path = file(name)
      const source = await fileSource(path)
      expect(await source.read(8, 2)).toHaveLength(2)
      // Modification times tick every few milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 30))
      change(path)
      expect(await codeOf(source.read(2, 8)), name).toBe('FILE_CHANGED')
      await source.close()
    }
  })

  it('keeps the old bytes when another file is renamed over it', async () => {
    const path = file('replaced')
    const source = await fileSource(path)
    renameSync(file('replacement', 'zzzzz'), path)
    expect(new TextDecoder().decode(await source.read(0, 10))).toBe('abcdefghij')
    await source.close()
  })

  it.runIf(process.platform === 'linux')('leaves no descriptor open after refusals', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length
    await fileSource(join(folder, 'dir')).catch(() => {})
    const before = open()
    for (let i = 0; i < 20; i++) {
      for (const name of ['dir', 'absent', 'pipe']) await fileSource(join(folder, name)).catch(() => {})
    }
    expect(open()).toBe(before)
  })
})
