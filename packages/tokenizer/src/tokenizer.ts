// Text to token ids and back. This page is the pipeline; each stage has its own file.

import { FakError, quote } from '@fak/tensor'
import { AddedTokenMatcher, type Segment } from './added-token-matcher.js'
import type { AddedToken } from './added-tokens.js'
import { BytePairEncoder } from './bpe.js'
import { type GgufTokenizerMetadata, partsFromGguf } from './from-gguf.js'
import { partsFromJson } from './from-json.js'
import { IdBuffer } from './id-buffer.js'
import type { JsonInput } from './json-input.js'
import { normalizeNfc } from './normalize.js'
import { singleByteIds, type TokenizerParts } from './parts.js'
import { PieceScanner } from './piece-scanner.js'
import { StreamDecoder } from './stream-decoder.js'
import type { Vocabulary } from './vocabulary.js'

/**
 * Which added tokens are recognised in a text: none (they are text like any other), all, or those with the given contents.
 * Use `'none'` for whatever a user typed: otherwise a user can write control tokens.
 */
export type SpecialPolicy = 'none' | 'all' | ReadonlySet<string>

/** Options of {@link Tokenizer.encode}. */
export interface EncodeOptions {
  /** Default `'none'`. */
  special?: SpecialPolicy
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

const utf8Encoder = new TextEncoder()
// A byte order mark is text like any other.
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const NOTHING = new Uint8Array(0)

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

  private readonly file: string | null
  private readonly vocabulary: Vocabulary
  private readonly normalize: 'nfc' | 'none'
  private readonly added: TokenizerParts['added']
  private readonly scanner: PieceScanner
  private readonly pairs: BytePairEncoder
  private allAdded: readonly AddedTokenMatcher[] | undefined

  private constructor(parts: TokenizerParts, normalize: 'nfc' | 'none' | undefined) {
    this.file = parts.file
    this.vocabulary = parts.vocabulary
    this.added = parts.added
    this.normalize = normalize ?? parts.normalize
    this.vocabSize = parts.vocabulary.size
    this.eosTokenId = parts.eosTokenId
    this.bosTokenId = parts.bosTokenId
    this.padTokenId = parts.padTokenId
    this.scanner = new PieceScanner(parts.rules)
    this.pairs = new BytePairEncoder(singleByteIds(parts.vocabulary, parts.file), parts.merges)
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
   * @throws FakError `TOK_BAD_INPUT` when `text` is no string, `TOK_UNKNOWN_TOKEN` when `special` names a token that does not exist.
   */
  encode(text: string, options: EncodeOptions = {}): Uint32Array {
    return this.encodeToBuffer(text, options).toArray()
  }

  /**
   * Cuts `text` at the added tokens in it (all but those that are matched in normalized text), the longest first; the rest
   * stays text. It shows where {@link encode} with `special: 'all'` would find them.
   */
  splitAdded(text: string): Segment[] {
    return this.matchersOf('all')[0]!.split(text)
  }

  /** Number of tokens of `text`. */
  count(text: string, options: EncodeOptions = {}): number {
    return this.encodeToBuffer(text, options).length
  }

  private encodeToBuffer(text: string, { special = 'none' }: EncodeOptions): IdBuffer {
    if (typeof text !== 'string') {
      throw new FakError('TOK_BAD_INPUT', { reason: `text must be a string, got ${typeof text}`, field: 'text' })
    }
    const out = new IdBuffer()
    const [verbatim, normalized] = this.matchersOf(special)
    for (const segment of verbatim ? verbatim.split(text) : [{ text }]) {
      if ('id' in segment) out.push(segment.id)
      else this.encodeSegment(segment.text, normalized, out)
    }
    return out
  }

  private encodeSegment(text: string, matcher: AddedTokenMatcher | undefined, out: IdBuffer): void {
    const normal = this.normalize === 'nfc' ? normalizeNfc(text) : text
    for (const segment of matcher ? matcher.split(normal) : [{ text: normal }]) {
      if ('id' in segment) out.push(segment.id)
      else this.encodeText(segment.text, out)
    }
  }

  private encodeText(text: string, out: IdBuffer): void {
    const bytes = utf8Encoder.encode(text)
    for (let start = 0; start < bytes.length; ) {
      const end = this.scanner.pieceEnd(bytes, start, bytes.length)
      this.pairs.encodePiece(bytes, start, end, out)
      start = end
    }
  }

  /** The searches that a policy asks for: in the text as given, and in the normalized text. */
  private matchersOf(policy: SpecialPolicy): readonly (AddedTokenMatcher | undefined)[] {
    if (policy === 'none') return []
    if (policy === 'all') {
      this.allAdded ??= this.buildMatchers([...this.added.byId.values()])
      return this.allAdded
    }
    if (!(policy instanceof Set)) {
      const reason = `special must be "none", "all" or a Set of token contents, got ${quote(String(policy))}`
      throw new FakError('TOK_BAD_INPUT', { reason, field: 'special' })
    }
    const chosen = [...policy].map((content) => {
      const token = this.added.byContent.get(content)
      if (token) return token
      const reason = `${quote(content)} is no added token of this vocabulary`
      throw new FakError('TOK_UNKNOWN_TOKEN', { file: this.file, reason, field: 'special' })
    })
    return this.buildMatchers(chosen)
  }

  private buildMatchers(tokens: readonly AddedToken[]): AddedTokenMatcher[] {
    const normalForm = ({ content, ...token }: AddedToken): AddedToken => {
      return { ...token, content: this.normalize === 'nfc' ? normalizeNfc(content) : content }
    }
    return [
      new AddedTokenMatcher(tokens.filter((token) => !token.normalized)),
      new AddedTokenMatcher(tokens.filter((token) => token.normalized).map(normalForm)),
    ]
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
    const id = this.vocabulary.idOfBytes(utf8Encoder.encode(token))
    return id < 0 ? undefined : id
  }

  /** Whether a token is a control token, which `skipSpecial` leaves out. `<think>` and `<tool_call>` are not. */
  isSpecial(id: number): boolean {
    return this.added.byId.get(id)?.special === true
  }
}
