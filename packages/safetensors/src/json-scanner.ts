// A strict JSON reader over bytes that its caller pulls values from. JSON.parse would not do: it keeps the last of two equal
// names, rounds integers beyond 2^53, tells no byte offsets, and recurses as deep as the input likes.

import { decodeUtf8, FakError, invalidUtf8At, label } from '@fak/tensor'
import { MAX_JSON_DEPTH } from './limits.js'

/** The codes under which a scanner reports what it finds. */
export interface JsonErrorCodes {
  readonly syntax: string
  readonly utf8: string
  readonly depth: string
  readonly duplicate: string
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const escapes: ReadonlyMap<string, string> = new Map(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }),
)

/** Reads the JSON text in a run of bytes, value by value, from the first to the last. */
export class JsonScanner {
  #at = 0
  #depth = 0
  /** Where reading stops: the end, or the first byte that is not UTF-8. */
  readonly #end: number
  readonly #badUtf8: number

  /** @param base offset of `bytes[0]` in the file, for messages */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly file: string | null,
    private readonly base: number,
    private readonly codes: JsonErrorCodes,
  ) {
    // Looked for at once, reported when reached: a defect before it comes first.
    this.#badUtf8 = invalidUtf8At(bytes)
    this.#end = this.#badUtf8 < 0 ? bytes.length : this.#badUtf8
  }

  /** File offset of the next value. */
  get offset(): number {
    this.#skipSpace()
    return this.base + this.#at
  }

  /** Kind of the next value, by its first character; nothing is consumed. */
  peek(): 'object' | 'array' | 'string' | 'number' | 'other' {
    const c = this.#next()
    if (c === '{') return 'object'
    if (c === '[') return 'array'
    if (c === '"') return 'string'
    return /[-0-9]/.test(c) ? 'number' : 'other'
  }

  /** Reads an object; `member` must consume each value. Names are unescaped and unique. */
  object(member: (name: string, offset: number) => void): void {
    const seen = new Map<string, number>()
    this.#items('{', '}', () => {
      const offset = this.offset
      const name = this.string()
      const earlier = seen.get(name)
      if (earlier !== undefined) {
        const reason = `the name stands at byte ${earlier} and again at byte ${offset}`
        throw this.error(this.codes.duplicate, reason, offset, label(name))
      }
      seen.set(name, offset)
      this.#expect(':')
      member(name, offset)
    })
  }

  /** Reads an array; `item` must consume each value. */
  array(item: (index: number) => void): void {
    let index = 0
    this.#items('[', ']', () => item(index++))
  }

  /** Reads a string. */
  string(): string {
    this.#expect('"')
    let text = ''
    for (;;) {
      const start = this.#at
      while (this.#at < this.#end && !this.#endsRun(this.bytes[this.#at]!)) this.#at++
      text += decodeUtf8(this.bytes.subarray(start, this.#at))
      if (this.#at >= this.#end) throw this.#unexpected('the end of the string')
      const c = this.bytes[this.#at]!
      if (c < 0x20) throw this.#unexpected('a character of the string; control characters must be escaped')
      this.#at++
      if (c === QUOTE) return text
      text += this.#escape()
    }
  }

  /**
   * Reads a number that is digits only, exactly, or a number too long for 64 bits as 2^64. Any other value gives `undefined`
   * and is not consumed.
   */
  unsigned(): bigint | undefined {
    this.#skipSpace()
    let end = this.#at
    while (end < this.#end && isDigit(this.bytes[end]!)) end++
    const digits = end - this.#at
    const following = String.fromCharCode(this.bytes[end] ?? 0)
    if (digits === 0 || (digits > 1 && this.bytes[this.#at] === 0x30) || /[.eE]/.test(following)) return undefined
    const text = decodeUtf8(this.bytes.subarray(this.#at, end))
    this.#at = end
    // The length is looked at first: converting a long run of digits takes quadratic time.
    const value = digits > 20 ? 2n ** 64n : BigInt(text)
    return value < 2n ** 64n ? value : 2n ** 64n
  }

  /** Reads any value and forgets it. */
  skip(): void {
    const kind = this.peek()
    if (kind === 'object') this.object(() => this.skip())
    else if (kind === 'array') this.array(() => this.skip())
    else if (kind === 'string') this.string()
    else this.#skipWord()
  }

  /** Makes sure that nothing but white space follows. */
  finish(): void {
    this.#skipSpace()
    if (this.#at < this.bytes.length) throw this.#unexpected('the end of the text')
  }

  error(code: string, reason: string, offset: number, field: string | null): FakError {
    return new FakError(code, { file: this.file, reason, offset, field })
  }

  #items(open: string, close: string, item: () => void): void {
    const offset = this.offset
    this.#expect(open)
    if (++this.#depth > MAX_JSON_DEPTH) {
      throw this.error(this.codes.depth, `nesting goes deeper than ${MAX_JSON_DEPTH} levels`, offset, null)
    }
    if (this.#next() === close) this.#at++
    else {
      for (;;) {
        item()
        const c = this.#next()
        if (c !== ',' && c !== close) throw this.#unexpected(`"," or "${close}"`)
        this.#at++
        if (c === close) break
      }
    }
    this.#depth--
  }

  #skipWord(): void {
    const start = this.#at
    while (this.#at < this.#end && /[-+.0-9A-Za-z]/.test(String.fromCharCode(this.bytes[this.#at]!))) this.#at++
    const word = decodeUtf8(this.bytes.subarray(start, this.#at))
    if (/^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/.test(word)) return
    // Where the text stops inside the word, that is the defect.
    if (this.#at < this.#end) this.#at = start
    throw this.#unexpected('a value')
  }

  #escape(): string {
    const c = String.fromCharCode(this.bytes[this.#at] ?? 0)
    const plain = escapes.get(c)
    if (plain !== undefined) {
      this.#at++
      return plain
    }
    const offset = this.base + this.#at - 1
    const unit = this.#hexEscape()
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit)
    if (unit < 0xdc00 && this.bytes[this.#at] === BACKSLASH && this.bytes[this.#at + 1] === 0x75) {
      this.#at++
      const low = this.#hexEscape()
      if (low >= 0xdc00 && low <= 0xdfff) return String.fromCharCode(unit, low)
    }
    throw this.error(this.codes.utf8, 'the escape names half of a surrogate pair, which is no character', offset, null)
  }

  /** The four hexadecimal digits of an escape, standing at its `u`. */
  #hexEscape(): number {
    const text = String.fromCharCode(...this.bytes.subarray(this.#at, Math.min(this.#at + 5, this.#end)))
    if (!/^u[0-9a-fA-F]{4}$/.test(text)) throw this.#unexpected('an escape of JSON')
    this.#at += 5
    return Number.parseInt(text.slice(1), 16)
  }

  #endsRun(byte: number): boolean {
    return byte === QUOTE || byte === BACKSLASH || byte < 0x20
  }

  #expect(character: string): void {
    if (this.#next() !== character) throw this.#unexpected(`"${character}"`)
    this.#at++
  }

  /** The next character that is not white space, or '' at the end. */
  #next(): string {
    this.#skipSpace()
    return this.#at < this.#end ? String.fromCharCode(this.bytes[this.#at]!) : ''
  }

  #skipSpace(): void {
    while (this.#at < this.#end) {
      const c = this.bytes[this.#at]!
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return
      this.#at++
    }
  }

  #unexpected(wanted: string): FakError {
    const offset = this.base + this.#at
    if (this.#at >= this.#end && this.#badUtf8 >= 0) {
      const byte = this.bytes[this.#badUtf8]!.toString(16)
      return this.error(
        this.codes.utf8,
        `byte 0x${byte} does not continue valid UTF-8`,
        this.base + this.#badUtf8,
        null,
      )
    }
    const found = this.#at >= this.#end ? 'the text ends' : `found ${label(String.fromCharCode(this.bytes[this.#at]!))}`
    return this.error(this.codes.syntax, `not valid JSON: ${wanted} is expected, ${found}`, offset, null)
  }
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
