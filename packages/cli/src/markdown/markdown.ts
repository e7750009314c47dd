// Markdown as lines of a terminal, while it comes. Lines that can change no more are given out once; the others are few, and drawn anew. How the
// text was cut into pieces leaves no trace.

import { printable } from '../errors.js'
import { type Line, LOOK, type Span, span } from '../terminal/spans.js'
import { Flow } from '../terminal/wrap.js'
import { CODE, Inline } from './inline.js'
import { type Block, type Container, indentOf, readLine } from './lines.js'
import { cellsOf, rawRow, sidesOf, Table } from './table.js'

/** Where the text is shown. */
export interface Page {
  readonly columns: number
  readonly rows: number
  /** Whether looks can be shown; without them, marks stay that mean something. */
  readonly styled: boolean
}

/** Rows of the terminal that text in the making leaves free. */
const FREE_ROWS = 4
const TAB = '    '
const RULE_COLUMNS = 40
const BULLETS = ['•', '◦', '▪']
const QUOTE = span('│ ', LOOK.dim)

type Leaf =
  | { readonly kind: 'text'; inline: Inline; readonly flow: Flow; readonly look: number; tail: string }
  | { readonly kind: 'fence'; readonly mark: string; readonly strip: number; readonly prefix: Line }
  | { readonly kind: 'formula'; readonly closing: string; readonly prefix: Line }
  | { readonly kind: 'header'; readonly line: string; readonly first: Line; readonly rest: Line }
  | { readonly kind: 'table'; readonly table: Table; readonly first: Line; readonly rest: Line; given: boolean }

/** Text without anything that acts on a terminal: control characters are shown, tabs are spaces. */
export const visible = (text: string): string =>
  text
    .replaceAll('\t', TAB)
    .split('\n')
    .map((line) => printable(line))
    .join('\n')

/** A Markdown text that grows. */
export class Markdown {
  #page: Page
  #done: Line[] = []
  #containers: Container[] = []
  /** Items whose mark is still to be shown. */
  readonly #marks = new Set<Container>()
  #leaf: Leaf | null = null
  /** The beginning of a line that is not understood yet; `null` in the rest of a line of text. */
  #line: string | null = ''
  #return = false
  #blank = false
  #begun = false

  constructor(page: Page) {
    this.#page = page
  }

  /** Takes more text. @returns lines that can change no more */
  push(text: string): Line[] {
    let rest = (this.#return ? '\r' : '') + text
    this.#return = rest.endsWith('\r')
    if (this.#return) rest = rest.slice(0, -1)
    for (rest = visible(rest.replaceAll('\r\n', '\n')); rest !== ''; ) {
      const end = rest.indexOf('\n')
      this.#take(end < 0 ? rest : rest.slice(0, end), end >= 0)
      rest = end < 0 ? '' : rest.slice(end + 1)
    }
    return this.#given()
  }

  /** The lines that may still change, as they look now. */
  live(): Line[] {
    const leaf = this.#leaf
    const line = this.#line ?? ''
    switch (leaf?.kind) {
      case 'text':
        return leaf.flow.lines(leaf.inline.rest())
      case 'fence':
        return line === '' || line.trim().startsWith(leaf.mark[0]!)
          ? []
          : [[...leaf.prefix, span(stripped(line, leaf.strip), CODE)]]
      case 'formula':
        return line === '' ? [] : [[...leaf.prefix, span(line)]]
      case 'header':
        return [[...leaf.first, ...rawRow(leaf.line, this.#room(leaf.rest))]]
      case 'table':
        return prefixed(leaf.table.lines(), leaf)
      default:
        return line.trimStart().startsWith('|') ? [rawRow(line, this.#page.columns)] : []
    }
  }

  /** The text ends here. @returns all the rest */
  end(): Line[] {
    if (this.#return) this.#take(printable('\r'), false)
    if (this.#line !== null && this.#line !== '') this.#take('', true)
    this.#close()
    return this.#given()
  }

  /** Goes on with another size. */
  resize(page: Page): void {
    this.#page = page
    if (this.#leaf?.kind === 'text') this.#leaf.flow.width = page.columns
    if (this.#leaf?.kind === 'table') this.#leaf.table.room = this.#room(this.#leaf.rest)
  }

  #given(): Line[] {
    const done = this.#done
    this.#done = []
    return done
  }

  #take(part: string, complete: boolean): void {
    if (this.#line === null) this.#text(part)
    else {
      this.#line += part
      this.#begin(this.#line, complete)
    }
    if (!complete) return
    // Emphasis does not go on over the end of a line.
    if (this.#leaf?.kind === 'text') this.#settle(this.#leaf, this.#leaf.inline.end())
    if (this.#leaf?.kind === 'text') this.#leaf.inline = this.#inline(this.#leaf.look)
    this.#line = ''
  }

  /** Understands the beginning of a line, or waits for more of it. */
  #begin(line: string, complete: boolean): void {
    const leaf = this.#leaf
    if ((leaf?.kind === 'fence' || leaf?.kind === 'formula') && this.#quoted(line)) {
      if (complete) this.#verbatim(leaf, this.#unquoted(line))
      return
    }
    const read = readLine(line, this.#containers, leaf?.kind === 'text' && leaf.look === LOOK.plain, complete)
    if (read === null) return
    const { matched, opened } = read
    const block: Block = read.block.kind === 'blank' && opened.length > 0 ? { kind: 'text', text: '' } : read.block
    const inside = matched === this.#containers.length
    const text = block.kind === 'text' && opened.length === 0 && leaf?.kind === 'text' && leaf.look === LOOK.plain
    if (text) {
      // Also a line that was not indented as its item asks for.
      this.#settle(leaf, [span('\n')])
    } else if (
      inside &&
      opened.length === 0 &&
      block.kind === 'row' &&
      (leaf?.kind === 'header' || leaf?.kind === 'table')
    ) {
      this.#row(leaf, block.text)
      return
    } else {
      this.#close()
      // After an empty line the next one says what it belongs to.
      if (block.kind !== 'blank') {
        this.#space(matched)
        this.#containers.length = matched
      }
      for (const container of opened) {
        this.#containers.push(container)
        if (container.kind === 'item') this.#marks.add(container)
      }
    }
    this.#open(block)
  }

  #open(block: Block): void {
    switch (block.kind) {
      case 'blank':
        this.#blank = this.#begun
        break
      case 'text':
        if (this.#leaf === null) this.#leaf = this.#textLeaf(LOOK.plain)
        this.#text(block.text)
        this.#line = null
        break
      case 'heading':
        this.#leaf = this.#textLeaf(
          LOOK.bold | (block.level < 3 ? LOOK.cyan : 0) | (block.level === 1 ? LOOK.underline : 0),
        )
        if (!this.#page.styled) this.#text(`${'#'.repeat(block.level)} `)
        this.#text(block.text)
        this.#line = null
        break
      case 'rule': {
        const { first, rest } = this.#prefix()
        this.#give([...first, span('─'.repeat(Math.max(3, Math.min(RULE_COLUMNS, this.#room(rest)))), LOOK.dim)])
        break
      }
      case 'fence': {
        const { first, rest } = this.#prefix()
        const label = block.label === '' ? '' : ` ${block.label} ─`
        this.#give([...first, span(`──${label}─`, LOOK.dim)])
        const outside = this.#containers.reduce((sum, each) => sum + (each.kind === 'item' ? each.content : 0), 0)
        this.#leaf = { kind: 'fence', mark: block.mark, strip: outside + block.indent, prefix: rest }
        break
      }
      case 'formula': {
        const { first, rest } = this.#prefix()
        this.#give([...first, span(block.text)])
        this.#leaf = { kind: 'formula', closing: block.closing, prefix: rest }
        break
      }
      case 'indented': {
        const { first } = this.#prefix()
        this.#give([...first, span(TAB), span(block.text, CODE)])
        break
      }
      case 'row':
        this.#leaf = { kind: 'header', line: block.text, ...this.#prefix() }
        break
    }
  }

  /** More of the line of a paragraph or heading. */
  #text(part: string): void {
    const leaf = this.#leaf
    if (leaf?.kind !== 'text') return
    let text = leaf.tail + part
    leaf.tail = ''
    if (leaf.look !== LOOK.plain) {
      // Number signs at the end of a heading are no part of it.
      const end = /( +#* *)$/.exec(text)
      if (end !== null) {
        leaf.tail = end[0]
        text = text.slice(0, end.index)
      }
    }
    this.#settle(leaf, leaf.inline.push(text))
  }

  #settle(leaf: Leaf & { readonly kind: 'text' }, spans: readonly Span[]): void {
    for (const line of leaf.flow.push(spans)) this.#give(line)
  }

  #row(leaf: Leaf & { readonly kind: 'header' | 'table' }, text: string): void {
    if (leaf.kind === 'header') {
      const header = cellsOf(leaf.line)
      const sides = sidesOf(text, header.length)
      if (sides === null) {
        this.#close()
        this.#leaf = { kind: 'header', line: text, ...this.#prefix() }
        return
      }
      const table = new Table(header, sides, this.#room(leaf.rest), !this.#page.styled)
      this.#leaf = { kind: 'table', table, first: leaf.first, rest: leaf.rest, given: false }
      return
    }
    leaf.table.push(cellsOf(text))
    // What would be higher than the terminal cannot be drawn again.
    if (leaf.given || leaf.table.lines().length > this.#page.rows - FREE_ROWS) this.#giveTable(leaf)
  }

  #giveTable(leaf: Leaf & { readonly kind: 'table' }): void {
    for (const line of prefixed(leaf.table.give(), leaf)) this.#give(line)
    leaf.given = true
  }

  #verbatim(leaf: Leaf & { readonly kind: 'fence' | 'formula' }, line: string): void {
    if (leaf.kind === 'formula') {
      this.#give([...leaf.prefix, span(line)])
      if (line.includes(leaf.closing)) this.#leaf = null
      return
    }
    const text = stripped(line, leaf.strip)
    const closing = text.trim()
    const ends = closing.length >= leaf.mark.length && closing === leaf.mark[0]!.repeat(closing.length)
    if (ends && indentOf(text) < 4) this.#close()
    else this.#give([...leaf.prefix, span(text, CODE)])
  }

  /** Ends the open block. */
  #close(): void {
    const leaf = this.#leaf
    this.#leaf = null
    if (leaf?.kind === 'text') {
      this.#settle(leaf, leaf.inline.end())
      for (const line of leaf.flow.lines()) this.#give(line)
    } else if (leaf?.kind === 'fence') this.#give([...leaf.prefix, span('───', LOOK.dim)])
    else if (leaf?.kind === 'table') {
      for (const line of prefixed(leaf.table.lines(), leaf)) this.#give(line)
    } else if (leaf?.kind === 'header') {
      const inline = this.#inline(LOOK.plain)
      const flow = new Flow(this.#page.columns, leaf.first, leaf.rest)
      const lines = flow.push([...inline.push(leaf.line), ...inline.end()])
      for (const line of [...lines, ...flow.lines()]) this.#give(line)
    }
  }

  /** An empty line before a block, if the text has one there. */
  #space(matched: number): void {
    if (this.#blank) {
      const quotes = this.#containers.slice(0, matched).filter(({ kind }) => kind === 'quote')
      this.#give(quotes.map(() => QUOTE))
    }
    this.#blank = false
  }

  #give(line: Line): void {
    this.#begun = true
    this.#done.push(line)
  }

  /** What stands before the first line of a block, and before its others. */
  #prefix(): { first: Line; rest: Line } {
    const first: Span[] = []
    const rest: Span[] = []
    let depth = 0
    for (const container of this.#containers) {
      if (container.kind === 'quote') {
        first.push(QUOTE)
        rest.push(QUOTE)
        continue
      }
      const { mark, task } = container
      const sign = /\d/.test(mark) ? mark : BULLETS[Math.min(depth, BULLETS.length - 1)]!
      const box = task === null ? '' : task ? '[x] ' : '[ ] '
      const shown = `${sign} ${box}`
      const space = span(' '.repeat(sign.length + 1))
      first.push(
        this.#marks.delete(container) ? span(shown, task === null && sign === mark ? LOOK.plain : LOOK.cyan) : space,
      )
      rest.push(space)
      depth++
    }
    return { first, rest }
  }

  #textLeaf(look: number): Leaf & { readonly kind: 'text' } {
    const { first, rest } = this.#prefix()
    const flow = new Flow(this.#page.columns, first, rest)
    return { kind: 'text', inline: this.#inline(look), flow, look, tail: '' }
  }

  /** What is not certain yet always has room on the terminal. */
  #inline(look: number): Inline {
    const { columns, rows, styled } = this.#page
    const reach = Math.max(16, Math.floor((columns * Math.max(1, rows - FREE_ROWS)) / 4))
    return new Inline(reach, look, !styled)
  }

  #room(prefix: Line): number {
    return this.#page.columns - prefix.reduce((sum, { text }) => sum + text.length, 0)
  }

  /** Whether a line stands in all open quotations. */
  #quoted(line: string): boolean {
    let rest = line
    for (const { kind } of this.#containers) {
      if (kind !== 'quote') continue
      const mark = /^ *> ?/.exec(rest)
      if (mark === null) return false
      rest = rest.slice(mark[0].length)
    }
    return true
  }

  #unquoted(line: string): string {
    const quotes = this.#containers.filter(({ kind }) => kind === 'quote').length
    return line.replace(new RegExp(`^( *> ?){${quotes}}`), '')
  }
}

function prefixed(
  lines: readonly Line[],
  { first, rest, given = false }: { first: Line; rest: Line; given?: boolean },
): Line[] {
  return lines.map((line, i) => [...(i === 0 && !given ? first : rest), ...line])
}

const stripped = (line: string, spaces: number) => line.slice(Math.min(indentOf(line), spaces))
