import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { lockOwner, takeLock } from '../src/lock.js'

const folder = mkdtempSync(join(tmpdir(), 'fak-lock-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
const fresh = () => join(folder, `${count++}.lock`)
const token = 'a'.repeat(24)
/** The number of a process that is gone. */
const gone = spawnSync(process.execPath, ['-e', '']).pid

const leave = (path: string, owner: object, ageMs = 0) => {
  writeFileSync(path, JSON.stringify(owner))
  const then = new Date(Date.now() - ageMs)
  utimesSync(path, then, then)
}

describe('a lock', () => {
  it('has one holder at a time', async () => {
    const path = fresh()
    let holders = 0
    let most = 0
    const work = async () => {
      const lock = await takeLock(path)
      most = Math.max(most, ++holders)
      await new Promise((resolve) => setTimeout(resolve, 5))
      holders--
      await lock.release()
    }
    await Promise.all(Array.from({ length: 5 }, work))
    expect(most).toBe(1)
    expect(readdirSync(folder)).toEqual([])
  })

  it('of a process that is gone is taken over at once', async () => {
    const path = fresh()
    leave(path, { pid: gone, host: hostname(), token })
    expect(await lockOwner(path)).toBeUndefined()
    const lock = await takeLock(path)
    expect(lock.doubtful).toBe(false)
    await lock.release()
  })

  it('of a process that cannot be asked is taken over when it has been silent for long, doubtfully', async () => {
    const path = fresh()
    leave(path, { pid: gone, host: 'another machine', token }, 60_000)
    const lock = await takeLock(path)
    expect(lock.doubtful).toBe(true)
    await lock.release()
  })

  it.each([
    ['that lives', { pid: process.pid, host: hostname(), token }],
    ['of another machine', { pid: gone, host: 'another machine', token }],
  ])('of a process %s is waited for', async (_what, owner) => {
    const path = fresh()
    leave(path, owner)
    const waits: number[] = []
    const signal = AbortSignal.timeout(300)
    await expect(takeLock(path, { signal, onWait: (pid) => waits.push(pid) })).rejects.toThrow('timeout')
    expect(waits).toEqual([owner.pid])
    expect(existsSync(path)).toBe(true)
    rmSync(path)
  })

  it('that is damaged is not taken over while it is young', async () => {
    const path = fresh()
    writeFileSync(path, 'half a')
    await expect(takeLock(path, { signal: AbortSignal.timeout(100) })).rejects.toThrow()
    leave(path, {}, 60_000)
    await (await takeLock(path)).release()
    expect(readdirSync(folder)).toEqual([])
  })
})
