import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { writeFileAtomically } from '@fak/tensor/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fak-write-file-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
/** A process id that was alive and is not any more. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid

describe('writeFileAtomically', () => {
  it('writes the chunks in order and leaves nothing else', async () => {
    const path = join(folder, 'a.bin')
    await writeFileAtomically(path, [text('one '), text(''), text('two')])
    expect(readFileSync(path, 'utf8')).toBe('one two')
    await writeFileAtomically(path, [text('three')])
    expect(readFileSync(path, 'utf8')).toBe('three')
    expect(readdirSync(folder)).toEqual(['a.bin'])
  })

  it('shows the old content until everything is written', async () => {
    const path = join(folder, 'a.bin')
    writeFileSync(path, 'old')
    const seen: string[] = []
    async function* chunks() {
      yield text('new')
      seen.push(readFileSync(path, 'utf8'))
      yield text('er')
    }
    await writeFileAtomically(path, chunks())
    expect([...seen, readFileSync(path, 'utf8')]).toEqual(['old', 'newer'])
  })

  it('keeps the old content and passes on the error when the chunks fail', async () => {
    const path = join(folder, 'a.bin')
    writeFileSync(path, 'old')
    const failure = new Error('no more')
    async function* chunks() {
      yield text('half')
      throw failure
    }
    await expect(writeFileAtomically(path, chunks())).rejects.toBe(failure)
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(folder)).toEqual(['a.bin'])
  })

  it('says WRITE_FAILED when the system refuses', async () => {
    await expect(writeFileAtomically(join(folder, 'absent', 'a.bin'), [])).rejects.toMatchObject({
      code: 'WRITE_FAILED',
    })
    const directory = join(folder, 'directory')
    mkdirSync(directory)
    writeFileSync(join(directory, 'inside'), '')
    await expect(writeFileAtomically(directory, [text('x')])).rejects.toMatchObject({ code: 'WRITE_FAILED' })
    expect(readdirSync(folder)).toEqual(['directory'])
  })

  it('lets two writers of one target both finish', async () => {
    const path = join(folder, 'a.bin')
    await Promise.all(['one', 'two', 'three'].map((value) => writeFileAtomically(path, [text(value)])))
    expect(['one', 'two', 'three']).toContain(readFileSync(path, 'utf8'))
    expect(readdirSync(folder)).toEqual(['a.bin'])
  })

  it('removes what a killed writer left, and nothing else', async () => {
    const path = join(folder, 'a.bin')
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const names = {
      dead: `.a.bin.${deadPid()}-0-0123456789ab.tmp`,
      inherited: `.a.bin.${process.pid}-${threadId}-0123456789ab.tmp`,
      alive: `.a.bin.${child.pid}-0-0123456789ab.tmp`,
      other: `.b.bin.${deadPid()}-0-0123456789ab.tmp`,
    }
    try {
      for (const name of Object.values(names)) writeFileSync(join(folder, name), '')
      await writeFileAtomically(path, [text('x')])
      expect(readdirSync(folder).sort()).toEqual([names.alive, names.other, 'a.bin'].sort())
    } finally {
      child.kill()
    }
  })
})
