// Styled text as data: what it says and how it looks are put together only when it is written.

import { columns } from './columns.js'

/** Ways in which text can look, to be added up. */
export const LOOK = {
  plain: 0,
  bold: 1,
  dim: 2,
  italic: 4,
  underline: 8,
  strike: 16,
  cyan: 32,
  green: 64,
  red: 128,
  yellow: 256,
} as const

const SGR: readonly (readonly [look: number, code: number])[] = [
  [LOOK.bold, 1],
  [LOOK.dim, 2],
  [LOOK.italic, 3],
  [LOOK.underline, 4],
  [LOOK.strike, 9],
  [LOOK.red, 31],
  [LOOK.green, 32],
  [LOOK.yellow, 33],
  [LOOK.cyan, 36],
]

/** A piece of text that looks the same all over, without line breaks and control characters. */
export interface Span {
  readonly text: string
  readonly look: number
}

/** One line of a terminal; longer ones go on in the terminal's next row. */
export type Line = readonly Span[]

/** A span. */
export const span = (text: string, look: number = LOOK.plain): Span => ({ text, look })

/** The text of a line, without looks. */
export const textOf = (line: Line): string => line.map(({ text }) => text).join('')

/** Columns that a line takes. */
export const columnsOf = (line: Line): number => line.reduce((sum, { text }) => sum + columns(text), 0)

/** A line as it is written: with escapes where `styled`. */
export function paint(line: Line, styled: boolean): string {
  if (!styled) return textOf(line)
  return line.map(({ text, look }) => paintSpan(text, look)).join('')
}

function paintSpan(text: string, look: number): string {
  if (look === LOOK.plain || text === '') return text
  const codes = SGR.filter(([bit]) => (look & bit) !== 0).map(([, code]) => code)
  return `\u001b[${codes.join(';')}m${text}\u001b[0m`
}

/** Spans with neighbours of one look joined, and empty ones left out. */
export function joined(spans: Iterable<Span>): Span[] {
  const result: Span[] = []
  for (const { text, look } of spans) {
    const last = result.at(-1)
    if (text === '') continue
    if (last?.look === look) result[result.length - 1] = span(last.text + text, look)
    else result.push(span(text, look))
  }
  return result
}

/** What `line` has after `head`; `null` when it does not begin with it, looks included. Both must be {@link joined}. */
export function after(head: Line, line: Line): Line | null {
  if (head.length > line.length) return null
  for (const [i, { text, look }] of head.entries()) {
    const other = line[i]!
    if (other.look !== look) return null
    if (other.text === text) continue
    if (i < head.length - 1 || !other.text.startsWith(text)) return null
    return [span(other.text.slice(text.length), look), ...line.slice(i + 1)]
  }
  return line.slice(head.length)
}
