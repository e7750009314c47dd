// Files by path: what is refused there (G51) and split sets (G52 to G55).

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openGgufSet, parseGguf } from '@fak/gguf'
import { openGguf } from '@fak/gguf/node'
import { FakError, readRows } from '@fak/tensor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { architecture, entry, file, info, raw, TYPE, u32 } from './build.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fak-gguf-files-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const failure = async (path: string): Promise<FakError> => {
  const error: unknown = await openGguf(path).then(
    () => expect.fail('it opened'),
    (reason: unknown) => reason,
  )
  return FakError.isInstance(error) ? error : expect.fail(String(error))
}

describe('G51 paths', () => {
  it('refuses what is no file, without waiting, and leaves no descriptor', async () => {
    const put = (name: string): string => join(folder, name)
    mkdirSync(put('dir.gguf'))
    execFileSync('mkfifo', [put('pipe.gguf')])
    writeFileSync(put('empty.gguf'), '')
    const codes = {
      'dir.gguf': 'FILE_IS_DIRECTORY',
      'absent.gguf': 'FILE_NOT_FOUND',
      'pipe.gguf': 'FILE_NOT_REGULAR',
      'empty.gguf': 'GGUF_TRUNCATED',
    }
    const descriptors = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)
    await failure(put('empty.gguf'))
    const before = descriptors()
    for (const [name, code] of Object.entries(codes)) {
      expect(await failure(put(name))).toMatchObject({ code, file: put(name) })
    }
    expect(await failure('/dev/zero')).toMatchObject({ code: 'FILE_NOT_REGULAR' })
    expect(descriptors()).toBe(before)
  })
})

/** Part `no` of a set of `count` with one tensor of eight floats, whose name may be chosen. */
const part = (no: number, count: number, name = `t${no}`, tensors = count): Uint8Array<ArrayBuffer> =>
  file({
    entries: [
      ...(no === 0 ? [architecture()] : []),
      entry('split.no', TYPE.u16, raw([no, 0])),
      entry('split.count', TYPE.u16, raw([count, 0])),
      entry('split.tensors.count', TYPE.i32, u32(tensors)),
    ],
    infos: [info({ name })],
    data: 32,
  })

const nameOf = (no: number, count = 3): string => join(folder, `m-0000${no + 1}-of-0000${count}.gguf`)
const writeSet = (parts: Uint8Array[]): void => parts.forEach((bytes, no) => void writeFileSync(nameOf(no), bytes))

describe('split sets', () => {
  it('open as one from any of their files (G54)', async () => {
    writeSet([part(0, 3), part(1, 3), part(2, 3)])
    for (const given of [0, 1, 2]) {
      const model = await openGguf(nameOf(given))
      expect([...model.tensors.keys()]).toEqual(['t0', 't1', 't2'])
      expect(model.name).toBe(nameOf(0))
      expect(model.metadata.string('general.architecture')).toBe('qwen35')
      expect(model.parts.map(({ name }) => name)).toEqual([nameOf(0), nameOf(1), nameOf(2)])
      expect(model.size).toBe(model.parts.reduce((sum, { size }) => sum + size, 0))
      for (const tensor of model.tensors.values()) expect(await readRows(tensor)).toHaveLength(8)
      await model.close()
      await expect(readRows(model.tensors.get('t2')!)).rejects.toMatchObject({ code: 'READ_FAILED' })
    }
  })

  it('G52 a missing file is named', async () => {
    writeSet([part(0, 3), part(1, 3), part(2, 3)])
    rmSync(nameOf(1))
    const error = await failure(nameOf(0))
    expect(error.code).toBe('GGUF_SPLIT_MISSING')
    expect(error.reason).toContain(nameOf(1))
  })

  it.each([
    ['G53 the name states another count', () => [part(0, 2), part(1, 2), part(2, 3)]],
    ['the name states another place', () => [part(1, 3), part(1, 3), part(2, 3)]],
    ['a later file has another count', () => [part(0, 3), part(1, 2), part(2, 3)]],
    ['a later file has another place', () => [part(0, 3), part(2, 3), part(2, 3)]],
    ['a later file is whole', () => [part(0, 3), file({ infos: [info()], data: 32 }), part(2, 3)]],
    ['the set has another number of tensors', () => [part(0, 3, 't0', 4), part(1, 3), part(2, 3)]],
    ['a place beyond the count', () => [part(3, 3), part(1, 3), part(2, 3)]],
  ])('%s', async (_, parts) => {
    writeSet(parts())
    expect((await failure(nameOf(0))).code).toBe('GGUF_SPLIT_MISMATCH')
  })

  it('a set whose names do not follow the convention', async () => {
    writeFileSync(join(folder, 'm.gguf'), part(0, 3))
    const error = await failure(join(folder, 'm.gguf'))
    expect(error.code).toBe('GGUF_SPLIT_MISMATCH')
    expect(error.reason).toContain('-00001-of-00003.gguf')
  })

  it('a whole file whose name looks like part of a set opens', async () => {
    for (const [i, entries] of [
      [],
      [entry('split.count', TYPE.u16, raw([1, 0]))],
      [entry('split.count', TYPE.u16, raw([0, 0]))],
    ].entries()) {
      writeFileSync(nameOf(i), file({ entries, infos: [info()], data: 32 }))
      const model = await openGguf(nameOf(i))
      expect(model.tensors.size).toBe(1)
      await model.close()
    }
  })

  it('G55 one tensor in two files', async () => {
    writeSet([part(0, 3), part(1, 3, 't0'), part(2, 3)])
    const error = await failure(nameOf(2))
    expect(error.code).toBe('GGUF_DUPLICATE_TENSOR')
    expect(error.reason).toContain(nameOf(0))
    expect(error.reason).toContain(nameOf(1))
  })

  it('a defect of a later file is reported as its own', async () => {
    writeSet([part(0, 3), part(1, 3).slice(0, -1), part(2, 3)])
    expect(await failure(nameOf(0))).toMatchObject({ code: 'GGUF_TENSOR_OUT_OF_FILE', file: nameOf(1) })
  })
})

describe('sets from anywhere', () => {
  it('join in any order', async () => {
    const model = await openGgufSet([part(2, 3), new Blob([part(0, 3)]), part(1, 3)])
    expect([...model.tensors.keys()]).toEqual(['t0', 't1', 't2'])
    await model.close()
  })

  it('must be complete, and hold each part once', async () => {
    await expect(openGgufSet([part(2, 3), part(0, 3)])).rejects.toMatchObject({ code: 'GGUF_SPLIT_MISSING' })
    await expect(openGgufSet([part(0, 2), part(0, 2)])).rejects.toMatchObject({ code: 'GGUF_SPLIT_MISMATCH' })
    await expect(openGgufSet([file(), file()])).rejects.toMatchObject({ code: 'GGUF_SPLIT_MISMATCH' })
    await expect(openGgufSet([])).rejects.toMatchObject({ code: 'GGUF_SPLIT_MISMATCH' })
    expect((await openGgufSet([file()])).tensors.size).toBe(0)
  })

  it('a part read alone is what it is', () => {
    expect(parseGguf(part(1, 3)).tensors.size).toBe(1)
  })
})
