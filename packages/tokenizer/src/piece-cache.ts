// Ids of pieces seen before. Direct-mapped and of fixed size: a new piece takes the place of the one in its slot.

import type { IdBuffer } from './id-buffer.js'
import { hashBytes, slotOf } from './vocabulary.js'

const SLOTS = 32_768
const MAX_BYTES = 32
const MAX_IDS = 8

/** Remembers the ids of short pieces; about 2.5 MB. */
export class PieceCache {
  private readonly lengths = new Uint8Array(SLOTS)
  private readonly counts = new Uint8Array(SLOTS)
  private readonly keys = new Uint8Array(SLOTS * MAX_BYTES)
  private readonly ids = new Int32Array(SLOTS * MAX_IDS)

  /** Appends the ids of the piece `bytes[start, end)` if they are known. */
  append(bytes: Uint8Array, start: number, end: number, out: IdBuffer): boolean {
    const length = end - start
    if (length > MAX_BYTES) return false
    const slot = slotOf(hashBytes(bytes, start, end), SLOTS - 1)
    if (this.lengths[slot] !== length) return false
    const key = slot * MAX_BYTES
    for (let i = 0; i < length; i++) if (this.keys[key + i] !== bytes[start + i]) return false
    const first = slot * MAX_IDS
    const last = first + this.counts[slot]!
    for (let i = first; i < last; i++) out.push(this.ids[i]!)
    return true
  }

  /** Keeps `ids[0, count)` as the ids of the piece, unless it is too long. */
  store(bytes: Uint8Array, start: number, end: number, ids: Int32Array, count: number): void {
    const length = end - start
    if (length > MAX_BYTES || count > MAX_IDS) return
    const slot = slotOf(hashBytes(bytes, start, end), SLOTS - 1)
    this.lengths[slot] = length
    this.counts[slot] = count
    for (let i = 0; i < length; i++) this.keys[slot * MAX_BYTES + i] = bytes[start + i]!
    for (let i = 0; i < count; i++) this.ids[slot * MAX_IDS + i] = ids[i]!
  }
}
