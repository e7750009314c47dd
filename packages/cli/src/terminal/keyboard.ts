// Keys as a person presses them. Node's own decoder finds them in the bytes; here pastes become one thing, and the terminal is in raw mode just as
// long as somebody listens.

import { emitKeypressEvents } from 'node:readline'
import type { CliIo } from '../io.js'

/** A key, or a pasted block. */
export type Key =
  | { readonly type: 'paste'; readonly text: string }
  | {
      readonly type: 'key'
      /** Node's name of the key, such as `left`, or the sequence of one that it has no name for. */
      readonly name: string
      readonly ctrl: boolean
      readonly meta: boolean
      readonly shift: boolean
      /** What the key writes; empty for keys that act. */
      readonly text: string
      /** Other keys came in the same piece of input, as they do when a terminal pastes without saying so. */
      readonly more: boolean
    }

interface NodeKey {
  readonly sequence?: string
  readonly name?: string
  readonly ctrl?: boolean
  readonly meta?: boolean
  readonly shift?: boolean
  readonly code?: string
}

/** Ctrl, Alt and the like in front of a name: `ctrl-c`, `meta-return`. */
export const nameOf = (key: Key): string =>
  key.type === 'paste' ? 'paste' : `${key.ctrl ? 'ctrl-' : ''}${key.meta ? 'meta-' : ''}${key.name}`

const PASTE_ON = '\u001b[?2004h'
const PASTE_OFF = '\u001b[?2004l'

/** A terminal's keyboard. */
export class Keyboard {
  readonly #io: CliIo
  #listeners: ((key: Key) => void)[] = []
  readonly #waiting: Key[] = []
  #batch: Key[] = []
  #paste: string | null = null
  #on = false
  readonly #onKey = (text: string | undefined, key: NodeKey) => this.#take(text, key)
  readonly #onEnd = () =>
    this.#deliver([{ type: 'key', name: 'd', ctrl: true, meta: false, shift: false, text: '', more: false }])

  constructor(io: CliIo) {
    this.#io = io
    emitKeypressEvents(io.stdin)
  }

  /** Takes the terminal: raw mode, and pastes marked as such. */
  open(): void {
    if (this.#on) return
    this.#on = true
    this.#io.stdin.setRawMode?.(true)
    this.#io.stdout.write(PASTE_ON)
    this.#io.stdin.on('keypress', this.#onKey)
    this.#io.stdin.on('end', this.#onEnd)
    this.#io.stdin.resume()
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (!this.#on) return
    this.#on = false
    this.#io.stdin.off('keypress', this.#onKey)
    this.#io.stdin.off('end', this.#onEnd)
    this.#io.stdin.pause()
    this.#io.stdout.write(PASTE_OFF)
    this.#io.stdin.setRawMode?.(false)
  }

  /** Calls `listener` with each key until the returned function is called. The latest listener alone gets the keys; those that nobody took wait. */
  listen(listener: (key: Key) => void): () => void {
    this.#listeners.push(listener)
    const waiting = this.#waiting.splice(0)
    if (waiting.length > 0) queueMicrotask(() => this.#deliver(waiting))
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener)
    }
  }

  /** Gives a key back, for whoever listens next. */
  unread(key: Key): void {
    this.#waiting.push(key)
  }

  #take(text: string | undefined, { sequence = '', name, code, ctrl = false, meta = false, shift = false }: NodeKey) {
    if (name === 'paste-start') {
      this.#paste = ''
      return
    }
    if (name === 'paste-end') {
      this.#push({ type: 'paste', text: (this.#paste ?? '').replace(/\r\n?/g, '\n') })
      this.#paste = null
      return
    }
    if (this.#paste !== null) {
      this.#paste += sequence
      return
    }
    const known = name === undefined || name === 'undefined' ? (code ?? sequence) : name
    const acts = ctrl || meta || text === undefined || /^\p{Control}/u.test(text)
    this.#push({ type: 'key', name: known, ctrl, meta, shift, text: acts ? '' : text, more: false })
  }

  /** Keys of one piece of input are delivered together, so that each knows whether others come behind it. */
  #push(key: Key): void {
    if (this.#batch.push(key) > 1) return
    queueMicrotask(() => {
      const batch = this.#batch
      this.#batch = []
      this.#deliver(batch.map((each, i) => (each.type === 'key' ? { ...each, more: i < batch.length - 1 } : each)))
    })
  }

  #deliver(keys: readonly Key[]): void {
    for (const key of keys) {
      const listener = this.#listeners.at(-1)
      if (listener === undefined) this.#waiting.push(key)
      else listener(key)
    }
  }
}
