// The tokens of one vocabulary as raw bytes, found by id or by content. Half a million small strings would cost more to
// build than everything else in loading, so the bytes lie in one array and the index is one open hash table. What is looked at
// together lies together: at this size a look-up costs what its cache misses cost.

import { FakError, quote } from '@fak/tensor'
import { MAX_TOKENS } from './limits.js'

/** Hash of no bytes. */
export const HASH_SEED = 0x811c9dc5 | 0

/** Continues a hash (FNV-1a) over one byte. */
export function hashByte(state: number, byte: number): number {
  return Math.imul(state ^ byte, 0x01000193)
}

/** Continues a hash (FNV-1a) over `bytes[from, to)`; begin with {@link HASH_SEED} by leaving `state` out. */
export function hashBytes(bytes: Uint8Array, from: number, to: number, state = HASH_SEED): number {
  let h = state
  for (let i = from; i < to; i++) h = hashByte(h, bytes[i]!)
  return h
}

/** FNV-1a leaves the low bits poorly mixed for short inputs; this spreads the high ones into them. */
function slotOf(hash: number, mask: number): number {
  return (hash ^ (hash >>> 15)) & mask
}

/** Tokens by id and by content. `text` tokens can result from merges; `added` ones are matched literally or not at all. */
export class Vocabulary {
  private bytes: Uint8Array
  private used = 0
  /**
   * Two numbers an id: where its bytes begin, and one more than how many there are; 0 for no token. The second is negative for
   * a token that is only matched as a whole: no merge can yield it.
   */
  private spans: Int32Array
  /** Two numbers a slot: hash, and one more than the id; 0 where the slot is empty. */
  private table: Int32Array
  private textTokens = 0
  /** One more than the highest id. */
  size = 0

  /** `expected`: about how many tokens and bytes will come; a guess only saves copying. */
  constructor(
    private readonly file: string | null,
    expected: { tokens: number; bytes: number },
  ) {
    const tokens = Math.max(512, Math.min(expected.tokens, MAX_TOKENS))
    this.bytes = new Uint8Array(Math.max(4096, expected.bytes))
    this.spans = new Int32Array(tokens * 2)
    this.table = new Int32Array(2 * 2 ** Math.ceil(Math.log2(tokens * 1.5)))
  }

  /**
   * Room for `length` bytes behind the stored tokens: write there from {@link tail}, then {@link addText} to keep them.
   * The array is good until the next call.
   */
  reserve(length: number): Uint8Array {
    if (this.used + length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.used + length))
      grown.set(this.bytes.subarray(0, this.used))
      this.bytes = grown
    }
    return this.bytes
  }

  /** Gives back the room that {@link reserve} holds beyond the stored tokens. */
  trim(): void {
    this.bytes = this.bytes.slice(0, this.used + 256)
  }

  /** Where the bytes of the next token begin in the array of {@link reserve}. */
  get tail(): number {
    return this.used
  }

  /** Keeps the bytes `[tail, end)` as token `id`, which merges may yield. `hash` is theirs, where the caller knows it. */
  addText(
    id: number,
    end: number,
    field: string,
    offset: number | null,
    hash: number = hashBytes(this.bytes, this.used, end),
  ): void {
    if ((this.textTokens + 1) * 3 > this.table.length) this.growTable()
    const { table } = this
    const mask = (table.length >> 1) - 1
    let slot = slotOf(hash, mask)
    for (; table[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      const twin = table[slot * 2 + 1]! - 1
      if (table[slot * 2] === hash && this.equals(twin, this.used, end)) {
        this.fail('TOK_DUPLICATE_TOKEN', `token ${id} has the same bytes as token ${twin}`, field, offset)
      }
    }
    const start = this.used
    this.place(id, end, field, offset)
    this.spans[id * 2 + 1] = end - start + 1
    this.textTokens++
    table[slot * 2] = hash
    table[slot * 2 + 1] = id + 1
  }

  /** Adds a token that is only ever matched as a whole. Its content is `text`, literally. */
  addLiteral(id: number, text: string, field: string, offset: number | null): void {
    const content = new TextEncoder().encode(text)
    this.reserve(content.length).set(content, this.used)
    this.place(id, this.used + content.length, field, offset)
  }

  private place(id: number, end: number, field: string, offset: number | null): void {
    if (id * 2 >= this.spans.length) this.growIds(id)
    if (this.spans[id * 2 + 1] !== 0) {
      const [first, second] = [this.text(id), new TextDecoder().decode(this.bytes.subarray(this.used, end))]
      const reason = `id ${id} belongs to two tokens, ${quote(first)} and ${quote(second)}`
      this.fail('TOK_DUPLICATE_ID', reason, field, offset)
    }
    this.spans[id * 2] = this.used
    this.spans[id * 2 + 1] = this.used - end - 1
    this.used = end
    if (id >= this.size) this.size = id + 1
  }

  private growIds(id: number): void {
    const grown = new Int32Array(Math.max(this.spans.length * 2, id * 2 + 2))
    grown.set(this.spans)
    this.spans = grown
  }

  private growTable(): void {
    const old = this.table
    this.table = new Int32Array(old.length * 2)
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.insert(old[at]!, old[at + 1]!)
  }

  private insert(hash: number, idPlusOne: number): void {
    const { table } = this
    const mask = (table.length >> 1) - 1
    let slot = slotOf(hash, mask)
    while (table[slot * 2 + 1] !== 0) slot = (slot + 1) & mask
    table[slot * 2] = hash
    table[slot * 2 + 1] = idPlusOne
  }

  /** Id of the text token with the bytes `[from, to)` of the {@link reserve} array, or -1. */
  find(from: number, to: number, hash: number): number {
    const { table } = this
    const mask = (table.length >> 1) - 1
    for (let slot = slotOf(hash, mask); ; slot = (slot + 1) & mask) {
      const id = table[slot * 2 + 1]! - 1
      if (id < 0 || (table[slot * 2] === hash && this.equals(id, from, to))) return id
    }
  }

  /** Whether `id` is a text token with the bytes `[from, to)` of the {@link reserve} array. */
  equals(id: number, from: number, to: number): boolean {
    const { bytes, spans } = this
    const length = to - from
    if (spans[id * 2 + 1] !== length + 1) return false
    const start = spans[id * 2]!
    for (let i = 0; i < length; i++) if (bytes[start + i] !== bytes[from + i]) return false
    return true
  }

  /** Id of the text token with these bytes, or -1. */
  idOfBytes(content: Uint8Array): number {
    this.reserve(content.length).set(content, this.used)
    return this.find(this.used, this.used + content.length, hashBytes(content, 0, content.length))
  }

  /** Whether `id` is an integer that has a token. */
  has(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.size && this.spans[id * 2 + 1] !== 0
  }

  /** The bytes of token `id`, which must exist; a view, not a copy. */
  bytesOf(id: number): Uint8Array {
    const start = this.spans[id * 2]!
    return this.bytes.subarray(start, start + this.lengthOf(id))
  }

  /** Number of bytes of token `id`, which must exist. */
  lengthOf(id: number): number {
    return Math.abs(this.spans[id * 2 + 1]!) - 1
  }

  /** Writes the bytes of token `id`, which must exist, to `into` from `at`, and returns where they end. */
  copy(id: number, into: Uint8Array, at: number): number {
    const { bytes } = this
    const start = this.spans[id * 2]!
    const length = this.lengthOf(id)
    for (let i = 0; i < length; i++) into[at + i] = bytes[start + i]!
    return at + length
  }

  private text(id: number): string {
    return new TextDecoder().decode(this.bytesOf(id))
  }

  private fail(code: string, reason: string, field: string, offset: number | null): never {
    throw new FakError(code, { file: this.file, reason, field, offset })
  }
}
