// Tables of GFM (https://github.github.com/gfm/#tables-extension-) in columns; records one below the other where columns find no room.

import { columns } from '../terminal/columns.js'
import { columnsOf, joined, type Line, LOOK, type Span, span } from '../terminal/spans.js'
import { wrap } from '../terminal/wrap.js'
import { Inline } from './inline.js'

/** Where the text of a column stands. */
export type Side = 'left' | 'right' | 'center'

/** Narrower columns are no help to a reader. */
const MIN_COLUMN = 6
const DELIMITERS = /^\s*\|?(\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*$/

/** The texts of a row. Bars behind a backslash or in code are no borders. */
export function cellsOf(line: string): string[] {
  const cells: string[] = []
  let cell = ''
  let code = false
  const text = line.trim().replace(/^\|/, '')
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\' && text[i + 1] === '|') {
      cell += '|'
      i++
    } else if (text[i] === '|' && !code) {
      cells.push(cell.trim())
      cell = ''
    } else {
      if (text[i] === '`') code = !code
      cell += text[i]
    }
  }
  if (cell.trim() !== '') cells.push(cell.trim())
  return cells
}

/** The sides that the line under a header states; `null` if it is no such line for so many columns. */
export function sidesOf(line: string, count: number): Side[] | null {
  if (!DELIMITERS.test(line) || !line.includes('-')) return null
  const sides = cellsOf(line).map((cell): Side => {
    if (!cell.endsWith(':')) return 'left'
    return cell.startsWith(':') ? 'center' : 'right'
  })
  return sides.length === count ? sides : null
}

/** A table as far as it has come. */
export class Table {
  readonly #sides: readonly Side[]
  readonly #plain: boolean
  readonly #rows: Span[][][] = []
  /** Widths that some of the rows were given out with. */
  #widths: readonly number[] | null = null
  #given = 0
  #room: number

  /** @param room columns of the terminal that it may take */
  constructor(header: readonly string[], sides: readonly Side[], room: number, plain: boolean) {
    this.#sides = sides
    this.#plain = plain
    this.#room = room
    this.#rows.push(this.#parse(header, LOOK.bold))
  }

  /** Takes a row. */
  push(cells: readonly string[]): void {
    this.#rows.push(this.#parse(cells))
  }

  /** Another width from here on, unless lines have been given out. */
  set room(room: number) {
    if (this.#widths === null) this.#room = room
  }

  /** All lines that were not given out yet. */
  lines(): Line[] {
    const widths = this.#widths ?? this.#fitted()
    const rows = this.#rows.slice(this.#given)
    const begun = this.#given > 0
    if (widths.length === 0) return this.#records(begun)
    const lines = rows.flatMap((row) => this.#row(row, widths))
    if (begun) return lines
    const head = this.#row(this.#rows[0]!, widths)
    return [...head, rule(widths), ...lines.slice(head.length)]
  }

  /** Gives out all lines; later rows take the same widths. */
  give(): Line[] {
    const lines = this.lines()
    this.#widths ??= this.#fitted()
    this.#given = this.#rows.length
    return lines
  }

  #parse(cells: readonly string[], look: number = LOOK.plain): Span[][] {
    return this.#sides.map((_, i) => {
      const inline = new Inline(Number.MAX_SAFE_INTEGER, look, this.#plain)
      return [...inline.push(cells[i] ?? ''), ...inline.end()]
    })
  }

  /** Widths of the columns: as wide as their text, the widest made narrower until all fit. Empty when they cannot. */
  #fitted(): number[] {
    const widths = this.#sides.map((_, i) =>
      Math.max(1, ...this.#rows.map((row) => Math.max(...wrap(row[i]!, Number.MAX_SAFE_INTEGER).map(columnsOf)))),
    )
    const room = this.#room - 3 * (widths.length - 1)
    if (room < widths.length * MIN_COLUMN) return widths.reduce((sum, width) => sum + width, 0) <= room ? widths : []
    for (let over = widths.reduce((sum, width) => sum + width, 0) - room; over > 0; over--) {
      const widest = widths.indexOf(Math.max(...widths))
      widths[widest]!--
    }
    return widths
  }

  #row(row: readonly Span[][], widths: readonly number[]): Line[] {
    const cells = row.map((spans, i) => wrap(spans, widths[i]!))
    const height = Math.max(...cells.map((lines) => lines.length))
    return Array.from({ length: height }, (_, y) =>
      joined(
        cells.flatMap((lines, i) => {
          const line = lines[y] ?? []
          const space = widths[i]! - columnsOf(line)
          const side = this.#sides[i]
          const before = side === 'right' ? space : side === 'center' ? space >> 1 : 0
          const after = i === cells.length - 1 ? 0 : space - before
          const border = i === 0 ? [] : [span(' │ ', LOOK.dim)]
          return [...border, span(' '.repeat(before)), ...line, span(' '.repeat(after))]
        }),
      ),
    )
  }

  /** Each row as lines of `header: text`. */
  #records(begun: boolean): Line[] {
    const [header, ...rows] = this.#rows
    const fresh = begun ? this.#rows.slice(this.#given) : rows
    return fresh.flatMap((row, r) => [
      ...(r > 0 || this.#given > 1 ? [[]] : []),
      ...row.flatMap((cell, i) => wrap([...header![i]!, span(': '), ...cell], this.#room)),
    ])
  }
}

function rule(widths: readonly number[]): Line {
  return [span(widths.map((width) => '─'.repeat(width)).join('─┼─'), LOOK.dim)]
}

/** A line of a table that is not known to be one yet, cut to a width. */
export const rawRow = (line: string, room: number): Line => [
  span(columns(line) <= room ? line : `${line.slice(0, Math.max(0, room - 1))}…`, LOOK.dim),
]
