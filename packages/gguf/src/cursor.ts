// The place in the header that the parser has reached, over as much of the file as was loaded. The parser is a generator
// that yields the file position it needs next; whoever drives it loads that much and goes on. So one parser serves bytes
// in memory (which never run short) and files read piece by piece, and nothing is parsed twice.

import { decodeUtf8, FakError, invalidUtf8At } from '@fak/tensor'
import { MAX_HEADER_BYTES } from './limits.js'

/** A step of parsing: yields the number of leading bytes of the file that must be loaded before it can go on. */
export type Parsing<T> = Generator<number, T, void>

/** The loaded beginning of a file. Shared with lazy arrays, which decode from it later. */
export interface LoadedHeader {
  readonly file: string | null
  readonly bytes: Uint8Array
}

export class Cursor implements LoadedHeader {
  /** File position of the next byte. */
  at = 0
  bytes: Uint8Array = new Uint8Array(0)
  view = new DataView(this.bytes.buffer)

  /** @param size bytes in the whole file */
  constructor(
    readonly file: string | null,
    readonly size: number,
  ) {}

  /** Replaces the loaded bytes by a longer beginning of the same file. */
  load(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes of the file after the current position. */
  get left(): number {
    return this.size - this.at
  }

  /** Makes sure that the next `length` bytes are loaded. `field` is called only for the message. */
  *need(length: number, field: () => string): Parsing<void> {
    const end = this.at + length
    if (end > this.size) {
      const reason = `the file has ${this.size} bytes and ends inside a field of ${length} bytes`
      throw this.error('GGUF_TRUNCATED', reason, this.at, field())
    }
    if (end > MAX_HEADER_BYTES) {
      const reason = `the header goes on beyond ${MAX_HEADER_BYTES} bytes`
      throw this.error('GGUF_HEADER_TOO_LARGE', reason, this.at, field())
    }
    while (end > this.bytes.length) yield end
  }

  *u32(field: () => string): Parsing<number> {
    yield* this.need(4, field)
    this.at += 4
    return this.view.getUint32(this.at - 4, true)
  }

  *u64(field: () => string): Parsing<bigint> {
    yield* this.need(8, field)
    this.at += 8
    return this.view.getBigUint64(this.at - 8, true)
  }

  /** Text of the next `length` bytes. */
  *text(length: number, field: () => string): Parsing<string> {
    yield* this.need(length, field)
    this.checkUtf8(this.at, this.at + length, field)
    this.at += length
    return decodeUtf8(this.bytes.subarray(this.at - length, this.at))
  }

  checkUtf8(start: number, end: number, field: () => string): void {
    const bad = invalidUtf8At(this.bytes, start, end)
    if (bad < 0) return
    throw this.error(
      'GGUF_BAD_UTF8',
      `byte 0x${this.bytes[bad]!.toString(16)} does not continue valid UTF-8`,
      bad,
      field(),
    )
  }

  error(code: string, reason: string, offset: number | null, field: string | null): FakError {
    return new FakError(code, { file: this.file, reason, offset, field })
  }
}
