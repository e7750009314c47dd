// A buffer that grows as a header is written into it, little-endian.

import { FakError, isWellFormed, label } from '@fak/tensor'
import { type GgufNumberType, numberTypes } from './value-types.js'

const encoder = new TextEncoder()

export class HeaderBytes {
  #bytes = new Uint8Array(64 * 1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  number(type: GgufNumberType, value: number | bigint): void {
    const { bytes, write } = numberTypes[type]
    const at = this.#extend(bytes)
    ;(write as (view: DataView, at: number, value: number | bigint) => void)(this.#view, at, value)
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#extend(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /**
   * A string behind its length.
   *
   * @throws FakError `GGUF_BAD_UTF8` for half of a surrogate pair, which UTF-8 cannot express.
   */
  string(text: string, field: string): void {
    if (!isWellFormed(text)) {
      throw new FakError('GGUF_BAD_UTF8', { reason: 'the text holds half of a surrogate pair', field: label(field) })
    }
    const bytes = encoder.encode(text)
    this.number('u64', BigInt(bytes.length))
    this.bytes(bytes)
  }

  pad(alignment: number): void {
    this.#extend(Math.ceil(this.#length / alignment) * alignment - this.#length)
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Adds `count` zero bytes and returns where they begin. */
  #extend(count: number): number {
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return at
  }
}
