// Breaking styled text into lines of a given width: at spaces and beside wide characters, inside a word only where it fits on no line.

import { clusters } from './columns.js'
import { columnsOf, joined, type Line, type Span, span } from './spans.js'

interface Cell extends Span {
  readonly columns: number
}

/** Lines of at most `width` columns, without the spaces at their ends. `\n` in a text ends a line. */
export const wrap = (spans: Iterable<Span>, width: number): Line[] => broken(spans, width).map(trimmed)

/** The same with those spaces, so that text can go on behind the last of them. */
function broken(spans: Iterable<Span>, width: number): Line[] {
  const limit = Math.max(1, width)
  const lines: Line[] = []
  let line: Cell[] = []
  let used = 0
  let word: Cell[] = []
  let wordColumns = 0
  const finish = () => {
    lines.push(joined(line))
    line = []
    used = 0
  }
  const place = () => {
    if (used > 0 && used + wordColumns > limit) finish()
    for (const cell of word) {
      if (used > 0 && used + cell.columns > limit) finish()
      line.push(cell)
      used += cell.columns
    }
    word = []
    wordColumns = 0
  }
  for (const cell of cellsOf(spans)) {
    if (cell.text === '\n') {
      place()
      finish()
    } else if (cell.text === ' ') {
      place()
      line.push(cell)
      used = Math.min(limit, used + 1)
    } else {
      // Scripts with wide characters break anywhere.
      if (cell.columns === 2) place()
      word.push(cell)
      wordColumns += cell.columns
      if (cell.columns === 2) place()
    }
  }
  place()
  lines.push(joined(line))
  return lines
}

function trimmed(line: Line): Line {
  const last = line.at(-1)
  if (last === undefined || !last.text.endsWith(' ')) return line
  const text = last.text.replace(/ +$/, '')
  return text === '' ? trimmed(line.slice(0, -1)) : [...line.slice(0, -1), span(text, last.look)]
}

function* cellsOf(spans: Iterable<Span>): Generator<Cell> {
  for (const { text, look } of spans) {
    for (const cluster of clusters(text)) yield { ...cluster, look }
  }
}

/** Text that grows at its end, as lines: those that can change no more are given out once. */
export class Flow {
  #width: number
  #first: Line
  readonly #rest: Line
  #settled: Line = []

  /** @param first what stands before the first line, @param rest and before the others */
  constructor(width: number, first: Line = [], rest: Line = []) {
    this.#width = width
    this.#first = first
    this.#rest = rest
  }

  /** From here on lines are as long as this. */
  set width(width: number) {
    this.#width = width
  }

  /** Adds text that is certain. @returns lines that are complete */
  push(spans: readonly Span[]): Line[] {
    if (spans.length === 0) return []
    const lines = broken([...this.#settled, ...spans], this.#room)
    this.#settled = lines.pop()!
    const complete = this.#prefixed(lines)
    if (lines.length > 0) this.#first = this.#rest
    return complete
  }

  /** The lines after those given out, with `more` behind what is certain. */
  lines(more: readonly Span[] = []): Line[] {
    return this.#prefixed(broken([...this.#settled, ...more], this.#room))
  }

  get #room(): number {
    return this.#width - columnsOf(this.#rest)
  }

  #prefixed(lines: readonly Line[]): Line[] {
    return lines.map((line, i) => joined([...(i === 0 ? this.#first : this.#rest), ...trimmed(line)]))
  }
}

/** One line of text, cut to a width with an ellipsis. */
export function fit(line: Line, width: number): Line {
  const [first = [], ...others] = wrapAnywhere(line, width)
  if (others.length === 0) return first
  const [cut = []] = wrapAnywhere(line, width - 1)
  return joined([...cut, span('…', cut.at(-1)?.look)])
}

/** Lines of at most `width` columns, broken wherever they are full. Line breaks are not expected. */
export function wrapAnywhere(spans: Iterable<Span>, width: number): Line[] {
  const limit = Math.max(1, width)
  const lines: Span[][] = [[]]
  let used = 0
  for (const cell of cellsOf(spans)) {
    if (used > 0 && used + cell.columns > limit) {
      lines.push([])
      used = 0
    }
    lines.at(-1)!.push(cell)
    used += cell.columns
  }
  return lines.map(joined)
}
