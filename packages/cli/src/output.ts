// Writing: results to stdout at the reader's pace, remarks to stderr, and styles only where a terminal shows them.

import { FakError } from '@fak/tensor'
import { OutputClosed } from './errors.js'
import type { CliIo, Terminal } from './io.js'

const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], cyan: [36, 39] } as const

/** A name of a text style. */
export type Style = keyof typeof STYLES

/** Both output streams of a command. */
export class Output {
  /** Aborts when nobody reads stdout any more. */
  readonly closed: AbortSignal
  readonly #io: CliIo
  readonly #onError: (error: NodeJS.ErrnoException) => void
  /** Whoever waits for the reader of stdout; woken when it goes away. */
  readonly #waiting = new Set<() => void>()

  constructor(io: CliIo) {
    this.#io = io
    const gone = new AbortController()
    this.closed = gone.signal
    this.#onError = (error) => {
      gone.abort(error.code === 'EPIPE' ? new OutputClosed() : writeFailed(error))
      for (const wake of this.#waiting) wake()
    }
    io.stdout.on('error', this.#onError)
    // A reader of stderr that goes away takes remarks with it, not the work.
    io.stderr.on('error', ignore)
  }

  /** Writes to stdout and waits while its reader is slow. @throws OutputClosed */
  async write(text: string): Promise<void> {
    this.closed.throwIfAborted()
    if (this.#io.stdout.write(text)) return
    await this.#unlessClosed((resume) => this.#io.stdout.once('drain', resume))
    this.closed.throwIfAborted()
  }

  /** Writes a line to stdout. */
  async line(text = ''): Promise<void> {
    await this.write(`${text}\n`)
  }

  /** Writes one JSON value on one line. */
  async json(value: unknown): Promise<void> {
    await this.line(JSON.stringify(value))
  }

  /** Writes a remark to stderr. */
  note(text: string): void {
    this.#io.stderr.write(`${text}\n`)
  }

  /** Styles text for stdout or stderr, or leaves it alone where no terminal would show it. */
  style(style: Style, text: string, on: 'stdout' | 'stderr' = 'stdout'): string {
    if (!this.styled(on)) return text
    const [start, end] = STYLES[style]
    return `\u001b[${start}m${text}\u001b[${end}m`
  }

  /**
   * Whether text on the stream may be styled. FORCE_COLOR comes first, as in Node: 0 and false say no, anything else yes. Then any non-empty
   * NO_COLOR says no (https://no-color.org).
   */
  styled(on: 'stdout' | 'stderr' = 'stdout'): boolean {
    const { env } = this.#io
    if ((env.FORCE_COLOR ?? '') !== '') return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
    return isTerminal(this.#io[on]) && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  }

  /** Waits until everything written to stdout has left the process. */
  async flush(): Promise<void> {
    if (this.closed.aborted) return
    await this.#unlessClosed((resume) => this.#io.stdout.write('', resume))
  }

  async #unlessClosed(start: (resume: () => void) => void): Promise<void> {
    let wake = () => {}
    await new Promise<void>((resume) => {
      wake = resume
      this.#waiting.add(wake)
      start(() => resume())
    })
    this.#waiting.delete(wake)
  }

  /** Leaves the streams as they were found. */
  release(): void {
    this.#io.stdout.off('error', this.#onError)
    this.#io.stderr.off('error', ignore)
  }
}

function writeFailed(cause: NodeJS.ErrnoException): FakError {
  return new FakError('WRITE_FAILED', {
    file: '<stdout>',
    reason: `cannot be written: ${cause.code ?? 'unknown'}`,
    cause,
  })
}

const isTerminal = (stream: Terminal) => stream.isTTY === true
const ignore = () => {}

/** A table with aligned columns, two spaces apart; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, String(cell).length)
  }
  return rows.map((row) =>
    row
      .map((cell, i) => (typeof cell === 'number' ? String(cell).padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

/** A rate for people: three significant digits. */
export function rate(value: number | null): string {
  if (value === null) return '-'
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** A size for people, e.g. `4.1 MB`. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let scaled = value
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  return unit === 0 ? `${value} B` : `${scaled >= 99.5 ? scaled.toFixed(0) : scaled.toPrecision(2)} ${units[unit]}`
}

/** A count for people, e.g. `7.6M`. */
export function count(value: number): string {
  if (value < 1000) return String(value)
  const [scaled, unit] = value < 1e6 ? [value / 1e3, 'k'] : value < 1e9 ? [value / 1e6, 'M'] : [value / 1e9, 'B']
  return `${scaled >= 99.5 ? scaled.toFixed(0) : scaled.toPrecision(2)}${unit}`
}

/** A number of things for people: `1 token`, `2 tokens`. */
export const plural = (number: number | string, noun: string): string =>
  `${number} ${noun}${String(number) === '1' ? '' : 's'}`
