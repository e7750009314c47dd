// Byte-pair merging of one piece. Three ways to the same tokens: the smallest rank first, leftmost among equals.
// Short pieces are merged in a small array, long ones with a queue, and pieces seen before come from a bounded cache.

import type { IdBuffer } from './id-buffer.js'
import { mergeLong } from './merge-long.js'
import { type MergeTable, NO_MERGE } from './merges.js'
import { PieceCache } from './piece-cache.js'

/** Up to this many bytes a piece is merged by scanning for the smallest rank: quadratic, but quicker than a queue. */
const SHORT_PIECE = 128

/** Turns pieces into token ids. Holds scratch space, so it serves one call at a time (JavaScript gives no other). */
export class BytePairEncoder {
  private readonly ids = new Int32Array(SHORT_PIECE)
  private readonly ranks = new Int32Array(SHORT_PIECE)
  private cache: PieceCache | undefined

  /** `byteIds`: token of each single byte. */
  constructor(
    private readonly byteIds: Int32Array,
    private readonly merges: MergeTable,
  ) {}

  /** Appends the ids of the piece `bytes[start, end)` to `out`. */
  encodePiece(bytes: Uint8Array, start: number, end: number, out: IdBuffer): void {
    const length = end - start
    if (length === 1) {
      out.push(this.byteIds[bytes[start]!]!)
    } else if (length > SHORT_PIECE) {
      mergeLong(bytes, start, end, this.byteIds, this.merges, out)
    } else {
      this.cache ??= new PieceCache()
      if (this.cache.append(bytes, start, end, out)) return
      const count = this.mergeShort(bytes, start, end)
      this.cache.store(bytes, start, end, this.ids, count)
      for (let i = 0; i < count; i++) out.push(this.ids[i]!)
    }
  }

  /** Leaves the tokens in `this.ids` and returns how many there are. */
  private mergeShort(bytes: Uint8Array, start: number, end: number): number {
    const { ids, ranks, merges } = this
    let count = end - start
    for (let i = 0; i < count; i++) ids[i] = this.byteIds[bytes[start + i]!]!
    for (let i = 0; i + 1 < count; i++) ranks[i] = merges.rankOf(ids[i]!, ids[i + 1]!)
    for (;;) {
      let best = NO_MERGE
      let at = 0
      for (let i = 0; i + 1 < count; i++) {
        if (ranks[i]! < best) {
          best = ranks[i]!
          at = i
        }
      }
      if (best === NO_MERGE) return count
      ids[at] = merges.resultOf(best)
      count--
      for (let i = at + 1; i < count; i++) {
        ids[i] = ids[i + 1]!
        ranks[i] = ranks[i + 1]!
      }
      if (at + 1 < count) ranks[at] = merges.rankOf(ids[at]!, ids[at + 1]!)
      if (at > 0) ranks[at - 1] = merges.rankOf(ids[at - 1]!, ids[at]!)
    }
  }
}
