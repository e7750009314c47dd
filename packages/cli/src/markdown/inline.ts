// Emphasis, code and links within a block, found as the text comes. The rules are CommonMark's (https://spec.commonmark.org/0.31.2/#inlines) with its
// delimiter stack, and GFM's strikethrough; formulas between $ or \( \) stand as they are written, and a line break is a line break.
//
// Whatever is decided depends on the text alone and not on the pieces that it came in: an opener that finds no end within `reach` characters is
// an ordinary character.

import { LOOK, type Span, span } from '../terminal/spans.js'

/** Looks of what a text means. */
export const CODE = LOOK.cyan
const LINK = LOOK.underline
const ADDRESS = LOOK.dim

interface Piece {
  text: string
  look: number
}

interface Opener {
  readonly mark: string
  readonly run: number
  /** How many of its characters are not used yet. */
  left: number
  readonly closes: boolean
  readonly piece: number
  readonly at: number
}

interface Found {
  readonly pieces: readonly Piece[]
  readonly length: number
}

const ESCAPABLE = /[!"#$%&'*+,\-./:;<=>?@^_`{|}~\\]/
const PLAIN_RUN = /[^\\`*_~[!<$h\n]+/y
const ADDRESS_START = /https?:\/\/[^\s<>]/y
const SPACE = /\s/u
const PUNCTUATION = /[\p{P}\p{S}]/u

/** The text of one block as it comes. */
export class Inline {
  readonly #reach: number
  readonly #base: number
  readonly #plain: boolean
  #text = ''
  /** How far {@link #text} is understood. */
  #next = 0
  /** Where {@link #text} begins in the whole block. */
  #offset = 0
  /** The character before what is looked at. */
  #before = ''
  #pieces: Piece[] = []
  #openers: Opener[] = []

  /** @param look of everything in it, @param plain whether marks stay where looks cannot be shown */
  constructor(reach: number, look: number = LOOK.plain, plain = false) {
    this.#reach = reach
    this.#base = look
    this.#plain = plain
  }

  /** Takes more text. @returns what is certain now */
  push(text: string): Span[] {
    this.#text += text
    this.#scan(false)
    return this.#settled()
  }

  /** How the rest looks so far: open emphasis is taken for one that will be closed. */
  rest(): Span[] {
    const pieces = this.#pieces.map((piece) => ({ ...piece }))
    for (const { mark, left, piece } of this.#openers) {
      if (mark === '~' && left > 2) continue
      const look = lookOf(mark, left)
      pieces[piece]!.text = ''
      for (const each of pieces.slice(piece + 1)) each.look |= look
    }
    const tail = this.#text.slice(this.#next)
    const look = this.#openers.reduce((sum, { mark, left }) => sum | lookOf(mark, left), 0)
    // Marks whose meaning the next character tells are not shown yet.
    if (!/^(\*+|_+|~+|\\)$/.test(tail)) pieces.push({ text: tail, look })
    return this.#spans(pieces)
  }

  /** The block ends here. @returns all the rest */
  end(): Span[] {
    this.#scan(true)
    this.#openers = []
    const spans = this.#spans(this.#pieces)
    this.#pieces = []
    return spans
  }

  #spans(pieces: readonly Piece[]): Span[] {
    return pieces.filter(({ text }) => text !== '').map(({ text, look }) => span(text, look | this.#base))
  }

  /** Everything before the first opener that may still find its end. */
  #settled(): Span[] {
    const settled = this.#openers[0]?.piece ?? this.#pieces.length
    const spans = this.#spans(this.#pieces.slice(0, settled))
    this.#pieces.splice(0, settled)
    this.#openers = this.#openers.map((opener) => ({ ...opener, piece: opener.piece - settled }))
    this.#before = this.#text[this.#next - 1] ?? this.#before
    this.#offset += this.#next
    this.#text = this.#text.slice(this.#next)
    this.#next = 0
    return spans
  }

  #scan(final: boolean): void {
    while (this.#next < this.#text.length) {
      const at = this.#offset + this.#next
      this.#openers = this.#openers.filter((opener) => at - opener.at <= this.#reach)
      const length = this.#step(final)
      if (length === null) return
      this.#next += length
    }
  }

  /** Understands what comes next. @returns its length; `null` when more text has to come first */
  #step(final: boolean): number | null {
    const text = this.#text
    const start = this.#next
    PLAIN_RUN.lastIndex = start
    const run = PLAIN_RUN.exec(text)?.[0]
    if (run !== undefined) return this.#say(run)
    const char = text[start]!
    const follower = text[start + 1]
    switch (char) {
      case '\\':
        if (follower === undefined) return final ? this.#say(char) : null
        if (follower === '(' || follower === '[') {
          return this.#verbatim(start, `\\${follower === '(' ? ')' : ']'}`, 2, final)
        }
        if (follower === '\n' || !ESCAPABLE.test(follower)) return this.#say(char)
        this.#say(follower)
        return 2
      case '`':
        return this.#code(start, final)
      case '$':
        return this.#formula(start, final)
      case '*':
      case '_':
      case '~':
        return this.#marks(start, char, final)
      case '!':
        if (follower === undefined && !final) return null
        return follower === '[' ? this.#link(start + 1, final, 'image: ') : this.#say(char)
      case '[':
        return this.#link(start, final)
      case '<':
        return this.#tag(start, final)
      case 'h':
        return this.#address(start, final)
      default:
        return this.#say(char)
    }
  }

  #say(text: string, look: number = LOOK.plain): number {
    this.#pieces.push({ text, look })
    return text.length
  }

  /** Text that has not found its end: an ordinary character once the end would come too late. */
  #unless(start: number, final: boolean, ordinary: string): number | null {
    if (!final && this.#text.length - start <= this.#reach) return null
    return this.#say(ordinary)
  }

  #code(start: number, final: boolean): number | null {
    const marks = /^`+/.exec(this.#text.slice(start))![0]
    if (start + marks.length === this.#text.length && !final) return null
    const end = this.#endOfRun(start + marks.length, marks, final)
    if (end === null) return this.#unless(start, final, marks)
    let code = this.#text.slice(start + marks.length, end).replaceAll('\n', ' ')
    if (/^ .*\S.* $/.test(code)) code = code.slice(1, -1)
    this.#say(this.#plain ? `${marks}${code}${marks}` : code, CODE)
    return end + marks.length - start
  }

  /** Where a run of exactly these marks stands within reach; `null` while it is not known, or if there is none. */
  #endOfRun(from: number, marks: string, final: boolean): number | null {
    for (let at = this.#text.indexOf('`', from); at >= 0 && at - from <= this.#reach; ) {
      let end = at
      while (this.#text[end] === '`') end++
      if (end === this.#text.length && !final) return null
      if (end - at === marks.length) return at
      at = this.#text.indexOf('`', end)
    }
    return null
  }

  #verbatim(start: number, closing: string, opening: number, final: boolean): number | null {
    const end = this.#text.indexOf(closing, start + opening)
    if (end < 0 || end - start > this.#reach)
      return this.#unless(start, final, this.#text.slice(start, start + opening))
    return this.#say(this.#text.slice(start, end + closing.length))
  }

  /** As in pandoc: no space inside the dollars, and no digit behind the second. */
  #formula(start: number, final: boolean): number | null {
    const text = this.#text
    if (text[start + 1] === undefined && !final) return null
    if (text[start + 1] === '$') return this.#verbatim(start, '$$', 2, final)
    if (text[start + 1] === undefined || SPACE.test(text[start + 1]!)) return this.#say('$')
    for (let at = start + 1; at < text.length && at - start <= this.#reach && text[at] !== '\n'; at++) {
      if (text[at] !== '$') continue
      if (at + 1 === text.length && !final) return null
      if (!SPACE.test(text[at - 1]!) && !/[0-9]/.test(text[at + 1] ?? '')) return this.#say(text.slice(start, at + 1))
    }
    const line = text.indexOf('\n', start)
    return line >= 0 ? this.#say('$') : this.#unless(start, final, '$')
  }

  #marks(start: number, mark: string, final: boolean): number | null {
    let end = start
    while (this.#text[end] === mark) end++
    if (end === this.#text.length && !final) return null
    const run = end - start
    const before = start > 0 ? this.#text[start - 1]! : this.#before
    const next = String.fromCodePoint(this.#text.codePointAt(end) ?? 32)
    const [spaceBefore, spaceAfter] = [before === '' || SPACE.test(before), SPACE.test(next)]
    const [markBefore, markAfter] = [PUNCTUATION.test(before), PUNCTUATION.test(next)]
    const left = !spaceAfter && (!markAfter || spaceBefore || markBefore)
    const right = !spaceBefore && (!markBefore || spaceAfter || markAfter)
    const opens = left && (mark !== '_' || !right || markBefore)
    const closes = right && (mark !== '_' || !left || markAfter)
    let rest = mark === '~' && run > 2 ? 0 : run
    if (rest === 0 || !(opens || closes)) return this.#say(mark.repeat(run))
    while (closes && rest > 0) {
      const used = this.#close(mark, run, rest, opens)
      if (used === 0) break
      rest -= used
    }
    if (rest === 0) return run
    if (opens) {
      this.#openers.push({
        ...{ mark, run, left: rest, closes },
        piece: this.#pieces.length,
        at: this.#offset + start,
      })
    }
    this.#say(mark.repeat(rest))
    return run
  }

  /** Ends the nearest emphasis that such a run can end. @returns how many of its characters that takes */
  #close(mark: string, run: number, rest: number, opens: boolean): number {
    for (let i = this.#openers.length - 1; i >= 0; i--) {
      const opener = this.#openers[i]!
      if (opener.mark !== mark) continue
      if (mark === '~' && opener.left !== rest) continue
      // CommonMark's rule of three: in a***b**c the marks are not one emphasis.
      const both = opener.closes || opens
      if (both && (opener.run + run) % 3 === 0 && !(opener.run % 3 === 0 && run % 3 === 0)) continue
      const used = mark === '~' ? rest : opener.left >= 2 && rest >= 2 ? 2 : 1
      const look = lookOf(mark, used)
      for (const piece of this.#pieces.slice(opener.piece + 1)) piece.look |= look
      opener.left -= used
      this.#pieces[opener.piece]!.text = mark.repeat(opener.left)
      // Openers between them have found no end.
      this.#openers.length = opener.left === 0 ? i : i + 1
      return used
    }
    return 0
  }

  #link(start: number, final: boolean, label = ''): number | null {
    const image = label === '' ? 0 : 1
    const found = this.#linkAt(start)
    if (found === 'open') return this.#unless(start, final, image ? '![' : '[')
    if (found === null) return this.#say(image ? '![' : '[')
    if (label !== '') this.#say(label, ADDRESS)
    this.#pieces.push(...found.pieces)
    return found.length + image
  }

  /** A link `[text](address)`; `null` when it is none, `open` while that is not known. */
  #linkAt(start: number): Found | 'open' | null {
    const text = this.#text
    let depth = 0
    let close = start
    for (; close < text.length && close - start <= this.#reach; close++) {
      if (text[close] === '\\') close++
      else if (text[close] === '[') depth++
      else if (text[close] === ']' && --depth === 0) break
    }
    if (close - start > this.#reach) return null
    if (close >= text.length || close + 1 === text.length) return 'open'
    if (text[close + 1] !== '(') return null
    let end = close + 2
    for (depth = 1; end < text.length && end - start <= this.#reach; end++) {
      if (text[end] === '\n') return null
      if (text[end] === '(') depth++
      else if (text[end] === ')' && --depth === 0) break
    }
    if (end - start > this.#reach) return null
    if (end >= text.length) return 'open'
    const said = text.slice(start + 1, close)
    const address = /^\s*<?(.*?)>?(?:\s+["'(].*)?\s*$/.exec(text.slice(close + 2, end))![1]!
    const inner = new Inline(this.#reach, LOOK.plain, this.#plain)
    const pieces: Piece[] = [...inner.push(said), ...inner.end()].map((each) => ({ ...each, look: each.look | LINK }))
    if (address !== '' && address !== said) pieces.push({ text: ` (${address})`, look: ADDRESS })
    return { pieces, length: end + 1 - start }
  }

  /** `<https://…>` is a link, `<br>` a line break, and everything else in angle brackets is text. */
  #tag(start: number, final: boolean): number | null {
    const rest = this.#text.slice(start, start + this.#reach)
    const link = /^<(https?:\/\/[^\s<>]*|[^\s<>@]+@[^\s<>@]+)>/.exec(rest)
    if (link !== null) {
      this.#say(link[1]!, LINK)
      return link[0].length
    }
    const line = /^<br ?\/?>/i.exec(rest)
    if (line !== null) {
      this.#say('\n')
      return line[0].length
    }
    const open = /^<[^\s<>]*( ?\/?)$/.test(rest) && rest.length < this.#reach
    return open && !final ? null : this.#say('<')
  }

  /** A bare address: its underscores and stars mean nothing. */
  #address(start: number, final: boolean): number | null {
    const text = this.#text
    ADDRESS_START.lastIndex = start
    if (!ADDRESS_START.test(text)) {
      const rest = text.slice(start)
      const open = 'https://'.startsWith(rest) || 'http://'.startsWith(rest) || rest === 'https://'
      return open && !final ? null : this.#say('h')
    }
    const found = /^[^\s<>]+/.exec(text.slice(start))![0]
    if (start + found.length === text.length && !final && found.length <= this.#reach) return null
    const address = found.slice(0, this.#reach).replace(/[?!.,:;*_~'"`)\]|]+$/, '')
    return this.#say(address, LINK)
  }
}

function lookOf(mark: string, count: number): number {
  if (mark === '~') return LOOK.strike
  return count >= 3 ? LOOK.bold | LOOK.italic : count === 2 ? LOOK.bold : LOOK.italic
}
