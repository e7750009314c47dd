// The tokenizer keys of a GGUF file -> TokenizerParts. It names the keys it reads and leaves reading the file to others.

import { FakError, quote } from '@fak/tensor'
import { AddedTokenList } from './added-tokens.js'
import { MAX_TOKENS } from './limits.js'
import { MergeReader, type MergeTable } from './merges.js'
import type { TokenizerParts } from './parts.js'
import type { PieceRules } from './piece-scanner.js'
import { decodeSpelling } from './spelling.js'
import { Vocabulary } from './vocabulary.js'

/**
 * Typed look-up in the metadata of a GGUF file; `undefined` for an absent key. The metadata of a file opened by `@fak/gguf`
 * is one.
 */
export interface GgufTokenizerMetadata {
  /** The string under a key. */
  string(key: string): string | undefined
  /** The number under a key. */
  number(key: string): number | undefined
  /** The bool under a key. */
  boolean(key: string): boolean | undefined
  /** The strings under a key. */
  strings(key: string): readonly string[] | undefined
  /** The numbers under a key. */
  numbers(key: string): ArrayLike<number> | undefined
  /** The strings under a key where they lie. Without this, {@link strings} is asked, which takes longer. */
  stringBytes?(key: string): StringBytes | undefined
}

/** Strings in UTF-8 that were not decoded: string `i` is `bytes[starts[i], ends[i])`. */
export interface StringBytes {
  /** Number of strings. */
  readonly length: number
  readonly bytes: Uint8Array
  readonly starts: ArrayLike<number>
  readonly ends: ArrayLike<number>
}

const NORMAL = 1
const CONTROL = 3
const USER_DEFINED = 4
const UNUSED = 5

/** Reads the keys under `tokenizer.ggml.` and checks it as strictly as a tokenizer.json. */
export function partsFromGguf(metadata: GgufTokenizerMetadata, file: string | null): TokenizerParts {
  const fail = (code: string, reason: string, key: string): never => {
    throw new FakError(code, { file, reason, field: `tokenizer.ggml.${key}` })
  }
  const needed = <T>(value: T | undefined, key: string): T =>
    value === undefined ? fail('TOK_MISSING', 'the file has no tokenizer', key) : value
  const model = needed(metadata.string('tokenizer.ggml.model'), 'model')
  const pre = needed(metadata.string('tokenizer.ggml.pre'), 'pre')
  if (model !== 'gpt2') fail('TOK_UNSUPPORTED_MODEL', `model ${quote(model)}; only "gpt2" is supported`, 'model')
  if (pre !== 'qwen2' && pre !== 'qwen35') {
    fail('TOK_UNSUPPORTED_PRE', `pre-tokenizer ${quote(pre)}; supported are "qwen2" and "qwen35"`, 'pre')
  }
  if (metadata.boolean('tokenizer.ggml.add_bos_token') === true) {
    fail(
      'TOK_UNSUPPORTED_BOS',
      'the file asks for a first token before every text, which these models never have',
      'add_bos_token',
    )
  }
  const tokens = needed(bytesOfStrings(metadata, 'tokenizer.ggml.tokens'), 'tokens')
  const tokenTypes = needed(metadata.numbers('tokenizer.ggml.token_type'), 'token_type')
  const mergeList = needed(bytesOfStrings(metadata, 'tokenizer.ggml.merges'), 'merges')
  if (tokens.length > MAX_TOKENS) fail('TOK_TOO_LARGE', `${tokens.length} tokens, at most ${MAX_TOKENS}`, 'tokens')
  if (tokenTypes.length !== tokens.length) {
    fail('TOK_BAD_TOKEN_TYPE', `${tokenTypes.length} types for ${tokens.length} tokens`, 'token_type')
  }

  const vocabulary = new Vocabulary(file, { tokens: tokens.length, bytes: tokens.length * 8 })
  const added = new AddedTokenList(file)
  for (let id = 0; id < tokens.length; id++) {
    const [start, end] = [tokens.starts[id]!, tokens.ends[id]!]
    const text = (): string => utf8.decode(tokens.bytes.subarray(start, end))
    const field = 'tokenizer.ggml.tokens'
    const type = tokenTypes[id]!
    if (type === NORMAL) {
      const last = decodeSpelling(tokens.bytes, start, end, vocabulary.reserve(end - start), vocabulary.tail)
      if (last >= 0) vocabulary.addText(id, last, field, null)
      else vocabulary.addLiteral(id, text(), field, null)
    } else if (type === CONTROL || type === USER_DEFINED) {
      const content = text()
      added.add({ id, content, special: type === CONTROL, normalized: false }, field, null)
      vocabulary.addLiteral(id, content, field, null)
    } else if (type === UNUSED) {
      vocabulary.addLiteral(id, text(), field, null)
    } else {
      fail('TOK_BAD_TOKEN_TYPE', `token ${id} has type ${type}; supported are 1, 3, 4 and 5`, 'token_type')
    }
  }
  const named = (key: string): number | undefined => {
    const id = metadata.number(`tokenizer.ggml.${key}`)
    if (id !== undefined && !vocabulary.has(id)) fail('TOK_UNKNOWN_TOKEN', `token ${id} does not exist`, key)
    return id
  }
  return {
    file,
    vocabulary,
    merges: readMerges(mergeList, vocabulary, file),
    added,
    rules: pre as PieceRules,
    normalize: 'nfc',
    eosTokenId: named('eos_token_id'),
    bosTokenId: named('bos_token_id'),
    padTokenId: named('padding_token_id'),
  }
}

const SPACE = 0x20

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

function readMerges(list: StringBytes, vocabulary: Vocabulary, file: string | null): MergeTable {
  const merges = new MergeReader(vocabulary, file, 'tokenizer.ggml.merges', list.length)
  const from = vocabulary.tail
  const { bytes } = list
  for (let rank = 0; rank < list.length; rank++) {
    const [start, end] = [list.starts[rank]!, list.ends[rank]!]
    // The alphabet has no space, so a space in a part makes the part no token.
    let space = start
    while (space < end && bytes[space] !== SPACE) space++
    if (space === end) merges.fail('TOK_BAD_MERGE', 'one part, but a merge has two', null)
    const scratch = vocabulary.reserve(end - start)
    const middle = decodeSpelling(bytes, start, space, scratch, from)
    const last = middle < 0 ? -1 : decodeSpelling(bytes, space + 1, end, scratch, middle)
    if (last < 0) merges.fail('TOK_BAD_MERGE', 'a part is not a token of the vocabulary', null)
    merges.add(scratch, from, middle, last, null)
  }
  return merges.table
}

/** The strings under a key as bytes: half a million JavaScript strings would cost more than all the rest of loading. */
function bytesOfStrings(metadata: GgufTokenizerMetadata, key: string): StringBytes | undefined {
  if (metadata.stringBytes) return metadata.stringBytes(key)
  const strings = metadata.strings(key)
  if (!strings) return undefined
  const bytes = new Uint8Array(strings.reduce((sum, text) => sum + text.length * 3, 0))
  const starts = new Uint32Array(strings.length)
  const ends = new Uint32Array(strings.length)
  const encoder = new TextEncoder()
  let at = 0
  for (const [i, text] of strings.entries()) {
    starts[i] = at
    at += encoder.encodeInto(text, bytes.subarray(at)).written
    ends[i] = at
  }
  return { length: strings.length, bytes, starts, ends }
}
