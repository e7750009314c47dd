// Unicode NFC as HF `tokenizers` does it, in linear time. Two things differ from the engine's own `normalize`: characters that are
// newer than that library's tables are left alone, so that ids do not depend on the age of the JavaScript engine; and long
// runs of combining marks are put in order here, because the engine does so by insertion, which is quadratic (80,000 pairs of
// two marks take seconds).

import { forEachRange } from './ranges.js'
import { marks, newerThanNfc } from './unicode-ranges.js'

/** Runs of at least this many marks are ordered here; shorter ones cost the engine nothing worth saving. */
const LONG_RUN = 64

/** No text of characters below this one changes. */
const FIRST_MARK = 0x300

/** A mark of the lowest combining class there is (1) and one of the highest (240): they tell marks from other characters. */
const LOWEST_CLASS = '\u0334'
const HIGHEST_CLASS = '\u0345'

// What a character may do to the text around it. The engine is asked about each character once; 0 is not asked yet.
const STABLE = 1
const CHANGES = 2
const JOINS = 3
const MARK = 4
const NEWER = 5
let kinds: Uint8Array | undefined

/**
 * Per code point: changes alone (a compatibility ideograph, say), may join what stands before it (vowels and final consonants of
 * Hangul; marks), or is newer than the pinned tables and joins nothing.
 */
function kindTable(): Uint8Array {
  if (kinds) return kinds
  const table = new Uint8Array(0x110000)
  forEachRange(marks, (first, end) => table.fill(MARK, first, end))
  forEachRange(newerThanNfc, (first, end) => table.fill(NEWER, first, end))
  table.fill(JOINS, 0x1161, 0x1176)
  table.fill(JOINS, 0x11a8, 0x11c3)
  table.fill(STABLE, 0, FIRST_MARK)
  kinds = table
  return table
}

function kindOf(table: Uint8Array, character: number): number {
  const known = table[character]!
  if (known !== 0) return known
  const text = String.fromCodePoint(character)
  const kind = text.normalize('NFC') === text ? STABLE : CHANGES
  table[character] = kind
  return kind
}

const widthOf = (character: number): number => (character > 0xffff ? 2 : 1)

/** `text` in normalization form C. Lone surrogates stay as they are. */
export function normalizeNfc(text: string): string {
  const start = firstThatMayChange(text)
  if (start < 0) return text
  const table = kindTable()
  let done = ''
  // Since the last newer character: what is in order already, and where the rest begins.
  let ordered = ''
  let from = 0
  let run = 0
  let runStart = 0
  for (let i = start, width = 1; i <= text.length; i += width) {
    const character = i < text.length ? text.codePointAt(i)! : 0
    const kind = table[character]!
    width = widthOf(character)
    if (kind === MARK) {
      if (run++ === 0) runStart = i
      continue
    }
    if (run >= LONG_RUN) {
      ordered += text.slice(from, runStart) + orderMarks(text.slice(runStart, i))
      from = i
    }
    run = 0
    if (kind === NEWER) {
      done += (ordered + text.slice(from, i)).normalize('NFC') + text.slice(i, i + width)
      ordered = ''
      from = i + width
    }
  }
  return done + (ordered + text.slice(from)).normalize('NFC')
}

function firstThatMayChange(text: string): number {
  let table: Uint8Array | undefined
  for (let i = 0; i < text.length; i++) {
    let character = text.charCodeAt(i)
    if (character < FIRST_MARK) continue
    table ??= kindTable()
    const start = i
    if (character >= 0xd800 && character < 0xdc00) {
      character = text.codePointAt(i)!
      i += widthOf(character) - 1
    }
    if (kindOf(table, character) !== STABLE) return start
  }
  return -1
}

/**
 * End of the cluster that begins at `start`: a character with the marks, or vowels and final consonants of Hangul, that follow it.
 * Normalizing a text and normalizing its clusters one by one give the same.
 */
export function clusterEnd(text: string, start: number): number {
  const table = kindTable()
  const first = text.codePointAt(start)!
  let at = start + widthOf(first)
  if (table[first] === NEWER) return at
  while (at < text.length) {
    const character = text.codePointAt(at)!
    const kind = table[character]!
    if (kind !== MARK && kind !== JOINS) break
    at += widthOf(character)
  }
  return at
}

/** Whether normalization may change the cluster `[start, end)` of `text`. */
export function clusterMayChange(text: string, start: number, end: number): boolean {
  const first = text.codePointAt(start)!
  if (end > start + widthOf(first)) return true
  const kind = first < FIRST_MARK ? STABLE : kindOf(kindTable(), first)
  return kind === CHANGES || kind === MARK
}

/** Canonical ordering of a run of marks: decomposed, and stably sorted by combining class between characters of class 0. */
function orderMarks(run: string): string {
  const decomposed = new Map<string, string>()
  let expanded = ''
  for (const mark of run) {
    let parts = decomposed.get(mark)
    if (parts === undefined) {
      parts = mark.normalize('NFD')
      decomposed.set(mark, parts)
    }
    expanded += parts
  }
  const ranks = combiningRanks(new Set(expanded))
  let ordered = ''
  let pending: string[][] = []
  const flush = (): void => {
    for (const marks of pending) if (marks) ordered += marks.join('')
    pending = []
  }
  for (const mark of expanded) {
    const rank = ranks.get(mark)
    if (rank === undefined) {
      flush()
      ordered += mark
    } else {
      pending[rank] ??= []
      pending[rank].push(mark)
    }
  }
  flush()
  return ordered
}

/**
 * Numbers the given marks by combining class; marks of equal class get equal numbers, and characters of class 0 none.
 * The classes themselves are not exposed to scripts, but normalization swaps two neighbours exactly when theirs are in
 * the wrong order.
 */
function combiningRanks(marks: Set<string>): Map<string, number> {
  const swapped = (a: string, b: string): boolean => (a + b).normalize('NFD') !== a + b
  const combining = [...marks].filter((mark) => swapped(mark, LOWEST_CLASS) || swapped(HIGHEST_CLASS, mark))
  combining.sort((a, b) => (swapped(a, b) ? 1 : swapped(b, a) ? -1 : 0))
  const ranks = new Map<string, number>()
  let rank = 0
  for (const [i, mark] of combining.entries()) {
    if (i > 0 && swapped(mark, combining[i - 1]!) !== swapped(combining[i - 1]!, mark)) rank++
    ranks.set(mark, rank)
  }
  return ranks
}
