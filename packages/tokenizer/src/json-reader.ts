// A strict JSON reader over UTF-8 bytes that knows where it is. It owns the grammar, the depth limit and the byte
// offsets of errors; what the values mean is its callers' business. It exists because JSON.parse keeps the last of two
// equal keys, tells no offset, and makes half a million strings of a vocabulary that is wanted as bytes.

import { FakError, quote } from '@fak/tensor'
import { MAX_JSON_DEPTH } from './limits.js'
import { ALPHABET_END, byteOfCharacter } from './spelling.js'
import { HASH_SEED, hashByte } from './vocabulary.js'

/** What {@link JsonReader.readValue} returns. Objects have no prototype. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const SPACE = 0x20

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads one JSON text front to back. Every error carries a byte offset. */
export class JsonReader {
  /** Byte offset of the next character. Callers may save it and come back. */
  position = 0
  private depth = 0

  constructor(
    readonly bytes: Uint8Array,
    readonly file: string | null,
  ) {}

  /** Throws `code` at `offset`. */
  fail(code: string, reason: string, offset: number, field: string | null = null, cause?: unknown): never {
    throw new FakError(code, { file: this.file, offset, field, reason, cause })
  }

  /** Next significant byte, not consumed; -1 at the end. */
  peek(): number {
    const { bytes } = this
    let at = this.position
    while (at < bytes.length) {
      const b = bytes[at]!
      if (b !== 0x20 && b !== 0x0a && b !== 0x0d && b !== 0x09) break
      at++
    }
    this.position = at
    return at < bytes.length ? bytes[at]! : -1
  }

  private unexpected(wanted: string): never {
    const byte = this.peek()
    const seen = byte < 0 ? 'the text ends' : `found ${quote(String.fromCharCode(byte))}`
    return this.fail('TOK_BAD_JSON', `${seen} where ${wanted} was expected`, this.position)
  }

  private expect(byte: number): void {
    if (this.peek() !== byte) this.unexpected(quote(String.fromCharCode(byte)))
    this.position++
  }

  private enter(open: number): void {
    const at = this.position
    this.expect(open)
    if (++this.depth > MAX_JSON_DEPTH) {
      this.fail('TOK_TOO_DEEP', `nesting is deeper than ${MAX_JSON_DEPTH}`, at)
    }
  }

  get atObject(): boolean {
    return this.peek() === OPEN_OBJECT
  }

  get atArray(): boolean {
    return this.peek() === OPEN_ARRAY
  }

  get atString(): boolean {
    return this.peek() === QUOTE
  }

  /** Reads an object; `member` must consume the value. Keys arrive as text with the offset of their first byte. */
  readObject(member: (key: string, offset: number) => void): void {
    const seen = new Set<string>()
    this.readObjectRaw((offset) => {
      const key = this.readString()
      if (seen.has(key)) this.fail('TOK_BAD_JSON', `key ${quote(key)} appears twice`, offset)
      seen.add(key)
      this.readColon()
      member(key, offset)
    })
  }

  /** Reads an object whose keys the caller consumes itself, followed by {@link readColon} and the value. */
  readObjectRaw(member: (offset: number) => void): void {
    this.enter(OPEN_OBJECT)
    if (this.peek() !== CLOSE_OBJECT) {
      do {
        if (this.peek() !== QUOTE) this.unexpected('a key')
        member(this.position)
      } while (this.readComma(CLOSE_OBJECT))
    }
    this.position++
    this.depth--
  }

  /** Reads an array; `item` must consume one value. */
  readArray(item: (index: number, offset: number) => void): void {
    this.enter(OPEN_ARRAY)
    let index = 0
    if (this.peek() !== CLOSE_ARRAY) {
      do {
        this.peek()
        item(index++, this.position)
      } while (this.readComma(CLOSE_ARRAY))
    }
    this.position++
    this.depth--
  }

  private readComma(close: number): boolean {
    const next = this.peek()
    if (next === COMMA) {
      this.position++
      return true
    }
    if (next !== close) this.unexpected(`"," or ${quote(String.fromCharCode(close))}`)
    return false
  }

  /** Reads the colon between key and value. */
  readColon(): void {
    this.expect(COLON)
  }

  /** Reads a string. An unpaired surrogate escape or bytes that are not UTF-8 are `TOK_BAD_UTF8`. */
  readString(): string {
    const start = this.position
    if (this.peek() !== QUOTE) this.unexpected('a string')
    const { bytes } = this
    let at = ++this.position
    let from = at
    let text = ''
    for (;;) {
      const b = bytes[at]
      if (b === undefined) this.fail('TOK_BAD_JSON', 'the text ends inside a string', start)
      if (b === QUOTE) break
      if (b < SPACE) this.fail('TOK_BAD_JSON', `control character 0x${b.toString(16)} inside a string`, at)
      if (b !== BACKSLASH) {
        at++
        continue
      }
      text += this.decode(from, at)
      this.position = at
      text += this.readEscape()
      at = this.position
      from = at
    }
    text += this.decode(from, at)
    this.position = at + 1
    return text
  }

  private decode(from: number, to: number): string {
    if (from === to) return ''
    try {
      return utf8.decode(this.bytes.subarray(from, to))
    } catch (cause) {
      return this.fail('TOK_BAD_UTF8', 'a string holds bytes that are not UTF-8', from, null, cause)
    }
  }

  /** Reads one escape, or the two that make a surrogate pair; the position is at the backslash. */
  private readEscape(): string {
    const start = this.position
    const unit = this.readEscapeUnit()
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit)
    if (unit < 0xdc00 && this.bytes[this.position] === BACKSLASH) {
      const low = this.readEscapeUnit()
      if (low >= 0xdc00 && low <= 0xdfff) return String.fromCharCode(unit, low)
    }
    return this.fail('TOK_BAD_UTF8', `unpaired surrogate escape \\u${unit.toString(16)}`, start)
  }

  private readEscapeUnit(): number {
    const start = this.position
    const kind = String.fromCharCode(this.bytes[start + 1] ?? 0)
    const simple = '"\\/bfnrt'.indexOf(kind)
    if (simple >= 0) {
      this.position = start + 2
      return '"\\/\b\f\n\r\t'.charCodeAt(simple)
    }
    const hex = kind === 'u' ? String.fromCharCode(...this.bytes.subarray(start + 2, start + 6)) : ''
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.fail('TOK_BAD_JSON', 'bad escape inside a string', start)
    this.position = start + 6
    return Number.parseInt(hex, 16)
  }

  /** Begins a string that is read with {@link readSpelling}. */
  openString(): void {
    if (this.peek() !== QUOTE) this.unexpected('a string')
    this.position++
  }

  /**
   * Reads on inside a string that is spelled in GPT-2's byte alphabet, writing raw bytes to `into` from `at`, up to the
   * closing quote or to a space, which it consumes.
   *
   * @returns the end of the bytes in `into`, or -1 when a character is not of the alphabet (the position is then undefined).
   *   {@link endedAtSpace} says what stopped it. `into` must hold as many bytes as are left in the string.
   */
  readSpelling(into: Uint8Array, at: number): number {
    const { bytes } = this
    let from = this.position
    let to = at
    let hash = HASH_SEED
    for (;;) {
      const b = bytes[from]
      if (b === undefined) this.fail('TOK_BAD_JSON', 'the text ends inside a string', this.position)
      from++
      if (b === QUOTE || b === SPACE) {
        this.position = from
        this.endedAtSpace = b === SPACE
        this.spellingHash = hash
        return to
      }
      let character = b
      if (b === BACKSLASH) {
        this.position = from - 1
        character = this.readEscape().charCodeAt(0)
        from = this.position
      } else if (b >= 0x80) {
        // Two-byte UTF-8 covers the whole alphabet; whatever else this is gives a number outside it, or fails below.
        const next = bytes[from++] ?? 0
        character = b >= 0xc2 && b < 0xe0 && (next & 0xc0) === 0x80 ? ((b & 0x1f) << 6) | (next & 0x3f) : ALPHABET_END
      }
      const byte = character < ALPHABET_END ? byteOfCharacter[character]! : -1
      if (byte < 0) return -1
      into[to++] = byte
      hash = hashByte(hash, byte)
    }
  }

  /** True when the last {@link readSpelling} stopped at a space and not at the closing quote. */
  endedAtSpace = false

  /** Hash of the bytes that the last {@link readSpelling} wrote, as `hashBytes` has it. */
  spellingHash = 0

  /** Reads an integer of digits only, without sign, fraction, exponent or leading zero; -1 when it is anything else. */
  readDigits(): number {
    const first = this.peek()
    const { bytes } = this
    const start = this.position
    let at = start
    let value = 0
    while (at < bytes.length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) value = value * 10 + bytes[at++]! - 0x30
    const next = bytes[at]
    const whole = at > start && (at === start + 1 || first !== 0x30) && next !== 0x2e && next !== 0x65 && next !== 0x45
    if (!whole || value > Number.MAX_SAFE_INTEGER) return -1
    this.position = at
    return value
  }

  /** Reads any value into plain data. */
  readValue(): JsonValue {
    switch (this.peek()) {
      case OPEN_OBJECT: {
        const object: { [key: string]: JsonValue } = Object.create(null)
        this.readObject((key) => {
          object[key] = this.readValue()
        })
        return object
      }
      case OPEN_ARRAY: {
        const array: JsonValue[] = []
        this.readArray(() => array.push(this.readValue()))
        return array
      }
      case QUOTE:
        return this.readString()
      default:
        return this.readScalar()
    }
  }

  private readScalar(): number | boolean | null {
    const { bytes } = this
    const start = this.position
    let at = start
    while (at < bytes.length && at - start < 64 && /[-+.\w]/.test(String.fromCharCode(bytes[at]!))) at++
    const word = String.fromCharCode(...bytes.subarray(start, at))
    if (!/^(?:null|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/.test(word)) this.unexpected('a value')
    this.position = at
    return word === 'null' ? null : word === 'true' ? true : word === 'false' ? false : Number(word)
  }

  /** Passes over one value; its grammar is checked, its content is not kept. */
  skipValue(): void {
    if (this.atObject) this.readObject(() => this.skipValue())
    else if (this.atArray) this.readArray(() => this.skipValue())
    else this.readValue()
  }

  /** Demands that nothing but white space is left. */
  end(): void {
    if (this.peek() !== -1) this.fail('TOK_BAD_JSON', 'text after the end of the JSON value', this.position)
  }
}
