// Sets of Unicode code points as sorted ranges, and how a range is written in UTF-8. Surrogates are no characters and in no set.

/** First and last code point of a range, both included. */
export type Range = readonly [from: number, to: number]

/** Ranges in ascending order that neither overlap nor touch. */
export type CodePoints = readonly Range[]

const LAST = 0x10ffff

/** Every character. */
export const ALL: CodePoints = [
  [0, 0xd7ff],
  [0xe000, LAST],
]

/** A set of the characters of `text`. */
export function charactersOf(text: string): CodePoints {
  return union(Array.from(text, (character): Range => [character.codePointAt(0)!, character.codePointAt(0)!]))
}

/** Any ranges, in any order, as a set. */
export function union(ranges: readonly Range[]): CodePoints {
  const merged: [number, number][] = []
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return intersection(merged, ALL)
}

/** What is in both. */
export function intersection(a: CodePoints, b: CodePoints): CodePoints {
  const both: Range[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i]![0], b[j]![0])
    const to = Math.min(a[i]![1], b[j]![1])
    if (from <= to) both.push([from, to])
    if (a[i]![1] < b[j]![1]) i++
    else j++
  }
  return both
}

/** Every character that is not in the set. */
export function complement(set: CodePoints): CodePoints {
  const others: Range[] = []
  let next = 0
  for (const [from, to] of set) {
    if (from > next) others.push([next, from - 1])
    next = to + 1
  }
  if (next <= LAST) others.push([next, LAST])
  return intersection(others, ALL)
}

/** Every character for which `test` holds; looks at all of them. */
export function charactersWhere(test: (character: string) => boolean): CodePoints {
  const found: Range[] = []
  for (const [first, last] of ALL) {
    for (let point = first; point <= last; point++) if (test(String.fromCodePoint(point))) found.push([point, point])
  }
  return union(found)
}

/** Ends of the ranges that UTF-8 writes with 1, 2, 3 and 4 bytes. */
const LENGTH_ENDS = [0x7f, 0x7ff, 0xffff, LAST]

/**
 * The UTF-8 of a set: sequences of byte ranges, any byte of the first followed by any of the second and so on. Together they match exactly
 * the characters of the set.
 */
export function utf8Sequences(set: CodePoints): Range[][] {
  const sequences: Range[][] = []
  for (const [from, to] of set) {
    for (const [i, end] of LENGTH_ENDS.entries()) {
      const low = Math.max(from, i === 0 ? 0 : LENGTH_ENDS[i - 1]! + 1)
      const high = Math.min(to, end)
      if (low <= high) split(low, high, i, sequences)
    }
  }
  return sequences
}

/** Cuts a range of one length where a byte other than the last would not run over all of its values. */
function split(low: number, high: number, continuations: number, into: Range[][]): void {
  for (let i = 1; i <= continuations; i++) {
    const mask = (1 << (6 * i)) - 1
    if ((low & ~mask) === (high & ~mask)) continue
    if ((low & mask) !== 0) {
      split(low, low | mask, continuations, into)
      split((low | mask) + 1, high, continuations, into)
      return
    }
    if ((high & mask) !== mask) {
      split(low, (high & ~mask) - 1, continuations, into)
      split(high & ~mask, high, continuations, into)
      return
    }
  }
  const [first, last] = [utf8(low), utf8(high)]
  into.push(first.map((byte, i): Range => [byte, last[i]!]))
}

/** The bytes of one character. */
function utf8(point: number): number[] {
  if (point < 0x80) return [point]
  const bytes: number[] = []
  let lead = 0x3f
  let rest = point
  for (; rest > lead; rest >>= 6, lead >>= 1) bytes.unshift(0x80 | (rest & 0x3f))
  return [((~lead << 1) & 0xff) | rest, ...bytes]
}
