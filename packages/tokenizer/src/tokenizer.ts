// Text to token ids and back. This page is the pipeline; each stage has its own file.

import { FakError, quote } from '@fak/tensor'
import type { Segment } from './added-token-matcher.js'
import { BytePairEncoder } from './bpe.js'
import { type GgufTokenizerMetadata, partsFromGguf } from './from-gguf.js'
import { partsFromJson } from './from-json.js'
import { IdBuffer } from './id-buffer.js'
import type { JsonInput } from './json-input.js'
import { type OffsetUnit, type Spans, spansOf } from './offsets.js'
import { singleByteIds, type TokenizerParts } from './parts.js'
import { type PieceRules, PieceScanner } from './piece-scanner.js'
import { StreamDecoder } from './stream-decoder.js'
import { type SpecialPolicy, type Stretch, TextToTokens } from './text-encoder.js'
import type { Vocabulary } from './vocabulary.js'

/** Options of everything that encodes. */
export interface EncodeOptions {
  /** Which added tokens are recognised in the text. Default `'none'`. */
  special?: SpecialPolicy
}

/** How to shorten what is too long. */
export interface Truncation {
  /** At most this many tokens stay. */
  readonly maxTokens: number
  /** The end that tokens are taken from. Default `'right'`: the beginning stays. */
  readonly side?: 'left' | 'right'
}

/** Options of {@link Tokenizer.encode} and {@link Tokenizer.encodeBatch}. */
export interface EncodeTextOptions extends EncodeOptions {
  /** Shorten the result. Cuts fall between characters, so fewer than `maxTokens` may stay. Default: all tokens stay. */
  truncate?: Truncation
}

/** Options of {@link Tokenizer.encodeWithOffsets}. */
export interface EncodeOffsetsOptions extends EncodeTextOptions {
  /** What offsets count. Default `'utf16'`: positions in the JavaScript string, for `slice`. */
  unit?: OffsetUnit
}

/** Options of {@link Tokenizer.count}. */
export interface CountOptions extends EncodeOptions {
  /** Stop once there are more than this many: the result is then `limit + 1`. Default: count all. */
  limit?: number
}

/** Tokens, and for each the span of the text it came from. */
export interface Encoding {
  /** Token ids. */
  readonly ids: Uint32Array
  /** Where the span of each token begins. */
  readonly starts: Uint32Array
  /** Where it ends. */
  readonly ends: Uint32Array
}

/** What {@link Tokenizer.encodeInto} did. */
export interface EncodeIntoResult {
  /** UTF-16 units of the text that the written tokens stand for. */
  readonly read: number
  /** Tokens written. */
  readonly written: number
  /** Whether that is all of the text. */
  readonly complete: boolean
}

/** Options of {@link Tokenizer.decode}. */
export interface DecodeOptions {
  /** Leave out control tokens such as `<|im_end|>`. Default false. */
  skipSpecial?: boolean
}

/** Options of both ways to load a {@link Tokenizer}. */
export interface LoadOptions {
  /** Name of the file, for messages. */
  file?: string
  /** Unicode normalization before encoding. Default: what the file says; NFC for GGUF, which does not say. */
  normalize?: 'nfc' | 'none'
}

/** Options of {@link Tokenizer.fromJson}. */
export interface FromJsonOptions extends LoadOptions {
  /** tokenizer_config.json, which adds tokens and names the end-of-text token. */
  config?: JsonInput
}

// A byte order mark is text like any other.
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const NOTHING = new Uint8Array(0)
const ALL = Number.POSITIVE_INFINITY
/** Room for at most this many tokens stays with the tokenizer between calls. */
const KEPT_IDS = 262_144

/**
 * A byte-level BPE tokenizer of the Qwen family. Immutable; encoding is deterministic and does not depend on the
 * JavaScript engine's Unicode tables, apart from NFC itself.
 */
export class Tokenizer {
  /** One more than the highest id. A model may have more embedding rows than this; those ids are no tokens. */
  readonly vocabSize: number
  /** The token that ends a turn, when the file names one. */
  readonly eosTokenId: number | undefined
  /** The token before every text, when the file names one. It is never added by itself. */
  readonly bosTokenId: number | undefined
  /** The token that fills a batch, when the file names one. */
  readonly padTokenId: number | undefined
  /** How text is cut into pieces before merging; the value of `tokenizer.ggml.pre` in GGUF files. */
  readonly pieceRules: PieceRules

  private readonly file: string | null
  private readonly vocabulary: Vocabulary
  private readonly added: TokenizerParts['added']
  private readonly encoder: TextToTokens
  private buffer = new IdBuffer()

  private constructor(parts: TokenizerParts, normalize: 'nfc' | 'none' | undefined) {
    this.file = parts.file
    this.vocabulary = parts.vocabulary
    this.added = parts.added
    this.vocabSize = parts.vocabulary.size
    this.eosTokenId = parts.eosTokenId
    this.bosTokenId = parts.bosTokenId
    this.padTokenId = parts.padTokenId
    this.pieceRules = parts.rules
    const scanner = new PieceScanner(parts.rules)
    const byteIds = singleByteIds(parts.vocabulary, parts.file)
    const pairs = new BytePairEncoder(scanner, byteIds, parts.merges, this.vocabSize)
    this.encoder = new TextToTokens(parts, pairs, normalize ?? parts.normalize)
  }

  /**
   * Loads a tokenizer.json. Bytes load fastest: they are read without building the vocabulary as JavaScript strings.
   *
   * @throws FakError with a `TOK_` code and a byte offset; see the README for the list.
   */
  static fromJson(json: JsonInput, options: FromJsonOptions = {}): Tokenizer {
    return new Tokenizer(partsFromJson(json, options.file ?? null, options.config), options.normalize)
  }

  /**
   * Loads a tokenizer from the metadata of a GGUF file: `Tokenizer.fromGguf((await openGguf(path)).metadata)`.
   *
   * @throws FakError with a `TOK_` code; `TOK_MISSING` when the file has no tokenizer.
   */
  static fromGguf(metadata: GgufTokenizerMetadata, options: LoadOptions = {}): Tokenizer {
    return new Tokenizer(partsFromGguf(metadata, options.file ?? null), options.normalize)
  }

  /**
   * Token ids of `text`. Nothing is added before or after it. Lone surrogates count as U+FFFD.
   *
   * @throws FakError `TOK_BAD_INPUT` when `text` is no string or an option has a wrong value, `TOK_UNKNOWN_TOKEN` when `special`
   *   names a token that does not exist.
   */
  encode(text: string, options: EncodeTextOptions = {}): Uint32Array {
    const { truncate } = options
    if (truncate) return this.encodeSpans(text, options, truncate, 'utf16').ids
    const out = new IdBuffer()
    this.run(text, options, out, ALL)
    return out.toArray()
  }

  /** {@link encode} of each text. */
  encodeBatch(texts: Iterable<string>, options: EncodeTextOptions = {}): Uint32Array[] {
    return Array.from(texts, (text) => this.encode(text, options))
  }

  /**
   * Token ids of `text` and the span of `text` that each came from, in UTF-16 units or in bytes of its UTF-8 form.
   *
   * A span is the smallest stretch of whole characters that holds everything the token was made from. Where normalization changed
   * the text, what it changed together belongs together: a character with the marks after it (or the syllable of Hangul jamo), so
   * a token from within has the span of the whole. Tokens that hold parts of one character have that character's span. Hence
   * spans never go back, and where they do not overlap they touch: together they cover the text.
   *
   * @throws FakError as {@link encode}
   */
  encodeWithOffsets(text: string, options: EncodeOffsetsOptions = {}): Encoding {
    const { truncate, unit = 'utf16' } = options
    if (unit !== 'utf16' && unit !== 'utf8')
      throw badInput(`unit must be "utf16" or "utf8", got ${quote(String(unit))}`, 'unit')
    return this.encodeSpans(text, options, truncate, unit)
  }

  /**
   * Writes the token ids of `text` to `target`, as many as fit, without making an array. It never writes a part of the tokens
   * of one character (as {@link encodeWithOffsets} defines it), so `text.slice(read)` is what is left. When encoded on its own it
   * may become other tokens than as a part of the whole.
   *
   * @throws FakError as {@link encode}; `TOK_BAD_INPUT` when `target` is no `Uint32Array` or `Int32Array`
   */
  encodeInto(text: string, target: Uint32Array | Int32Array, options: EncodeOptions = {}): EncodeIntoResult {
    if (!(target instanceof Uint32Array || target instanceof Int32Array)) {
      throw badInput('target must be a Uint32Array or an Int32Array', 'target')
    }
    const { out, stretches, complete } = this.run(text, options, this.scratch(), target.length + 1, [])
    let written = out.length
    let read = text.length
    if (written > target.length) {
      const { ends, whole } = this.spansOf(text, out, stretches, 'utf16')
      written = cutAtMost(whole, target.length)
      read = written === 0 ? 0 : ends[written - 1]!
    }
    target.set(out.ids.subarray(0, written))
    return { read, written, complete: complete && read === text.length }
  }

  /**
   * Number of tokens of `text`. The tokens themselves are not kept.
   *
   * @throws FakError as {@link encode}
   */
  count(text: string, options: CountOptions = {}): number {
    const { limit = ALL } = options
    if (limit !== ALL) checkCount(limit, 'limit')
    return Math.min(this.run(text, options, this.scratch(), limit + 1).out.length, limit + 1)
  }

  /**
   * Cuts `text` at the added tokens in it (all but those that are matched in normalized text), the longest first; the rest
   * stays text. It shows where {@link encode} with `special: 'all'` would find them.
   */
  splitAdded(text: string): Segment[] {
    return this.encoder.verbatim.split(text)
  }

  private run(text: string, { special = 'none' }: EncodeOptions, out: IdBuffer, limit: number, stretches?: Stretch[]) {
    if (typeof text !== 'string') throw badInput(`text must be a string, got ${typeof text}`, 'text')
    const complete = this.encoder.encode(text, special, out, limit, stretches)
    return { out, stretches: stretches ?? [], complete }
  }

  /** A buffer for tokens that are not kept. */
  private scratch(): IdBuffer {
    if (this.buffer.ids.length > KEPT_IDS) this.buffer = new IdBuffer()
    this.buffer.length = 0
    return this.buffer
  }

  private spansOf(text: string, { ids, length }: IdBuffer, stretches: readonly Stretch[], unit: OffsetUnit): Spans {
    return spansOf({ text, ids, count: length, stretches }, unit, (id) => this.vocabulary.lengthOf(id))
  }

  private encodeSpans(text: string, options: EncodeOptions, cut: Truncation | undefined, unit: OffsetUnit): Encoding {
    const { maxTokens = ALL, side = 'right' } = cut ?? {}
    if (maxTokens !== ALL) checkCount(maxTokens, 'truncate.maxTokens')
    if (side !== 'left' && side !== 'right') throw badInput(`side must be "left" or "right"`, 'truncate.side')
    // What is cut away on the right need not be encoded, but for the token that shows that there is something.
    const { out, stretches } = this.run(text, options, new IdBuffer(), side === 'right' ? maxTokens + 1 : ALL, [])
    const { starts, ends, whole } = this.spansOf(text, out, stretches, unit)
    const from = side === 'left' ? cutAtLeast(whole, out.length - maxTokens) : 0
    const to = side === 'right' ? cutAtMost(whole, maxTokens) : out.length
    return { ids: out.ids.slice(from, to), starts: starts.slice(from, to), ends: ends.slice(from, to) }
  }

  /**
   * Text of the given tokens. Bytes that are not UTF-8 become U+FFFD.
   *
   * @throws FakError `TOK_UNKNOWN_ID` for an id without a token.
   */
  decode(ids: ArrayLike<number>, { skipSpecial = false }: DecodeOptions = {}): string {
    let length = 0
    for (let i = 0; i < ids.length; i++) {
      if (!this.has(ids[i]!)) this.failUnknown(ids[i]!)
      length += this.vocabulary.lengthOf(ids[i]!)
    }
    const bytes = new Uint8Array(length)
    let end = 0
    for (let i = 0; i < ids.length; i++) {
      if (!skipSpecial || !this.isSpecial(ids[i]!)) end = this.vocabulary.copy(ids[i]!, bytes, end)
    }
    return utf8Decoder.decode(bytes.subarray(0, end))
  }

  /** A decoder for tokens that arrive one by one; it holds back unfinished characters. */
  streamDecoder(options: DecodeOptions = {}): StreamDecoder {
    return new StreamDecoder((id) => this.outputOf(id, options))
  }

  private outputOf(id: number, { skipSpecial = false }: DecodeOptions): Uint8Array {
    return skipSpecial && this.isSpecial(id) ? NOTHING : this.viewOf(id)
  }

  /**
   * The bytes of a token, which need not be whole characters.
   *
   * @throws FakError `TOK_UNKNOWN_ID` for an id without a token.
   */
  tokenBytes(id: number): Uint8Array {
    return this.viewOf(id).slice()
  }

  private viewOf(id: number): Uint8Array {
    return this.has(id) ? this.vocabulary.bytesOf(id) : this.failUnknown(id)
  }

  private failUnknown(id: number): never {
    const reason = `${String(id)} is not the id of a token; ids are integers in 0..${this.vocabSize - 1}`
    throw new FakError('TOK_UNKNOWN_ID', { file: this.file, reason, field: 'id' })
  }

  /** Whether `id` has a token. A vocabulary may have holes, and a model more rows than its vocabulary has tokens. */
  has(id: number): boolean {
    return this.vocabulary.has(id)
  }

  /** Id of the token with exactly this text (`'<|im_end|>'`, `' the'`, `'\n'`), added tokens first. */
  idOf(token: string): number | undefined {
    const added = this.added.byContent.get(token)
    if (added) return added.id
    const id = this.vocabulary.idOfBytes(new TextEncoder().encode(token))
    return id < 0 ? undefined : id
  }

  /** Whether a token is matched as a whole and not made by merges: control tokens, and others such as `<think>`. */
  isAdded(id: number): boolean {
    return this.added.byId.has(id)
  }

  /** Whether a token is a control token, which `skipSpecial` leaves out. `<think>` and `<tool_call>` are not. */
  isSpecial(id: number): boolean {
    return this.added.byId.get(id)?.special === true
  }
}

function badInput(reason: string, field: string): FakError {
  return new FakError('TOK_BAD_INPUT', { reason, field })
}

function checkCount(value: number, field: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw badInput(`a number of tokens must be an integer from 0 on, got ${quote(String(value))}`, field)
}

/** The largest number of tokens up to `most` behind which the text may be cut. */
function cutAtMost(whole: Uint8Array, most: number): number {
  let count = Math.min(most, whole.length)
  while (count > 0 && whole[count - 1] === 0) count--
  return count
}

/** The smallest number of tokens from `least` on behind which the text may be cut. */
function cutAtLeast(whole: Uint8Array, least: number): number {
  let count = Math.max(least, 0)
  while (count > 0 && count < whole.length && whole[count - 1] === 0) count++
  return count
}
