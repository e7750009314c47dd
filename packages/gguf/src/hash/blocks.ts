// What block-wise hashes share: input of any length is handed on in whole blocks, and what is left over waits.

/** A hash that takes its input in pieces. */
export interface Digest {
  /** Takes the next bytes. */
  update(bytes: Uint8Array): void
  /** Ends the input and gives the hash as small hexadecimal digits. */
  hex(): string
}

/** Collects input into blocks of a fixed size. */
export class Blocks {
  readonly #pending: Uint8Array
  readonly #view: DataView
  #filled = 0
  /** Bytes taken so far. */
  length = 0

  /** @param take works on `count` whole blocks that begin at `at` */
  constructor(
    readonly size: number,
    private readonly take: (view: DataView, at: number, count: number) => void,
  ) {
    this.#pending = new Uint8Array(size)
    this.#view = new DataView(this.#pending.buffer)
  }

  update(bytes: Uint8Array): void {
    this.length += bytes.length
    let at = 0
    if (this.#filled > 0) {
      at = Math.min(this.size - this.#filled, bytes.length)
      this.#pending.set(bytes.subarray(0, at), this.#filled)
      this.#filled += at
      if (this.#filled < this.size) return
      this.take(this.#view, 0, 1)
      this.#filled = 0
    }
    const count = Math.floor((bytes.length - at) / this.size)
    if (count > 0) this.take(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at, count)
    const rest = bytes.subarray(at + count * this.size)
    this.#pending.set(rest)
    this.#filled = rest.length
  }

  /** What is left over, fewer bytes than a block. */
  get rest(): Uint8Array {
    return this.#pending.subarray(0, this.#filled)
  }
}

/**
 * Ends the input of a SHA: a 1 bit, zeros, and the length in bits as 64-bit big-endian integer at the end of a block.
 * Source: FIPS 180-4, section 5.1.1.
 */
export function padSha(blocks: Blocks): void {
  const bytes = blocks.length
  const padding = new Uint8Array(((119 - (bytes % 64)) % 64) + 9)
  padding[0] = 0x80
  new DataView(padding.buffer).setBigUint64(padding.length - 8, BigInt(bytes) * 8n)
  blocks.update(padding)
}

/** Words as hexadecimal digits, most significant first. */
export const hexOfWords = (words: Iterable<number>): string =>
  Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
