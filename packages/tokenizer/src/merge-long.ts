// Byte-pair merging of a long piece in O(n log n), without recursion: ten million equal characters are one such piece.

import type { IdBuffer } from './id-buffer.js'
import { type MergeTable, NO_MERGE } from './merges.js'

/** Appends the ids of the piece `bytes[start, end)` to `out`. */
export function mergeLong(
  bytes: Uint8Array,
  start: number,
  end: number,
  byteIds: Int32Array,
  merges: MergeTable,
  out: IdBuffer,
): void {
  const length = end - start
  const ids = new Int32Array(length)
  const next = new Int32Array(length)
  const previous = new Int32Array(length)
  // Rank of the pair that begins at a position; what a queue says about a position holds only while this agrees.
  const ranks = new Int32Array(length)
  const results = new Int32Array(length)
  const queue = new PairQueue()

  for (let i = 0; i < length; i++) {
    ids[i] = byteIds[bytes[start + i]!]!
    next[i] = i + 1
    previous[i] = i - 1
  }
  const setRank = (at: number): void => {
    ranks[at] = NO_MERGE
    if (next[at]! >= length) return
    const found = merges.find(ids[at]!, ids[next[at]!]!)
    const rank = merges.rankAt(found)
    ranks[at] = rank
    results[at] = merges.resultAt(found)
    if (rank !== NO_MERGE) queue.push(rank, at)
  }
  for (let i = 0; i < length; i++) setRank(i)

  while (queue.pop()) {
    const { rank, position } = queue
    if (ranks[position] !== rank) continue
    const gone = next[position]!
    ids[position] = results[position]!
    ranks[gone] = NO_MERGE
    next[position] = next[gone]!
    if (next[gone]! < length) previous[next[gone]!] = position
    setRank(position)
    if (previous[position]! >= 0) setRank(previous[position]!)
  }
  for (let i = 0; i < length; i = next[i]!) out.push(ids[i]!)
}

/** Pairs waiting to be merged: smallest rank first, then leftmost. Long texts have few distinct ranks, so ranks are queued, not pairs. */
class PairQueue {
  /** What {@link pop} found. */
  rank = 0
  position = 0
  private readonly byRank = new Map<number, PositionQueue>()
  private readonly ranks = new MinHeap()
  private last = new PositionQueue()
  private lastRank = NO_MERGE

  push(rank: number, position: number): void {
    const positions = this.positionsOf(rank)
    if (positions.empty) this.ranks.push(rank)
    positions.push(position)
  }

  pop(): boolean {
    while (this.ranks.size > 0) {
      const rank = this.ranks.top
      const positions = this.positionsOf(rank)
      if (!positions.empty) {
        this.rank = rank
        this.position = positions.pop()
        if (positions.empty) this.ranks.pop()
        return true
      }
      this.ranks.pop()
    }
    return false
  }

  private positionsOf(rank: number): PositionQueue {
    if (rank === this.lastRank) return this.last
    let positions = this.byRank.get(rank)
    if (!positions) {
      positions = new PositionQueue()
      this.byRank.set(rank, positions)
    }
    this.last = positions
    this.lastRank = rank
    return positions
  }
}

/** Positions in ascending order. They nearly always arrive in that order; the first that does not makes it a heap. */
class PositionQueue {
  private ascending: number[] = []
  private cursor = 0
  private heap: MinHeap | undefined

  get empty(): boolean {
    return this.heap ? this.heap.size === 0 : this.cursor === this.ascending.length
  }

  push(position: number): void {
    const { ascending } = this
    if (this.heap) {
      this.heap.push(position)
    } else if (this.empty) {
      ascending.length = 0
      this.cursor = 0
      ascending.push(position)
    } else if (ascending[ascending.length - 1]! <= position) {
      ascending.push(position)
    } else {
      // What is left is sorted, which is a heap already.
      this.heap = new MinHeap(ascending.slice(this.cursor))
      this.ascending = []
      this.heap.push(position)
    }
  }

  pop(): number {
    return this.heap ? this.heap.pop() : this.ascending[this.cursor++]!
  }
}

/** A binary heap of integers. */
class MinHeap {
  constructor(private readonly items: number[] = []) {}

  get size(): number {
    return this.items.length
  }

  get top(): number {
    return this.items[0]!
  }

  push(value: number): void {
    const { items } = this
    let at = items.length
    items.push(value)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (items[parent]! <= value) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = value
  }

  pop(): number {
    const { items } = this
    const top = items[0]!
    const value = items.pop()!
    const size = items.length
    if (size === 0) return top
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= size) break
      if (child + 1 < size && items[child + 1]! < items[child]!) child++
      if (items[child]! >= value) break
      items[at] = items[child]!
      at = child
    }
    items[at] = value
    return top
  }
}
