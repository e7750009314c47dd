// Earlier messages, kept from run to run: one JSON string a line, for the user's eyes only. Several runs may write at once.

import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { CliIo } from '../io.js'

/** Most messages that are kept. */
export const MAX_HISTORY = 1000
/** Longer messages are not kept: a book that was pasted is not written again by pressing a key. */
const MAX_ENTRY = 16_384
/** Longer files are not read whole. */
const MAX_FILE_BYTES = 2 * MAX_HISTORY * MAX_ENTRY
/** A run that was killed while it wrote leaves its lock behind; after so long it counts for nothing. */
const STALE_LOCK_MS = 5000
const LOCK_TRIES = 50
const LOCK_WAIT_MS = 10

/** Where programs keep what is nice to have: XDG on Unix, LOCALAPPDATA on Windows. `undefined` where the user has no home. */
export function stateFolder(env: CliIo['env'], platform: string = process.platform): string | undefined {
  if (env.FAK_STATE) return env.FAK_STATE
  if (platform === 'win32') return env.LOCALAPPDATA && join(env.LOCALAPPDATA, 'fak')
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, 'fak')
  return env.HOME && join(env.HOME, '.local', 'state', 'fak')
}

/** Earlier messages, the latest last. */
export class History {
  readonly #file: string | undefined
  #entries: string[]
  #failed: string | null = null

  /** @param file where they are kept; without it they last as long as the program */
  constructor(file: string | undefined) {
    this.#file = file
    this.#entries = this.#file === undefined ? [] : this.#read()
  }

  get entries(): readonly string[] {
    return this.#entries
  }

  /** Why messages are not kept; `null` when they are. */
  get failed(): string | null {
    return this.#failed
  }

  /** Adds a message, unless it is the latest one again. */
  add(text: string): void {
    if (text === '' || text === this.#entries.at(-1)) return
    this.#entries.push(text)
    if (this.#entries.length > MAX_HISTORY) this.#entries.shift()
    if (this.#file === undefined || this.#failed !== null || text.length > MAX_ENTRY) return
    this.#guarded(this.#file, (file) => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      locked(`${file}.lock`, () => {
        const fd = openSync(file, 'a', 0o600)
        try {
          // One write: what a killed run leaves is whole, or one last line that is not read.
          writeSync(fd, `${JSON.stringify(text)}\n`)
        } finally {
          closeSync(fd)
        }
        chmodSync(file, 0o600)
        shorten(file)
      })
    })
  }

  #read(): string[] {
    let entries: string[] = []
    this.#guarded(this.#file!, (file) => {
      entries = read(file).slice(-MAX_HISTORY)
    })
    return entries
  }

  #guarded(file: string, work: (file: string) => void): void {
    try {
      work(file)
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') this.#failed = `earlier messages cannot be kept in ${file}: ${code}`
    }
  }
}

function read(file: string): string[] {
  if (statSync(file).size > MAX_FILE_BYTES) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const entry: unknown = JSON.parse(line)
        return typeof entry === 'string' && entry !== '' ? [entry] : []
      } catch {
        return []
      }
    })
}

/** Leaves the latest messages when the file has grown to twice as many. */
function shorten(file: string): void {
  const lines = statSync(file).size > MAX_FILE_BYTES ? [] : readFileSync(file, 'utf8').split('\n')
  if (lines.length > 0 && lines.length <= 2 * MAX_HISTORY) return
  const kept = read(file).slice(-MAX_HISTORY)
  const beside = `${file}.${process.pid}`
  writeFileSync(beside, kept.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 })
  renameSync(beside, file)
}

/** Does the work while no other run does. */
function locked(lock: string, work: () => void): void {
  for (let tries = 0; tries < LOCK_TRIES; tries++) {
    try {
      closeSync(openSync(lock, 'wx', 0o600))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
      if (age > STALE_LOCK_MS) rmSync(lock, { force: true })
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_WAIT_MS)
      continue
    }
    try {
      work()
    } finally {
      rmSync(lock, { force: true })
    }
    return
  }
  throw Object.assign(new Error('another run holds the file'), { code: 'EBUSY' })
}
