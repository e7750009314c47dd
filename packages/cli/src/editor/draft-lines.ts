// A draft as lines of a terminal, with the place of the cursor among them.

import { printable } from '../errors.js'
import { plural } from '../output.js'
import { clusters, columns } from '../terminal/columns.js'
import type { CursorPlace } from '../terminal/live-area.js'
import { type Line, LOOK, type Span, span } from '../terminal/spans.js'

/** What stands before the first line of a draft, and before the others. */
export interface Prompts {
  readonly first: Span
  readonly rest: Span
}

/** A draft to be shown. */
export interface Shown {
  readonly lines: Line[]
  readonly cursor: CursorPlace
}

/**
 * Lays a draft out.
 *
 * @param width columns of the terminal; the last one stays free, for the cursor
 * @param height most lines; of a longer draft those around the cursor are shown
 */
export function draftLines(text: string, cursor: number, prompts: Prompts, width: number, height: number): Shown {
  const room = Math.max(1, width - columns(prompts.first.text) - 1)
  const rows: string[] = []
  let place: CursorPlace = { line: 0, column: 0 }
  let at = 0
  for (const line of text.split('\n')) {
    let row = ''
    let used = 0
    const offset = cursor - at
    let seen = 0
    for (const cluster of clusters(line)) {
      const shown = cluster.text === '\t' ? '    ' : printable(cluster.text)
      const size = shown === cluster.text ? cluster.columns : shown.length
      if (used > 0 && used + size > room) {
        rows.push(row)
        row = ''
        used = 0
      }
      if (offset === seen) place = { line: rows.length, column: used }
      row += shown
      used += size
      seen += cluster.text.length
    }
    if (offset === seen) place = { line: rows.length, column: used }
    rows.push(row)
    at += line.length + 1
  }
  const prefix = (i: number) => (i === 0 ? prompts.first : prompts.rest)
  const lines = rows.map((row, i): Line => [prefix(i), span(row)])
  const indent = columns(prompts.first.text)
  if (lines.length <= height) return { lines, cursor: { line: place.line, column: place.column + indent } }
  const inner = Math.max(1, height - 2)
  const from = Math.min(Math.max(0, place.line - (inner >> 1)), lines.length - inner)
  const above = note(from, 'above')
  const below = note(lines.length - inner - from, 'below')
  const shown = [...above, ...lines.slice(from, from + inner), ...below]
  return { lines: shown, cursor: { line: place.line - from + above.length, column: place.column + indent } }
}

const note = (count: number, where: string): Line[] =>
  count === 0 ? [] : [[span(`  … ${plural(count, 'more line')} ${where}`, LOOK.dim)]]
