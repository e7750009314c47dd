// One line on a terminal that says what takes so long, and nothing anywhere else.

import { clearLine, cursorTo } from 'node:readline'
import type { CliIo } from './io.js'

/** Work that ends sooner than this is not announced. */
const QUIET_MS = 1000
const REDRAW_MS = 100

/** Progress on stderr while it is a terminal; silent in pipes and for anything quick. */
export class StatusLine {
  readonly #io: CliIo
  readonly #start = performance.now()
  #drawn = Number.NEGATIVE_INFINITY

  constructor(io: CliIo) {
    this.#io = io
  }

  /** Shows `label`, with a percentage when the total is known, and what else there is to say behind it. */
  update(label: string, done?: number, total?: number, more = ''): void {
    const now = performance.now()
    if (this.#io.stderr.isTTY !== true || now - this.#start < QUIET_MS || now - this.#drawn < REDRAW_MS) return
    this.#wipe()
    const share = done === undefined || !total ? '' : ` ${Math.floor((100 * done) / total)} %`
    this.#io.stderr.write(`${label}${share}${more === '' ? '' : `, ${more}`}`)
    this.#drawn = now
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#drawn > 0) this.#wipe()
    this.#drawn = Number.NEGATIVE_INFINITY
  }

  #wipe(): void {
    cursorTo(this.#io.stderr, 0)
    clearLine(this.#io.stderr, 0)
  }
}
