// A growing list of token ids in one typed array.

/** Collects token ids. */
export class IdBuffer {
  private ids: Uint32Array
  length = 0

  constructor(capacity = 64) {
    this.ids = new Uint32Array(capacity)
  }

  push(id: number): void {
    if (this.length === this.ids.length) {
      const grown = new Uint32Array(this.length * 2)
      grown.set(this.ids)
      this.ids = grown
    }
    this.ids[this.length++] = id
  }

  /** The ids so far, in an array of their own. */
  toArray(): Uint32Array {
    return this.ids.slice(0, this.length)
  }
}
