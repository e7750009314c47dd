// Where a chat is shown: lines that stay, and the few below them that still change.

import type { CliIo } from '../io.js'
import { visible } from '../markdown/markdown.js'
import type { Output } from '../output.js'
import { LiveArea, sizeOf } from '../terminal/live-area.js'
import { columnsOf, type Line, LOOK, span } from '../terminal/spans.js'
import { Flow, wrap } from '../terminal/wrap.js'

/** A terminal as a chat writes on it. */
export class Screen {
  readonly area: LiveArea
  /** Whether looks can be shown. */
  readonly styled: boolean
  /** Whether the cursor can be moved; text alone is written where it cannot. */
  readonly moves: boolean
  readonly #io: CliIo
  readonly #output: Output

  constructor(io: CliIo, output: Output) {
    this.#io = io
    this.#output = output
    this.styled = output.styled()
    this.moves = io.env.TERM !== 'dumb'
    this.area = new LiveArea(io.stdout, this.styled)
  }

  /** The terminal's size now. */
  get size(): { columns: number; rows: number } {
    return sizeOf(this.#io.stdout)
  }

  /** Calls back when the size changes, until the returned function is called. */
  onResize(listener: () => void): () => void {
    this.#io.stdout.on('resize', listener)
    return () => void this.#io.stdout.off('resize', listener)
  }

  /** Writes lines for good, and those that may change. @throws OutputClosed */
  async draw(done: readonly Line[], live: readonly Line[] = []): Promise<void> {
    const written = this.area.update(done, this.moves ? this.#fitting(live) : [])
    if (written !== '') await this.#output.write(written)
  }

  /** Says something, wrapped. */
  async say(text: string, look: number = LOOK.plain): Promise<void> {
    await this.draw(wrap([span(visible(text), look)], this.size.columns))
  }

  /** Says pairs in two columns; what does not fit beside goes on below it. */
  async pairs(rows: readonly (readonly [name: string, text: string])[]): Promise<void> {
    const { columns } = this.size
    const widest = Math.max(...rows.map(([name]) => name.length))
    const indent = Math.min(widest, columns >> 1) + 4
    for (const [name, text] of rows) {
      const flow = new Flow(columns, [span(`  ${name}`.padEnd(indent), LOOK.cyan)], [span(' '.repeat(indent))])
      await this.draw([...flow.push([span(text)]), ...flow.lines()])
    }
  }

  /** Writes text as it is, where nothing is drawn. */
  async raw(text: string): Promise<void> {
    await this.#output.write(text)
  }

  /** The last of the lines that the terminal has room for. */
  #fitting(live: readonly Line[]): readonly Line[] {
    const { columns, rows } = this.size
    let left = Math.max(1, rows - 1)
    let from = live.length
    while (from > 0) {
      left -= Math.max(1, Math.ceil(columnsOf(live[from - 1]!) / columns))
      if (left < 0 && from < live.length) break
      from--
    }
    return live.slice(from)
  }
}
