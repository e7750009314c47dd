// One writer for each file, over processes and machines that share a folder. A lock whose owner has died is taken over.

import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { pause } from './failures.js'

/** The owner says this often that it lives. */
const BEAT_MS = 2000
/** An owner that cannot be asked has died when it was silent for so long. */
const SILENT_MS = 30_000
const POLL_MS = 200

interface Owner {
  readonly pid: number
  readonly host: string
  /** Tells this lock from any other, also from an earlier one of a process with the same number. */
  readonly token: string
}

/** A lock that is held. */
export interface HeldLock {
  /** Whether it was taken from an owner that may merely have slept, and may write on when it wakes. */
  readonly doubtful: boolean
  /** Aborts when somebody has taken the lock over, as after a long sleep of this process. */
  readonly lost: AbortSignal
  release(): Promise<void>
}

/** Who holds a lock file, or `undefined`. */
export async function lockOwner(path: string): Promise<{ readonly pid: number; readonly host: string } | undefined> {
  const seen = await look(path)
  return seen === undefined || seen.dead || seen.silent ? undefined : seen.owner
}

/**
 * Takes a lock, waiting while somebody else holds it.
 *
 * @param onWait told once, with the number of the process that holds it, when there is something to wait for
 */
export async function takeLock(
  path: string,
  { signal, onWait }: { signal?: AbortSignal | undefined; onWait?: ((pid: number) => void) | undefined } = {},
): Promise<HeldLock> {
  const mine: Owner = { pid: process.pid, host: hostname(), token: randomBytes(12).toString('hex') }
  // Written aside and linked: nobody ever sees a lock without its owner.
  const aside = `${path}.${mine.token}`
  let doubtful = false
  let told = false
  try {
    await writeFile(aside, JSON.stringify(mine))
    for (;;) {
      signal?.throwIfAborted()
      try {
        await linkExclusive(aside, path, mine)
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const seen = await look(path)
      if (seen === undefined) continue
      if (seen.dead || seen.silent) {
        if (await remove(path, seen.owner.token)) doubtful ||= !seen.dead
        continue
      }
      if (!told) onWait?.(seen.owner.pid)
      told = true
      await pause(POLL_MS, signal)
    }
  } finally {
    await rm(aside, { force: true })
  }
  return hold(path, mine, doubtful)
}

async function linkExclusive(aside: string, path: string, mine: Owner): Promise<void> {
  try {
    await link(aside, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'ENOENT') throw error
    // A file system without links.
    await writeFile(path, JSON.stringify(mine), { flag: 'wx' })
  }
}

function hold(path: string, mine: Owner, doubtful: boolean): HeldLock {
  const lost = new AbortController()
  const beat = setInterval(async () => {
    const now = new Date()
    const owner = await readOwner(path)
    if (owner?.token === mine.token) await utimes(path, now, now).catch(() => {})
    else lost.abort(new Error('the lock was taken over'))
  }, BEAT_MS)
  beat.unref()
  return {
    doubtful,
    lost: lost.signal,
    async release() {
      clearInterval(beat)
      if ((await readOwner(path))?.token === mine.token) await rm(path, { force: true })
    },
  }
}

async function look(path: string): Promise<{ owner: Owner; dead: boolean; silent: boolean } | undefined> {
  const [owner, stats] = [await readOwner(path), await stat(path).catch(() => undefined)]
  if (stats === undefined) return undefined
  const silent = Date.now() - stats.mtimeMs > SILENT_MS
  // Not readable: being written where links are not known, or damaged.
  if (owner === undefined) return { owner: { pid: 0, host: '', token: '' }, dead: false, silent }
  return { owner, dead: owner.host === hostname() && !isAlive(owner.pid), silent }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Partial<Owner> | null
    const { pid, host, token } = value ?? {}
    if (Number.isSafeInteger(pid) && typeof host === 'string' && typeof token === 'string')
      return { pid: pid!, host, token }
  } catch {}
  return undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Removes a lock that was judged; one that somebody else has put there meanwhile is put back. */
async function remove(path: string, token: string): Promise<boolean> {
  const away = `${path}.${randomBytes(6).toString('hex')}.old`
  try {
    await rename(path, away)
  } catch {
    return false
  }
  const isThatOne = ((await readOwner(away))?.token ?? '') === token
  if (!isThatOne) await link(away, path).catch(() => {})
  await rm(away, { force: true })
  return isThatOne
}
