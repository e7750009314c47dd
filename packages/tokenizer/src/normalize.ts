// Unicode NFC in linear time. The engine's own `normalize` puts combining marks in order by insertion, which is quadratic
// in the length of a run of marks (80,000 pairs of two marks take seconds), so long runs are put in order first.

/** Runs of at least this many marks are ordered here; shorter ones cost the engine nothing worth saving. */
const LONG_RUN = 64

const FIRST_MARK = 0x300
const longRuns = new RegExp(`\\p{M}{${LONG_RUN},}`, 'gu')

/** A mark of the lowest combining class there is (1) and one of the highest (240): they tell marks from other characters. */
const LOWEST_CLASS = '\u0334'
const HIGHEST_CLASS = '\u0345'

/** `text` in normalization form C, as `String.prototype.normalize` gives it. */
export function normalizeNfc(text: string): string {
  return (mayHoldMarks(text) ? text.replace(longRuns, orderMarks) : text).normalize('NFC')
}

function mayHoldMarks(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= FIRST_MARK) return true
  return false
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
