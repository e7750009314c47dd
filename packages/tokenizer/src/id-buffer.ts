// A growing list of token ids in one typed array.

/** Collects token ids. */
export class IdBuffer {
  /** The ids, with room behind them: good until the next {@link reserve} or {@link push}. */
  ids: Uint32Array
  length = 0

  constructor(capacity = 64) {
    this.ids = new Uint32Array(capacity)
  }

  push(id: number): void {
    this.reserve(1)
    this.ids[this.length++] = id
  }

  /** Appends `from[start, start + count)`. */
  append(from: Int32Array, start: number, count: number): void {
    this.reserve(count)
    for (let i = 0; i < count; i++) this.ids[this.length++] = from[start + i]!
  }

  /** Makes room for `count` more ids, to be written to {@link ids} from {@link length}. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.ids.length) return
    const grown = new Uint32Array(Math.max(this.ids.length * 2, needed))
    grown.set(this.ids.subarray(0, this.length))
    this.ids = grown
  }

  /** The ids so far, in an array of their own. */
  toArray(): Uint32Array {
    return this.ids.slice(0, this.length)
  }
}
