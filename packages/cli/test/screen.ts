// A terminal in memory to talk to the program on: what the program writes goes through an emulator, and tests look at the screen.

import { PassThrough, Writable } from 'node:stream'
import xterm from '@xterm/headless'
import { type CliIo, run } from '../src/index.js'

/** Waiting longer than this for the screen to show something fails with what it shows. */
const PATIENCE_MS = 20_000

/** An emulated terminal. */
export function emulator(columns = 80, rows = 24) {
  const terminal = new xterm.Terminal({
    cols: columns,
    rows,
    allowProposedApi: true,
    convertEol: true,
    scrollback: 5000,
  })
  const row = (y: number) => terminal.buffer.active.getLine(y)
  return {
    write: (text: string) => new Promise<void>((done) => terminal.write(text, done)),
    resize: (c: number, r: number) => terminal.resize(c, r),
    /** Everything on it and above it, without the spaces at the ends of lines. */
    text: () => {
      const lines = Array.from({ length: terminal.buffer.active.length }, (_, y) => row(y)!.translateToString(true))
      return lines.join('\n').trimEnd()
    },
    /** The same with how each cell looks. */
    looks: () =>
      Array.from({ length: terminal.buffer.active.length }, (_, y) =>
        Array.from({ length: columns }, (_, x) => {
          const cell = row(y)!.getCell(x)!
          const look = [
            cell.isBold(),
            cell.isDim(),
            cell.isItalic(),
            cell.isUnderline(),
            cell.isStrikethrough(),
            cell.getFgColor(),
          ]
          return cell.getChars().trim() === '' ? '' : `${cell.getChars()}:${look.map(Number).join('')}`
        }).join('|'),
      )
        .join('\n')
        .replace(/[|\n]+$/, ''),
    /** Column and line of the cursor, counted from the first line ever written. */
    cursor: () => ({
      x: terminal.buffer.active.cursorX,
      y: terminal.buffer.active.baseY + terminal.buffer.active.cursorY,
    }),
  }
}

/** Starts `fak …argv` on an emulated terminal. */
export function onScreen(
  argv: readonly string[],
  { columns = 80, rows = 24, env = {} as Record<string, string> } = {},
) {
  const emulated = emulator(columns, rows)
  const raw: boolean[] = []
  let written = ''
  let wake = () => {}
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => void raw.push(on),
  })
  const output = () =>
    Object.assign(
      new Writable({
        decodeStrings: false,
        write(chunk: string, _encoding, done) {
          written += chunk
          void emulated.write(chunk).then(() => {
            done()
            wake()
          })
        },
      }),
      { isTTY: true, columns, rows },
    )
  const stdout = output()
  const listeners = new Map<string, Set<() => void>>()
  const io: CliIo = {
    stdin,
    stdout,
    stderr: output(),
    env: { TERM: 'xterm', ...env },
    onSignal(name, listener) {
      const set = listeners.get(name) ?? new Set()
      listeners.set(name, set.add(listener))
      return () => void set.delete(listener)
    },
  }
  const exit = run(argv, io)
  const until = async (shown: () => boolean) => {
    const late = Date.now() + PATIENCE_MS
    while (!shown()) {
      if (Date.now() > late) throw new Error(`the screen shows\n${emulated.text()}`)
      await new Promise<void>((resume) => {
        wake = resume
        setTimeout(resume, 100)
      })
    }
    return emulated.text()
  }
  let seen = -1
  /** Waits until the program waits for a message, and gives what came since it did last. */
  const prompt = async (draft = /\n> (Send a message, or \/help)$/) => {
    await until(() => draft.test(emulated.text()) && emulated.text().lastIndexOf('\n> ') !== seen)
    const text = emulated.text()
    const fresh = text.slice(Math.max(0, seen))
    seen = text.lastIndexOf('\n> ')
    return fresh
  }
  return {
    exit,
    stdin,
    raw,
    /** Everything that was written, escapes and all. */
    written: () => written,
    text: emulated.text,
    cursor: emulated.cursor,
    looks: emulated.looks,
    until: (what: RegExp) => until(() => what.test(emulated.text())),
    prompt,
    type: (text: string) => void stdin.write(text),
    /** Types a message, and gives what came until the next one can be written. */
    say: async (text: string) => {
      stdin.write(`${text}\r`)
      return prompt()
    },
    signal: (name: 'SIGINT' | 'SIGTERM') => {
      for (const listener of [...(listeners.get(name) ?? [])]) listener()
    },
    resize: (c: number, r: number) => {
      emulated.resize(c, r)
      Object.assign(stdout, { columns: c, rows: r })
      stdout.emit('resize')
    },
  }
}
