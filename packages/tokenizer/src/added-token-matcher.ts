// The search for added tokens in a text.

import type { AddedToken } from './added-tokens.js'

/** A stretch of text; with `id`, it is the added token with that id. */
export interface Segment {
  readonly text: string
  readonly id?: number
}

const NONE = -1

/**
 * Finds the leftmost-longest occurrences of a set of strings in time linear in the text, however the strings overlap.
 *
 * An Aho-Corasick automaton of the reversed strings reads the text backwards; at each place it knows the longest string
 * that begins there, and a forward pass then takes the first one each time. (Reading forwards, the search would start over
 * after every long near-match.) Source: Aho and Corasick, "Efficient string matching", 1975.
 */
export class AddedTokenMatcher {
  /** Three numbers a slot: state, UTF-16 unit, next state; the state is {@link NONE} where the slot is empty. */
  private readonly edges: Int32Array
  private readonly mask: number
  /** Per state: where to go on when no edge fits. */
  private readonly fallback: Int32Array
  /** Per state: the longest string that ends (backwards) here, as an index into `tokens`, or {@link NONE}. */
  private readonly longest: Int32Array

  /** Where to go from the start for each ASCII unit: nearly all of a text leads back to the start. */
  private readonly fromStart = new Int32Array(128)

  constructor(private readonly tokens: readonly AddedToken[]) {
    const limit = 1 + tokens.reduce((sum, { content }) => sum + content.length, 0)
    const capacity = 2 ** Math.ceil(Math.log2(limit * 2))
    this.edges = new Int32Array(capacity * 3).fill(NONE)
    this.mask = capacity - 1
    this.fallback = new Int32Array(limit)
    this.longest = new Int32Array(limit).fill(NONE)
    this.build(limit)
  }

  private build(limit: number): void {
    const parents = new Int32Array(limit)
    const units = new Uint16Array(limit)
    const depths = new Int32Array(limit)
    let states = 1
    for (const [index, { content }] of this.tokens.entries()) {
      let state = 0
      for (let i = content.length - 1; i >= 0; i--) {
        const at = this.edgeOf(state, content.charCodeAt(i))
        if (this.edges[at] === NONE) {
          this.edges[at] = state
          this.edges[at + 1] = content.charCodeAt(i)
          this.edges[at + 2] = states
          parents[states] = state
          units[states] = content.charCodeAt(i)
          depths[states] = depths[state]! + 1
          states++
        }
        state = this.edges[at + 2]!
      }
      this.longest[state] = index
    }
    for (let unit = 0; unit < 128; unit++) {
      const at = this.edgeOf(0, unit)
      if (this.edges[at] !== NONE) this.fromStart[unit] = this.edges[at + 2]!
    }
    // A state falls back to a shallower one, so shallow states come first.
    const byDepth = new Int32Array(states)
    for (let state = 0; state < states; state++) byDepth[state] = state
    byDepth.sort((a, b) => depths[a]! - depths[b]!)
    for (const state of byDepth) {
      if (depths[state]! > 1) this.fallback[state] = this.step(this.fallback[parents[state]!]!, units[state]!)
      if (this.longest[state] === NONE) this.longest[state] = this.longest[this.fallback[state]!]!
    }
  }

  /** Slot of the edge from `state` for `unit`, or the empty slot where it would be. */
  private edgeOf(state: number, unit: number): number {
    const h = Math.imul(state, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b)
    let slot = (h ^ (h >>> 15)) & this.mask
    for (;;) {
      const at = slot * 3
      if (this.edges[at] === NONE || (this.edges[at] === state && this.edges[at + 1] === unit)) return at
      slot = (slot + 1) & this.mask
    }
  }

  private step(from: number, unit: number): number {
    let state = from
    for (;;) {
      const at = this.edgeOf(state, unit)
      if (this.edges[at] !== NONE) return this.edges[at + 2]!
      if (state === 0) return 0
      state = this.fallback[state]!
    }
  }

  /** Whether there is anything to find. */
  get any(): boolean {
    return this.tokens.length > 0
  }

  /** Cuts `text` at the tokens found. Empty stretches are left out. */
  split(text: string): Segment[] {
    if (this.tokens.length === 0) return text === '' ? [] : [{ text }]
    const starts: number[] = []
    const found: number[] = []
    let state = 0
    for (let i = text.length - 1; i >= 0; i--) {
      const unit = text.charCodeAt(i)
      state = state === 0 && unit < 128 ? this.fromStart[unit]! : this.step(state, unit)
      if (state === 0) continue
      const index = this.longest[state]!
      if (index === NONE) continue
      starts.push(i)
      found.push(index)
    }
    const segments: Segment[] = []
    let at = 0
    for (let i = starts.length - 1; i >= 0; i--) {
      const start = starts[i]!
      if (start < at) continue
      const token = this.tokens[found[i]!]!
      if (start > at) segments.push({ text: text.slice(at, start) })
      segments.push({ text: token.content, id: token.id })
      at = start + token.content.length
    }
    if (at < text.length) segments.push({ text: text.slice(at) })
    return segments
  }
}
