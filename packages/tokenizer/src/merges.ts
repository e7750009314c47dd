// The merges of one vocabulary: for two neighbouring tokens, the rank of their merge and the token it yields.

import { FakError } from '@fak/tensor'
import { MAX_MERGES } from './limits.js'
import { hashBytes, type Vocabulary } from './vocabulary.js'

/** Rank of a pair that does not merge; higher than any other. */
export const NO_MERGE = 0x7fffffff

/** Rank and result of each merge. Lower ranks go first. */
export class MergeTable {
  /** Number of merges. */
  count = 0
  /**
   * Four numbers a slot, so that one look-up is one cache line: left id, right id, one more than the rank, and the result, which
   * {@link markEarly} makes its complement for early merges.
   */
  private slots: Int32Array
  private mask: number

  /** `expected`: about how many merges will come. */
  constructor(expected: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(4, expected * 1.5)))
    this.slots = new Int32Array(capacity * 4)
    this.mask = capacity - 1
  }

  /** Place of the merge of two neighbours, or of the empty slot where it would be: for {@link rankAt} and {@link resultAt}. */
  find(left: number, right: number): number {
    const { slots, mask } = this
    const h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)
    for (let slot = h ^ (h >>> 15); ; slot++) {
      const at = (slot & mask) * 4
      if (slots[at + 2] === 0 || (slots[at] === left && slots[at + 1] === right)) return at
    }
  }

  /** Rank of the merge that {@link find} found, or {@link NO_MERGE}. */
  rankAt(at: number): number {
    // An empty slot gives -1, which the mask makes NO_MERGE.
    return (this.slots[at + 2]! - 1) & NO_MERGE
  }

  /** The token that the merge yields which {@link find} found. */
  resultAt(at: number): number {
    const result = this.slots[at + 3]!
    return result < 0 ? ~result : result
  }

  /** Whether {@link find} found a merge that {@link markEarly} has marked. */
  isEarly(at: number): boolean {
    return this.slots[at + 3]! < 0
  }

  /**
   * Marks the merges that may be done as soon as their two parts stand side by side, whatever else is in the piece: those that
   * rank before every other merge of the left part with something before it, of the right part with something behind it, and of
   * the result with anything. The rule takes the smallest rank first, so nothing can separate the two parts before their turn
   * comes; and nothing that the result makes possible comes before what would have been done until then.
   *
   * `size`: one more than the highest id.
   */
  markEarly(size: number): void {
    const { slots } = this
    const firstAsLeft = new Int32Array(size).fill(NO_MERGE)
    const firstAsRight = new Int32Array(size).fill(NO_MERGE)
    for (let at = 0; at < slots.length; at += 4) {
      const rank = this.rankAt(at)
      if (rank === NO_MERGE) continue
      const [left, right] = [slots[at]!, slots[at + 1]!]
      if (rank < firstAsLeft[left]!) firstAsLeft[left] = rank
      if (rank < firstAsRight[right]!) firstAsRight[right] = rank
    }
    for (let at = 0; at < slots.length; at += 4) {
      const rank = this.rankAt(at)
      if (rank === NO_MERGE) continue
      const result = this.resultAt(at)
      const others = Math.min(firstAsRight[slots[at]!]!, firstAsLeft[slots[at + 1]!]!)
      if (rank < Math.min(others, firstAsLeft[result]!, firstAsRight[result]!)) slots[at + 3] = ~result
    }
  }

  /** Adds the merge with the next rank, or gives the rank of the same pair when there is one. */
  add(left: number, right: number, result: number): number | undefined {
    let at = this.find(left, right)
    if (this.slots[at + 2] !== 0) return this.rankAt(at)
    if (++this.count * 6 > this.slots.length) {
      this.grow()
      at = this.find(left, right)
    }
    this.place(at, left, right, this.count, result)
    return undefined
  }

  private place(at: number, left: number, right: number, rankPlusOne: number, result: number): void {
    const { slots } = this
    slots[at] = left
    slots[at + 1] = right
    slots[at + 2] = rankPlusOne
    slots[at + 3] = result
  }

  private grow(): void {
    const old = this.slots
    this.slots = new Int32Array(old.length * 2)
    this.mask = this.slots.length / 4 - 1
    for (let from = 0; from < old.length; from += 4) {
      if (old[from + 2] === 0) continue
      const at = this.find(old[from]!, old[from + 1]!)
      this.place(at, old[from]!, old[from + 1]!, old[from + 2]!, old[from + 3]!)
    }
  }
}

/** Takes merges as a file lists them and checks each against the vocabulary. */
export class MergeReader {
  /** The merges so far. */
  readonly table: MergeTable
  private lastResult = -1

  /** `field`: name of the list in messages. `expected`: about how many merges will come. */
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly file: string | null,
    private readonly field: string,
    expected: number,
  ) {
    this.table = new MergeTable(Math.min(expected, MAX_MERGES))
  }

  /**
   * Adds the merge of the tokens with bytes `[from, middle)` and `[middle, end)` of the vocabulary's scratch space. `leftHash`
   * and `rightHash` are theirs, where the caller knows them.
   *
   * @throws FakError `TOK_BAD_MERGE` when a part or the result is no token, `TOK_DUPLICATE_MERGE` for a pair listed twice,
   *   `TOK_TOO_LARGE` beyond {@link MAX_MERGES}.
   */
  add(
    bytes: Uint8Array,
    from: number,
    middle: number,
    end: number,
    offset: number | null,
    leftHash: number = hashBytes(bytes, from, middle),
    rightHash: number = hashBytes(bytes, middle, end),
  ): void {
    const { vocabulary } = this
    const rank = this.table.count
    if (rank >= MAX_MERGES) this.fail('TOK_TOO_LARGE', `more than ${MAX_MERGES} merges`, offset)
    const left = vocabulary.find(from, middle, leftHash)
    const right = vocabulary.find(middle, end, rightHash)
    if (left < 0 || right < 0 || from === middle || middle === end) {
      const part = left < 0 || from === middle ? 'left' : 'right'
      this.fail('TOK_BAD_MERGE', `the ${part} part is not a token of the vocabulary`, offset)
    }
    // Trained vocabularies list tokens in the order of their merges, so the result mostly follows the one before.
    let result = this.lastResult + 1
    if (!vocabulary.has(result) || !vocabulary.equals(result, from, end)) {
      result = vocabulary.find(from, end, hashBytes(bytes, middle, end, leftHash))
    }
    if (result < 0) this.fail('TOK_BAD_MERGE', 'the result is not a token of the vocabulary', offset)
    const twin = this.table.add(left, right, result)
    if (twin !== undefined) this.fail('TOK_DUPLICATE_MERGE', `the same pair is merge ${twin} already`, offset)
    this.lastResult = result
  }

  /** Throws `code` for the merge that would come next. */
  fail(code: string, reason: string, offset: number | null): never {
    const index = this.table.count
    throw new FakError(code, { file: this.file, reason: `merge ${index}: ${reason}`, field: this.field, offset })
  }
}
