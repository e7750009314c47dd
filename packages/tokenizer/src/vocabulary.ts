// The tokens of one vocabulary as raw bytes, found by id or by content. Half a million small strings would cost more to
// build than everything else in loading, so the bytes lie in one array and the index is one open hash table of ids.

import { FakError, quote } from '@fak/tensor'
import { MAX_TOKENS } from './limits.js'

const HASH_SEED = 0x811c9dc5 | 0
const ABSENT = -1

/** Continues a hash (FNV-1a) over `bytes[from, to)`; begin with {@link HASH_SEED} by leaving `state` out. */
export function hashBytes(bytes: Uint8Array, from: number, to: number, state = HASH_SEED): number {
  let h = state
  for (let i = from; i < to; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193)
  return h
}

/** FNV-1a leaves the low bits poorly mixed for short inputs; this spreads the high ones into them. */
export function slotOf(hash: number, mask: number): number {
  return (hash ^ (hash >>> 15)) & mask
}

/** Tokens by id and by content. `text` tokens can result from merges; `added` ones are matched literally or not at all. */
export class Vocabulary {
  private bytes: Uint8Array
  private used = 0
  private starts: Uint32Array
  private lengths: Int32Array
  private hashes: Int32Array
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
    this.starts = new Uint32Array(tokens)
    this.lengths = new Int32Array(tokens).fill(ABSENT)
    this.hashes = new Int32Array(tokens)
    this.table = new Int32Array(2 ** Math.ceil(Math.log2(tokens * 2))).fill(ABSENT)
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

  /** Keeps the bytes `[tail, end)` as token `id`, which merges may yield. */
  addText(id: number, end: number, field: string, offset: number | null): void {
    const hash = hashBytes(this.bytes, this.used, end)
    const twin = this.find(this.used, end, hash)
    if (twin >= 0) {
      this.fail('TOK_DUPLICATE_TOKEN', `token ${id} has the same bytes as token ${twin}`, field, offset)
    }
    this.place(id, end, field, offset)
    this.hashes[id] = hash
    if (++this.textTokens * 2 > this.table.length) this.growTable()
    this.insert(id)
  }

  /** Adds a token that is only ever matched as a whole. Its content is `text`, literally. */
  addLiteral(id: number, text: string, field: string, offset: number | null): void {
    const content = new TextEncoder().encode(text)
    this.reserve(content.length).set(content, this.used)
    this.place(id, this.used + content.length, field, offset)
  }

  private place(id: number, end: number, field: string, offset: number | null): void {
    if (id >= this.lengths.length) this.growIds(id)
    if (this.lengths[id] !== ABSENT) {
      const [first, second] = [this.text(id), new TextDecoder().decode(this.bytes.subarray(this.used, end))]
      const reason = `id ${id} belongs to two tokens, ${quote(first)} and ${quote(second)}`
      this.fail('TOK_DUPLICATE_ID', reason, field, offset)
    }
    this.starts[id] = this.used
    this.lengths[id] = end - this.used
    this.used = end
    if (id >= this.size) this.size = id + 1
  }

  private growIds(id: number): void {
    const capacity = Math.max(this.lengths.length * 2, id + 1)
    const grow = <A extends Uint32Array | Int32Array>(grown: A, old: A): A => {
      grown.set(old)
      return grown
    }
    this.starts = grow(new Uint32Array(capacity), this.starts)
    this.lengths = grow(new Int32Array(capacity).fill(ABSENT), this.lengths)
    this.hashes = grow(new Int32Array(capacity), this.hashes)
  }

  private growTable(): void {
    const old = this.table
    this.table = new Int32Array(old.length * 2).fill(ABSENT)
    for (const id of old) if (id !== ABSENT) this.insert(id)
  }

  private insert(id: number): void {
    const mask = this.table.length - 1
    let slot = slotOf(this.hashes[id]!, mask)
    while (this.table[slot] !== ABSENT) slot = (slot + 1) & mask
    this.table[slot] = id
  }

  /** Id of the text token with the bytes `[from, to)` of the {@link reserve} array, or -1. */
  find(from: number, to: number, hash: number): number {
    const mask = this.table.length - 1
    for (let slot = slotOf(hash, mask); ; slot = (slot + 1) & mask) {
      const id = this.table[slot]!
      if (id === ABSENT || (this.hashes[id] === hash && this.equals(id, from, to))) return id
    }
  }

  /** Whether token `id` has the bytes `[from, to)` of the {@link reserve} array. */
  equals(id: number, from: number, to: number): boolean {
    const length = to - from
    if (this.lengths[id] !== length) return false
    const start = this.starts[id]!
    for (let i = 0; i < length; i++) if (this.bytes[start + i] !== this.bytes[from + i]) return false
    return true
  }

  /** Id of the text token with these bytes, or -1. */
  idOfBytes(content: Uint8Array): number {
    this.reserve(content.length).set(content, this.used)
    return this.find(this.used, this.used + content.length, hashBytes(content, 0, content.length))
  }

  /** Whether `id` is an integer that has a token. */
  has(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.size && this.lengths[id] !== ABSENT
  }

  /** The bytes of token `id`, which must exist; a view, not a copy. */
  bytesOf(id: number): Uint8Array {
    const start = this.starts[id]!
    return this.bytes.subarray(start, start + this.lengths[id]!)
  }

  /** Number of bytes of token `id`, which must exist. */
  lengthOf(id: number): number {
    return this.lengths[id]!
  }

  /** Writes the bytes of token `id`, which must exist, to `into` from `at`, and returns where they end. */
  copy(id: number, into: Uint8Array, at: number): number {
    const start = this.starts[id]!
    const length = this.lengths[id]!
    for (let i = 0; i < length; i++) into[at + i] = this.bytes[start + i]!
    return at + length
  }

  private text(id: number): string {
    return new TextDecoder().decode(this.bytesOf(id))
  }

  private fail(code: string, reason: string, field: string, offset: number | null): never {
    throw new FakError(code, { file: this.file, reason, field, offset })
  }
}
