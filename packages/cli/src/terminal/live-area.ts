// The last lines of a terminal, redrawn in place as they change, and let go of when they are done. Nothing above them is ever touched: it may have
// scrolled away.

import type { Terminal } from '../io.js'
import { after, columnsOf, joined, type Line, paint } from './spans.js'
import { wrapAnywhere } from './wrap.js'

/** Where the cursor is put: a line of the area, and columns from its beginning. */
export interface CursorPlace {
  readonly line: number
  readonly column: number
}

const DEFAULT_COLUMNS = 80
const DEFAULT_ROWS = 24

/** The size of a terminal; one that states none is taken for 80 by 24. */
export function sizeOf(terminal: Terminal): { columns: number; rows: number } {
  return { columns: terminal.columns || DEFAULT_COLUMNS, rows: terminal.rows || DEFAULT_ROWS }
}

/** Lines at the end of a terminal's text that can still change. Together they must not be higher than the terminal. */
export class LiveArea {
  readonly #terminal: Terminal
  readonly #styled: boolean
  #lines: readonly Line[] = []
  /** Where the cursor stands: a line, and columns in it. */
  #cursor: CursorPlace = { line: 0, column: 0 }

  constructor(terminal: Terminal, styled: boolean) {
    this.#terminal = terminal
    this.#styled = styled
  }

  /**
   * What must be written so that `done` stands for good where the area begins, and `live` behind it as the new area. The cursor goes to the end,
   * or to `cursor`.
   */
  update(done: readonly Line[], live: readonly Line[], cursor?: CursorPlace): string {
    const target = [...done, ...live].map(joined)
    const old = this.#lines
    let same = 0
    while (same < old.length && same < target.length && after(old[same]!, target[same]!)?.length === 0) same++
    let written = ''
    // Whether the cursor stands on the line after the last one already.
    let below = false
    const more = same === old.length - 1 && same < target.length ? after(old[same]!, target[same]!) : null
    if (same === old.length && old.length > 0 && target.length >= old.length) {
      // Everything that stands there stays.
      written += this.#to({ line: old.length - 1, column: columnsOf(old.at(-1)!) })
      if (target.length > same) written += '\r\n'
    } else if (more !== null && more.length > 0) {
      written += this.#to({ line: same, column: columnsOf(old[same]!) }) + paint(more, this.#styled)
      same++
      if (target.length > same) written += '\r\n'
    } else if (old.length > 0) {
      written += `${this.#to({ line: same, column: 0 })}\u001b[J`
      below = target.length === same
      if (below && live.length > 0) written += this.#to({ line: same - 1, column: columnsOf(old[same - 1]!) })
    }
    written += target
      .slice(same)
      .map((line) => paint(line, this.#styled))
      .join('\r\n')
    // What is done ends with a line break; the area does not.
    if (live.length === 0 && done.length > 0 && !below) written += '\r\n'
    this.#lines = target.slice(done.length)
    this.#cursor = end(this.#lines)
    if (cursor !== undefined) written += this.#to(cursor)
    return written
  }

  /** What must be written to take the area away. */
  clear(): string {
    if (this.#lines.length === 0) return ''
    const written = `${this.#to({ line: 0, column: 0 })}\u001b[J`
    this.#lines = []
    this.#cursor = { line: 0, column: 0 }
    return written
  }

  /** Moves the cursor within the area. */
  #to(place: CursorPlace): string {
    const from = this.#row(this.#cursor)
    const to = this.#row(place)
    this.#cursor = place
    if (from.row === to.row && from.column === to.column) return ''
    const rows = to.row - from.row
    const vertical = rows === 0 ? '' : rows < 0 ? `\u001b[${-rows}A` : `\u001b[${rows}B`
    return `\r${vertical}${to.column === 0 ? '' : `\u001b[${to.column}C`}`
  }

  /** The row, counted from the area's first, and the column where a place is on the terminal as wide as it is now. */
  #row({ line, column }: CursorPlace): { row: number; column: number } {
    const width = sizeOf(this.#terminal).columns
    let row = 0
    for (const before of this.#lines.slice(0, line)) row += Math.max(1, wrapAnywhere(before, width).length)
    const within = this.#lines[line] ?? []
    const parts = wrapAnywhere(within, width)
    let left = column
    for (const [i, part] of parts.entries()) {
      const size = columnsOf(part)
      // At the very end of a full row the terminal waits with the cursor on its last column.
      if (left <= size && (left < size || i === parts.length - 1))
        return { row: row + i, column: Math.min(left, width - 1) }
      left -= size
    }
    return { row: row + parts.length - 1, column: Math.min(left, width - 1) }
  }
}

function end(lines: readonly Line[]): CursorPlace {
  const last = lines.at(-1)
  return last === undefined ? { line: 0, column: 0 } : { line: lines.length - 1, column: columnsOf(last) }
}
