// The pre-tokenizer: cuts UTF-8 text into pieces that are encoded on their own. Written by hand because the regex it
// stands for backtracks, names Unicode classes that engines disagree on, and would be run for every character of a prompt.
// It reads ahead at most to the end of one run of equal class, so its cost is linear in the text.

import { forEachRange } from './ranges.js'
import { letters, marks, numbers, whiteSpace } from './unicode-ranges.js'

/** Name of a pre-tokenizer, as GGUF's `tokenizer.ggml.pre` spells it. */
export type PieceRules = 'qwen2' | 'qwen35'

/**
 * The split patterns that tokenizer.json may hold, and the rules each stands for. They are compared, never executed.
 * They differ in combining marks only: `qwen35` counts them as letters, `qwen2` as punctuation.
 *
 * Source: `PRETOKENIZE_REGEX` of HF transformers 5.18, `tokenization_qwen2.py` and `tokenization_qwen3_5.py`.
 */
export const knownPatterns: ReadonlyMap<string, PieceRules> = new Map([
  [
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    'qwen2',
  ],
  [
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    'qwen35',
  ],
])

const OTHER = 0
const LETTER = 1
const SPACE = 3

/** Class of a number: each is a piece of its own. */
export const NUMBER = 2
const NEWLINE = 4

const APOSTROPHE = 0x27
const BLANK = 0x20

const tables = new Map<PieceRules, Uint8Array>()

/** Class of every code point under `rules`; one byte each, built on first use. */
function classTable(rules: PieceRules): Uint8Array {
  const known = tables.get(rules)
  if (known) return known
  const table = new Uint8Array(0x110000)
  forEachRange(letters, (first, end) => table.fill(LETTER, first, end))
  if (rules === 'qwen35') forEachRange(marks, (first, end) => table.fill(LETTER, first, end))
  forEachRange(numbers, (first, end) => table.fill(NUMBER, first, end))
  forEachRange(whiteSpace, (first, end) => table.fill(SPACE, first, end))
  table[0x0a] = NEWLINE
  table[0x0d] = NEWLINE
  tables.set(rules, table)
  return table
}

/** Finds the pieces of valid UTF-8 text one after the other. */
export class PieceScanner {
  /** Class of each code point. */
  readonly classes: Uint8Array

  constructor(rules: PieceRules) {
    this.classes = classTable(rules)
  }

  /**
   * End of the piece that begins at `start`, which must be below `limit` and the start of a character.
   * The branches are the alternatives of the pattern; their order differs where two of them cannot match at the same place.
   */
  pieceEnd(bytes: Uint8Array, start: number, limit: number): number {
    const first = bytes[start]!
    const kind = this.classAt(bytes, start)
    const second = start + widthOf(first)
    if (kind === LETTER) return this.runEnd(bytes, second, limit, LETTER)
    if (kind === NUMBER) return second
    if (first === APOSTROPHE) {
      const end = contractionEnd(bytes, second, limit)
      if (end > 0) return end
    }
    const next = second < limit ? this.classAt(bytes, second) : NEWLINE
    // [^\r\n\p{L}\p{N}]?[letters]+
    if (next === LETTER && kind !== NEWLINE) {
      return this.runEnd(bytes, second + widthOf(bytes[second]!), limit, LETTER)
    }
    //  ?[^\s letters \p{N}]+[\r\n]*
    if (kind === OTHER || (first === BLANK && next === OTHER)) {
      return this.newlinesEnd(bytes, this.runEnd(bytes, second, limit, OTHER), limit)
    }
    return this.whiteSpaceEnd(bytes, start, limit)
  }

  /** `\s*[\r\n]+`, then `\s+(?!\S)`, then `\s+`, for a run of white space that begins at `start`. */
  private whiteSpaceEnd(bytes: Uint8Array, start: number, limit: number): number {
    let at = start
    let afterNewline = -1
    let last = start
    while (at < limit) {
      const kind = this.classAt(bytes, at)
      if (kind !== SPACE && kind !== NEWLINE) break
      last = at
      at += widthOf(bytes[at]!)
      if (kind === NEWLINE) afterNewline = at
    }
    if (afterNewline > 0) return afterNewline
    // The last space before other text joins that text, unless it is alone.
    return at === limit || last === start ? at : last
  }

  private newlinesEnd(bytes: Uint8Array, start: number, limit: number): number {
    let at = start
    while (at < limit && (bytes[at] === 0x0a || bytes[at] === 0x0d)) at++
    return at
  }

  private runEnd(bytes: Uint8Array, start: number, limit: number, kind: number): number {
    const { classes } = this
    let at = start
    for (;;) {
      // Nearly all text is runs of ASCII or of characters of three bytes.
      while (at < limit && bytes[at]! < 0x80)
        if (classes[bytes[at]!] === kind) at++
        else return at
      while (at < limit && (bytes[at]! & 0xf0) === 0xe0) {
        const character = ((bytes[at]! & 0x0f) << 12) | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f)
        if (classes[character] !== kind) return at
        at += 3
      }
      if (at >= limit) return at
      if (bytes[at]! < 0x80) continue
      if (this.classAt(bytes, at) !== kind) return at
      at += widthOf(bytes[at]!)
    }
  }

  /** Class of the character that begins at `at`. */
  private classAt(bytes: Uint8Array, at: number): number {
    const b = bytes[at]!
    if (b < 0x80) return this.classes[b]!
    if (b < 0xe0) return this.classes[((b & 0x1f) << 6) | (bytes[at + 1]! & 0x3f)]!
    const two = ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f)
    if (b < 0xf0) return this.classes[((b & 0x0f) << 12) | two]!
    return this.classes[((b & 0x07) << 18) | (two << 6) | (bytes[at + 3]! & 0x3f)]!
  }
}

/** Bytes of the UTF-8 character that begins with `first`. */
function widthOf(first: number): number {
  return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}

/**
 * End of `s`, `t`, `re`, `ve`, `m`, `ll` or `d`, in either case, at `at`; -1 when there is none.
 * Caseless matching takes U+017F (long s) for an s, as the regex engine of HF tokenizers does; llama.cpp does not.
 */
function contractionEnd(bytes: Uint8Array, at: number, limit: number): number {
  if (at >= limit) return -1
  const second = at + 1 < limit ? bytes[at + 1]! | 0x20 : 0
  switch (bytes[at]! | 0x20) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return at + 1
    case 0x72: // re
    case 0x76: // ve
      return second === 0x65 ? at + 2 : -1
    case 0x6c: // ll
      return second === 0x6c ? at + 2 : -1
    default:
      return bytes[at] === 0xc5 && bytes[at + 1] === 0xbf ? at + 2 : -1
  }
}
