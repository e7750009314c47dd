// A text being written: what it says, where the cursor is, and what keys do to it. A cursor never stands inside what is drawn as one character.

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const MAX_UNDO = 200

/** A text with a cursor. */
export class Draft {
  #text = ''
  #cursor = 0
  #killed = ''
  #undo: { text: string; cursor: number }[] = []

  /** What it says. */
  get text(): string {
    return this.#text
  }

  /** Where the cursor is, in UTF-16 units. */
  get cursor(): number {
    return this.#cursor
  }

  /** Puts another text in its place, with the cursor at the end or at `cursor`. */
  replace(text: string, cursor: number = text.length): void {
    this.#keep()
    this.#text = text
    this.#cursor = cursor
  }

  /** Writes at the cursor. */
  insert(text: string): void {
    this.#change(this.#cursor, this.#cursor, text)
  }

  /** One character back. */
  left(): void {
    this.#cursor = this.#before(this.#cursor)
  }

  /** One character on. */
  right(): void {
    this.#cursor = this.#behind(this.#cursor)
  }

  /** To the beginning of the word. */
  wordLeft(): void {
    this.#cursor = this.#wordStart()
  }

  /** To the end of the word. */
  wordRight(): void {
    this.#cursor = this.#wordEnd()
  }

  /** To the beginning of the line. */
  home(): void {
    this.#cursor = this.#lineStart(this.#cursor)
  }

  /** To the end of the line. */
  end(): void {
    this.#cursor = this.#lineEnd(this.#cursor)
  }

  /** A line up. @returns whether there is one */
  up(): boolean {
    const start = this.#lineStart(this.#cursor)
    if (start === 0) return false
    this.#goTo(this.#lineStart(start - 1), this.#cursor - start)
    return true
  }

  /** A line down. @returns whether there is one */
  down(): boolean {
    const end = this.#lineEnd(this.#cursor)
    if (end === this.#text.length) return false
    this.#goTo(end + 1, this.#cursor - this.#lineStart(this.#cursor))
    return true
  }

  /** Takes the character before the cursor away. */
  backspace(): void {
    this.#change(this.#before(this.#cursor), this.#cursor, '')
  }

  /** Takes the character at the cursor away. */
  delete(): void {
    this.#change(this.#cursor, this.#behind(this.#cursor), '')
  }

  /** Takes the rest of the line away, or the line break at its end. */
  killToEnd(): void {
    const end = this.#lineEnd(this.#cursor)
    this.#kill(this.#cursor, end === this.#cursor ? Math.min(end + 1, this.#text.length) : end)
  }

  /** Takes the line before the cursor away. */
  killToStart(): void {
    this.#kill(this.#lineStart(this.#cursor), this.#cursor)
  }

  /** Takes the word before the cursor away. */
  killWordLeft(): void {
    this.#kill(this.#wordStart(), this.#cursor)
  }

  /** Takes the word behind the cursor away. */
  killWordRight(): void {
    this.#kill(this.#cursor, this.#wordEnd())
  }

  /** Writes what was taken away last. */
  yank(): void {
    this.insert(this.#killed)
  }

  /** Takes the last change back. */
  undo(): void {
    const before = this.#undo.pop()
    if (before === undefined) return
    this.#text = before.text
    this.#cursor = before.cursor
  }

  #keep(): void {
    this.#undo.push({ text: this.#text, cursor: this.#cursor })
    if (this.#undo.length > MAX_UNDO) this.#undo.shift()
  }

  #change(from: number, to: number, text: string): void {
    if (from === to && text === '') return
    this.#keep()
    this.#text = this.#text.slice(0, from) + text + this.#text.slice(to)
    this.#cursor = from + text.length
  }

  #kill(from: number, to: number): void {
    if (from === to) return
    this.#killed = this.#text.slice(from, to)
    this.#change(from, to, '')
  }

  #lineStart(at: number): number {
    return this.#text.lastIndexOf('\n', at - 1) + 1
  }

  #lineEnd(at: number): number {
    const end = this.#text.indexOf('\n', at)
    return end < 0 ? this.#text.length : end
  }

  #before(at: number): number {
    const start = this.#lineStart(at)
    if (at === start) return Math.max(0, at - 1)
    let last = start
    for (const { index } of segmenter.segment(this.#text.slice(start, at))) last = start + index
    return last
  }

  #behind(at: number): number {
    if (this.#text[at] === '\n') return at + 1
    const [first] = segmenter.segment(this.#text.slice(at, this.#lineEnd(at)))
    return at + (first?.segment.length ?? 0)
  }

  /** The character so many units into the line, or its end. */
  #goTo(start: number, units: number): void {
    const end = this.#lineEnd(start)
    let at = start
    for (const { index } of segmenter.segment(this.#text.slice(start, end))) if (index <= units) at = start + index
    this.#cursor = units >= end - start ? end : at
  }

  #wordStart(): number {
    const before = this.#text.slice(0, this.#cursor)
    return before.length - (/[\p{L}\p{N}\p{M}]*[^\p{L}\p{N}\p{M}]*$/u.exec(before)?.[0].length ?? 0)
  }

  #wordEnd(): number {
    const behind = this.#text.slice(this.#cursor)
    return this.#cursor + (/^[^\p{L}\p{N}\p{M}]*[\p{L}\p{N}\p{M}]*/u.exec(behind)?.[0].length ?? 0)
  }
}
