// Runs the command line in this process, with streams in memory.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { type CliIo, run } from '../src/index.js'

export const fixture = (path: string) => fileURLToPath(new URL(`../../../fixtures/${path}`, import.meta.url))

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

export interface Given {
  /** Bytes on stdin, which then ends. `'open'` never ends. Default: empty. */
  stdin?: string | Uint8Array | 'open'
  env?: Record<string, string>
  /** Sees everything written to stdout so far, after each write. */
  onStdout?: (text: string, control: Control) => void
  /** Called when the command has begun. */
  onStart?: (control: Control) => void
  /** stdout and stderr say that they are terminals. */
  terminal?: boolean
}

/** What a test may do while a command runs. */
export interface Control {
  signal(name: 'SIGINT' | 'SIGTERM'): void
  /** The reader of stdout goes away. */
  closeStdout(): void
}

/** Runs `fak …argv`. */
export async function fak(argv: readonly string[], given: Given = {}): Promise<Ran> {
  const listeners = new Map<string, Set<() => void>>()
  const text = { stdout: '', stderr: '' }
  let gone = false
  const control: Control = {
    signal: (name) => {
      for (const listener of [...(listeners.get(name) ?? [])]) listener()
    },
    closeStdout: () => {
      gone = true
    },
  }
  const sink = (name: 'stdout' | 'stderr') => {
    const stream = new Writable({
      autoDestroy: false,
      write(chunk, _encoding, done) {
        if (gone && name === 'stdout') return done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
        text[name] += chunk
        done()
        if (name === 'stdout') given.onStdout?.(text.stdout, control)
      },
    })
    return Object.assign(stream, { isTTY: given.terminal === true })
  }
  const stdin = new PassThrough()
  if (given.stdin !== 'open') stdin.end(given.stdin ?? '')
  const io: CliIo = {
    stdin,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    env: given.env ?? {},
    onSignal(name, listener) {
      const set = listeners.get(name) ?? new Set()
      listeners.set(name, set.add(listener))
      return () => set.delete(listener)
    },
  }
  const running = run(argv, io)
  given.onStart?.(control)
  const code = await running
  for (const [name, set] of listeners) if (set.size > 0) throw new Error(`${name} is still listened to`)
  return { code, ...text }
}

/** Streams in memory, and what was written to them. */
export function memoryIo(): { io: CliIo; written: { stdout: string; stderr: string } } {
  const written = { stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += chunk
        done()
      },
    })
  const io = {
    stdin: new PassThrough(),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    env: {},
    onSignal: () => () => {},
  }
  return { io: io as unknown as CliIo, written }
}

/** A folder that is gone after the tests of the file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fak-cli-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A random model with 320 rows of which 302 are tokens, made able to chat by a small ChatML template, with `before` at its beginning. */
export function chattyModel(name = 'tied', before = ''): string {
  const folder = join(scratchFolder(), 'model')
  cpSync(fixture(`models/${name}`), folder, { recursive: true })
  const template = `${before}{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking %}<think>
{% else %}<think>

</think>

{% endif %}`
  writeFileSync(join(folder, 'chat_template.jinja'), template)
  return folder
}
