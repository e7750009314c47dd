// Byte-pair merging of pieces. Three ways to the same tokens: the smallest rank first, leftmost among equals.
// Short pieces are merged in a small array, long ones with a queue, and pieces seen before come from bounded caches.

import type { IdBuffer } from './id-buffer.js'
import { mergeLong } from './merge-long.js'
import { type MergeTable, NO_MERGE } from './merges.js'
import { PieceCache } from './piece-cache.js'
import { NUMBER, type PieceScanner } from './piece-scanner.js'

/** Up to this many bytes a piece is merged by scanning for the smallest rank: quadratic, but quicker than a queue. */
const SHORT_PIECE = 128

/** After this many pieces of its own, a tokenizer is worth the millisecond or more that {@link BytePairEncoder.prepare} takes. */
const PIECES_TO_PREPARE = 256

/** Turns text into token ids. Holds scratch space, so it serves one call at a time (JavaScript gives no other). */
export class BytePairEncoder {
  private readonly ids = new Int32Array(SHORT_PIECE)
  private readonly ranks = new Int32Array(SHORT_PIECE)
  private readonly results = new Int32Array(SHORT_PIECE)
  /** Words and the like. A slot is one cache line of 64 bytes: 16 KB at first, 2 MB once there is more to encode. */
  private words = new PieceCache(256, 6, 8)
  /** Sentences without spaces, long identifiers, lines of dashes: 4 MB, of which only what is used is real. */
  private phrases: PieceCache | undefined

  /** Where in the merges each pair of bytes stands, `first << 8 | second`. */
  private bytePairs: Int32Array | undefined
  private unknownPieces = 0

  /** `byteIds`: token of each single byte. `size`: one more than the highest id. */
  constructor(
    private readonly scanner: PieceScanner,
    private readonly byteIds: Int32Array,
    private readonly merges: MergeTable,
    private readonly size: number,
  ) {}

  /** Makes ready for much text. */
  private prepare(): void {
    const { byteIds, merges } = this
    merges.markEarly(this.size)
    const bytePairs = new Int32Array(65_536)
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        bytePairs[(first << 8) | second] = merges.find(byteIds[first]!, byteIds[second]!)
      }
    }
    this.bytePairs = bytePairs
    this.words = new PieceCache(32_768, 6, 8)
  }

  /**
   * Appends the ids of the pieces of valid UTF-8 text from `start` on to `out`, until it holds at least `limit` or the text ends.
   * Returns where it stopped, which is the end of a piece.
   */
  encode(bytes: Uint8Array, start: number, out: IdBuffer, limit: number): number {
    const { byteIds, scanner } = this
    const { classes } = scanner
    let { words } = this
    let { slots } = words
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const stop = bytes.length
    out.reserve(Math.min(limit, (stop - start) >> 2))
    let { ids, length } = out
    let at = start
    while (at < stop && length < limit) {
      if (length + words.maxIds > ids.length) {
        out.length = length
        out.reserve(words.maxIds)
        ids = out.ids
      }
      const first = bytes[at]!
      // Every digit is a piece: they are worth a short way.
      if (first < 0x80 && classes[first] === NUMBER) {
        ids[length++] = byteIds[first]!
        at++
        continue
      }
      const end = scanner.pieceEnd(bytes, at, stop)
      if (end - at === 1) {
        ids[length++] = byteIds[first]!
      } else {
        const known = end - at <= words.maxBytes ? words.find(bytes, view, at, end) : -1
        if (known >= 0) {
          for (let i = 0; i < words.found; i++) ids[length + i] = slots[known + i]!
          length += words.found
        } else {
          out.length = length
          this.encodeUnknown(bytes, view, at, end, out)
          ids = out.ids
          length = out.length
          words = this.words
          slots = words.slots
        }
      }
      at = end
    }
    out.length = length
    return at
  }

  /** Appends the ids of a piece that is not among the words of the cache. */
  private encodeUnknown(bytes: Uint8Array, view: DataView, start: number, end: number, out: IdBuffer): void {
    const length = end - start
    if (length > SHORT_PIECE) {
      mergeLong(bytes, start, end, this.byteIds, this.merges, out)
      return
    }
    let cache = this.words
    if (length > cache.maxBytes) {
      this.phrases ??= new PieceCache(16_384, SHORT_PIECE / 4, 30)
      cache = this.phrases
      const known = cache.find(bytes, view, start, end)
      if (known >= 0) {
        out.append(cache.slots, known, cache.found)
        return
      }
    }
    const count = this.mergeShort(bytes, start, end)
    cache.store(this.ids, count)
    out.append(this.ids, 0, count)
    if (++this.unknownPieces === PIECES_TO_PREPARE) this.prepare()
  }

  /** Leaves the tokens in `this.ids` and returns how many there are. */
  private mergeShort(bytes: Uint8Array, start: number, end: number): number {
    const { ids, ranks, results, merges, byteIds, bytePairs } = this
    let count = 0
    for (let i = start; i < end; i++) {
      let id = byteIds[bytes[i]!]!
      let isByte = true
      while (count > 0) {
        const left = ids[count - 1]!
        const twoBytes = isByte && bytePairs !== undefined && left === byteIds[bytes[i - 1]!]
        const found = twoBytes ? bytePairs[(bytes[i - 1]! << 8) | bytes[i]!]! : merges.find(left, id)
        if (!merges.isEarly(found)) {
          ranks[count - 1] = merges.rankAt(found)
          results[count - 1] = merges.resultAt(found)
          break
        }
        id = merges.resultAt(found)
        isByte = false
        count--
      }
      ids[count++] = id
    }
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
      ids[at] = results[at]!
      count--
      for (let i = at + 1; i < count; i++) {
        ids[i] = ids[i + 1]!
        ranks[i] = ranks[i + 1]!
        results[i] = results[i + 1]!
      }
      if (at + 1 < count) {
        const found = merges.find(ids[at]!, ids[at + 1]!)
        ranks[at] = merges.rankAt(found)
        results[at] = merges.resultAt(found)
      }
      if (at > 0) {
        const found = merges.find(ids[at - 1]!, ids[at]!)
        ranks[at - 1] = merges.rankAt(found)
        results[at - 1] = merges.resultAt(found)
      }
    }
  }
}
