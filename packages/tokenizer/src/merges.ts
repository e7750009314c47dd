// The merges of one vocabulary: for two neighbouring tokens, the rank of their merge and the token it yields.

import { FakError } from '@fak/tensor'
import { MAX_MERGES } from './limits.js'
import { hashBytes, type Vocabulary } from './vocabulary.js'

/** Rank of a pair that does not merge; higher than any other. */
export const NO_MERGE = 0x7fffffff

/** Rank and result of each merge. Lower ranks go first. */
export class MergeTable {
  /** Three numbers a slot: left id, right id, rank. The rank is {@link NO_MERGE} where the slot is empty. */
  private readonly slots: Int32Array
  private readonly mask: number

  private constructor(
    count: number,
    private readonly results: Int32Array,
  ) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(4, count * 2)))
    this.slots = new Int32Array(capacity * 3).fill(NO_MERGE)
    this.mask = capacity - 1
  }

  private slotOf(left: number, right: number): number {
    const h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)
    let slot = (h ^ (h >>> 15)) & this.mask
    const { slots } = this
    for (;;) {
      const at = slot * 3
      if (slots[at + 2] === NO_MERGE || (slots[at] === left && slots[at + 1] === right)) return at
      slot = (slot + 1) & this.mask
    }
  }

  /** Rank of the merge of two neighbours, or {@link NO_MERGE}. */
  rankOf(left: number, right: number): number {
    return this.slots[this.slotOf(left, right) + 2]!
  }

  /** The token that the merge of this rank yields. */
  resultOf(rank: number): number {
    return this.results[rank]!
  }

  /**
   * Builds the table from pairs in rank order.
   *
   * @throws FakError `TOK_DUPLICATE_MERGE` for a pair listed twice.
   */
  static build(merges: MergeList): MergeTable {
    const { count, lefts, rights } = merges
    const table = new MergeTable(count, merges.results.slice(0, count))
    for (let rank = 0; rank < count; rank++) {
      const at = table.slotOf(lefts[rank]!, rights[rank]!)
      if (table.slots[at + 2] !== NO_MERGE) {
        merges.fail('TOK_DUPLICATE_MERGE', rank, `the same pair is merge ${table.slots[at + 2]} already`, null)
      }
      table.slots[at] = lefts[rank]!
      table.slots[at + 1] = rights[rank]!
      table.slots[at + 2] = rank
    }
    return table
  }
}

/** Collects merges as a file lists them and checks each against the vocabulary. */
export class MergeList {
  count = 0
  lefts: Int32Array
  rights: Int32Array
  results: Int32Array

  /** `field`: name of the list in messages. `expected`: about how many merges will come. */
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly file: string | null,
    private readonly field: string,
    expected: number,
  ) {
    const capacity = Math.max(64, Math.min(expected, MAX_MERGES))
    this.lefts = new Int32Array(capacity)
    this.rights = new Int32Array(capacity)
    this.results = new Int32Array(capacity)
  }

  /**
   * Adds the merge of the tokens with bytes `[from, middle)` and `[middle, end)` of the vocabulary's scratch space.
   *
   * @throws FakError `TOK_BAD_MERGE` when a part or the result is no token, `TOK_TOO_LARGE` beyond {@link MAX_MERGES}.
   */
  add(bytes: Uint8Array, from: number, middle: number, end: number, offset: number | null): void {
    const rank = this.count
    if (rank >= MAX_MERGES) this.fail('TOK_TOO_LARGE', rank, `more than ${MAX_MERGES} merges`, offset)
    const { vocabulary } = this
    const leftHash = hashBytes(bytes, from, middle)
    const left = vocabulary.find(from, middle, leftHash)
    const right = vocabulary.find(middle, end, hashBytes(bytes, middle, end))
    if (left < 0 || right < 0 || from === middle || middle === end) {
      const part = left < 0 || from === middle ? 'left' : 'right'
      this.fail('TOK_BAD_MERGE', rank, `the ${part} part is not a token of the vocabulary`, offset)
    }
    // Trained vocabularies list tokens in the order of their merges, so the result mostly follows the one before.
    const guess = rank > 0 ? this.results[rank - 1]! + 1 : 0
    let result = guess
    if (!vocabulary.has(guess) || !vocabulary.equals(guess, from, end)) {
      result = vocabulary.find(from, end, hashBytes(bytes, middle, end, leftHash))
    }
    if (result < 0) this.fail('TOK_BAD_MERGE', rank, 'the result is not a token of the vocabulary', offset)
    if (rank >= this.lefts.length) this.grow()
    this.lefts[rank] = left
    this.rights[rank] = right
    this.results[rank] = result
    this.count++
  }

  private grow(): void {
    const grow = (old: Int32Array): Int32Array => {
      const grown = new Int32Array(old.length * 2)
      grown.set(old)
      return grown
    }
    this.lefts = grow(this.lefts)
    this.rights = grow(this.rights)
    this.results = grow(this.results)
  }

  /** Throws `code` for merge number `index`. */
  fail(code: string, index: number, reason: string, offset: number | null): never {
    throw new FakError(code, { file: this.file, reason: `merge ${index}: ${reason}`, field: this.field, offset })
  }
}
