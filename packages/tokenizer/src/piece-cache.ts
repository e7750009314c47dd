// Ids of pieces seen before. Direct-mapped and of fixed size: a new piece takes the place of the one in its slot.

/** Remembers the ids of pieces of at most `keyWords * 4` bytes that are at most `maxIds` tokens. */
export class PieceCache {
  /** Longest piece that is kept, in bytes. */
  readonly maxBytes: number
  /** A slot: length of the piece in bytes (0 where the slot is empty), number of ids, the piece's bytes as words, the ids. */
  readonly slots: Int32Array
  private readonly stride: number
  /** Number of ids that the last {@link find} found. */
  found = 0
  /** The piece that {@link find} looked for last, as it stands in a slot. */
  private readonly key: Int32Array
  private length = 0
  private at = 0

  /** `slotCount` is a power of two. */
  constructor(
    private readonly slotCount: number,
    private readonly keyWords: number,
    readonly maxIds: number,
  ) {
    this.maxBytes = keyWords * 4
    this.stride = 2 + keyWords + maxIds
    this.slots = new Int32Array(slotCount * this.stride)
    this.key = new Int32Array(keyWords)
  }

  /**
   * Where in {@link slots} the ids of the piece `bytes[start, end)` begin, or -1 when they are not known. Their number stands in
   * {@link found}. `view` is over the same bytes.
   */
  find(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const { key, slots } = this
    // The length tells a piece from the same one with zero bytes behind it: the last word is padded with zeros.
    const length = end - start
    let hash = length
    let words = 0
    let from = start
    for (; from + 4 <= end; from += 4) {
      const word = view.getInt32(from, true)
      key[words++] = word
      hash = Math.imul(hash ^ word, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    if (from < end) {
      let word = bytes[from]!
      if (from + 1 < end) word |= bytes[from + 1]! << 8
      if (from + 2 < end) word |= bytes[from + 2]! << 16
      key[words++] = word
      hash = Math.imul(hash ^ word, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    const at = (hash & (this.slotCount - 1)) * this.stride
    this.length = length
    this.at = at
    if (slots[at] !== length) return -1
    for (let i = 0; i < words; i++) if (slots[at + 2 + i] !== key[i]) return -1
    this.found = slots[at + 1]!
    return at + 2 + this.keyWords
  }

  /** Keeps `ids[0, count)` as the ids of the piece that {@link find} just looked for, unless they are too many. */
  store(ids: Int32Array, count: number): void {
    if (count > this.maxIds) return
    const { at, key, slots } = this
    slots[at] = this.length
    slots[at + 1] = count
    for (let i = 0; i < this.keyWords; i++) slots[at + 2 + i] = key[i]!
    for (let i = 0; i < count; i++) slots[at + 2 + this.keyWords + i] = ids[i]!
  }
}
