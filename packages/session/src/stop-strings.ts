// Stop strings over streamed text. Text that might be the beginning of one is held back until it is decided.

/**
 * Watches text for stop strings that may straddle pieces. One automaton per string (Knuth, Morris, Pratt), so the cost is
 * linear in the text; a match is decided at the first character that completes any string, however the text was cut.
 */
export class StopStrings {
  readonly #patterns: readonly Pattern[]
  #held = ''

  constructor(strings: readonly string[]) {
    this.#patterns = strings.map((text) => ({ text, fallback: fallbacks(text), matched: 0 }))
  }

  /** Takes more text; returns what may be shown now, and the stop string when one was completed (the rest is dropped). */
  push(text: string): { text: string; matched: string | null } {
    for (let i = 0; i < text.length; i++) {
      const found = this.#step(text.charCodeAt(i))
      if (found !== null) {
        const seen = this.#held + text.slice(0, i + 1)
        this.#held = ''
        return { text: seen.slice(0, seen.length - found.length), matched: found }
      }
    }
    const seen = this.#held + text
    const open = this.#patterns.reduce((most, { matched }) => Math.max(most, matched), 0)
    this.#held = seen.slice(seen.length - open)
    return { text: seen.slice(0, seen.length - open), matched: null }
  }

  /** The end came without a match: gives back what was held. */
  flush(): string {
    const held = this.#held
    this.#held = ''
    for (const pattern of this.#patterns) pattern.matched = 0
    return held
  }

  /** Feeds one UTF-16 unit to all automata; the longest string it completes, if any. */
  #step(unit: number): string | null {
    let found: string | null = null
    for (const pattern of this.#patterns) {
      while (pattern.matched > 0 && pattern.text.charCodeAt(pattern.matched) !== unit) {
        pattern.matched = pattern.fallback[pattern.matched - 1]!
      }
      if (pattern.text.charCodeAt(pattern.matched) === unit) pattern.matched++
      if (pattern.matched < pattern.text.length) continue
      if (found === null || pattern.text.length > found.length) found = pattern.text
    }
    if (found !== null) for (const pattern of this.#patterns) pattern.matched = 0
    return found
  }
}

interface Pattern {
  readonly text: string
  /** For each matched length - 1: the length of the longest shorter prefix that is also a suffix. */
  readonly fallback: readonly number[]
  matched: number
}

function fallbacks(text: string): number[] {
  const table = [0]
  for (let i = 1; i < text.length; i++) {
    let length = table[i - 1]!
    while (length > 0 && text[i] !== text[length]) length = table[length - 1]!
    table.push(text[i] === text[length] ? length + 1 : 0)
  }
  return table
}
