// tokenizer.json (the format of HF `tokenizers`) -> TokenizerParts. Accepts byte-level BPE with a known pre-tokenizer and
// refuses, by name, every setting that would change the ids in a way this package does not do.

import { FakError, quote } from '@fak/tensor'
import { type ListedToken, placeAddedToken, readAddedToken, readId } from './added-token-json.js'
import { AddedTokenList } from './added-tokens.js'
import { applyConfig } from './config-json.js'
import { type JsonInput, jsonReaderOf } from './json-input.js'
import { JsonReader, type JsonValue } from './json-reader.js'
import { MergeReader, type MergeTable } from './merges.js'
import type { TokenizerParts } from './parts.js'
import type { PieceRules } from './piece-scanner.js'
import { checkDecoder, checkPostProcessor, readNormalizer, readPreTokenizer } from './pipeline-json.js'
import { Vocabulary } from './vocabulary.js'

/** Reads a tokenizer.json, and a tokenizer_config.json when there is one. */
export function partsFromJson(json: JsonInput, file: string | null, config: JsonInput | undefined): TokenizerParts {
  const reader = jsonReaderOf(json, file)
  let rules: PieceRules | undefined
  let normalize: 'nfc' | 'none' = 'none'
  let model: { vocabulary: Vocabulary; merges: MergeTable } | undefined
  const listed: ListedToken[] = []
  let postProcessor: { value: JsonValue; offset: number } | undefined

  if (!reader.atObject) reader.fail('TOK_BAD_JSON', 'a tokenizer.json must hold an object', reader.position)
  reader.readObject((key) => {
    reader.peek()
    const offset = reader.position
    switch (key) {
      case 'truncation':
      case 'padding':
        if (reader.readValue() !== null) {
          reader.fail(
            `TOK_UNSUPPORTED_${key.toUpperCase()}`,
            `${key} must be null: this package never cuts or pads`,
            offset,
            key,
          )
        }
        break
      case 'added_tokens':
        if (!reader.atArray) reader.fail('TOK_BAD_ADDED_TOKEN', 'added_tokens must be an array', offset, key)
        reader.readArray((i) => listed.push(readAddedToken(reader, `added_tokens[${i}]`)))
        break
      case 'normalizer':
        normalize = readNormalizer(reader.readValue(), reader, offset)
        break
      case 'pre_tokenizer':
        rules = readPreTokenizer(reader.readValue(), reader, offset)
        break
      case 'post_processor':
        postProcessor = { value: reader.readValue(), offset }
        break
      case 'decoder':
        checkDecoder(reader.readValue(), reader, offset)
        break
      case 'model':
        model = readModel(reader)
        break
      default:
        reader.skipValue()
    }
  })
  reader.end()
  if (!model) throw new FakError('TOK_UNSUPPORTED_MODEL', { file, reason: 'the file has no model', field: 'model' })
  if (!rules) {
    const reason = 'the file has no pre_tokenizer'
    throw new FakError('TOK_UNSUPPORTED_PRE_TOKENIZER', { file, reason, field: 'pre_tokenizer' })
  }

  const added = new AddedTokenList(file)
  for (const token of listed) placeAddedToken(model.vocabulary, added, token)
  if (postProcessor) {
    const isToken = (content: string): boolean => added.byContent.has(content)
    checkPostProcessor(postProcessor.value, isToken, reader, postProcessor.offset)
  }
  const named = config === undefined ? {} : applyConfig(config, model.vocabulary, added, file)
  return {
    file,
    vocabulary: model.vocabulary,
    merges: model.merges,
    added,
    rules,
    normalize,
    eosTokenId: named.eos_token,
    bosTokenId: named.bos_token,
    padTokenId: named.pad_token,
  }
}

const ABSENT_OR_EMPTY = [null, '', false]

function readModel(reader: JsonReader): { vocabulary: Vocabulary; merges: MergeTable } {
  let type: JsonValue = null
  let vocabulary: Vocabulary | undefined
  let merges: MergeTable | undefined
  let mergesAt = -1
  const { bytes, file } = reader
  const unsupported = (reason: string, offset: number, field: string): never =>
    reader.fail('TOK_UNSUPPORTED_MODEL', reason, offset, `model.${field}`)

  const start = reader.position
  if (!reader.atObject) unsupported('the model must be an object', start, 'type')
  reader.readObject((key) => {
    reader.peek()
    const offset = reader.position
    switch (key) {
      case 'type':
        type = reader.readValue()
        if (type !== 'BPE') unsupported(`model type ${quote(JSON.stringify(type))}; only BPE is supported`, offset, key)
        break
      case 'vocab':
        // Other model types list their vocabulary differently; the type, which may come later, says it best.
        if (reader.atObject) vocabulary = readVocabulary(reader)
        else reader.skipValue()
        break
      case 'merges':
        mergesAt = offset
        if (vocabulary) merges = readMerges(reader, vocabulary)
        else reader.skipValue()
        break
      case 'dropout':
      case 'unk_token':
      case 'continuing_subword_prefix':
      case 'end_of_word_suffix':
      case 'byte_fallback':
      case 'ignore_merges':
        if (!ABSENT_OR_EMPTY.includes(reader.readValue() as never)) unsupported(`${key} is not supported`, offset, key)
        break
      default:
        reader.skipValue()
    }
  })
  if (type !== 'BPE') unsupported('the model has no type; only BPE is supported', start, 'type')
  if (!vocabulary) return unsupported('the model has no vocab object', start, 'vocab')
  if (mergesAt < 0) unsupported('the model has no merges', start, 'merges')
  if (!merges) {
    const again = new JsonReader(bytes, file)
    again.position = mergesAt
    merges = readMerges(again, vocabulary)
  }
  return { vocabulary, merges }
}

function readVocabulary(reader: JsonReader): Vocabulary {
  // Spelled tokens are never shorter than the bytes they spell, so a file's worth of bytes holds all of them and one merge
  // behind them. An entry with its merge takes about 75 bytes of the file.
  const fileBytes = reader.bytes.length
  const vocabulary = new Vocabulary(reader.file, { tokens: fileBytes >> 6, bytes: fileBytes })
  reader.readObjectRaw((offset) => {
    reader.openString()
    const end = reader.readSpelling(vocabulary.reserve(0), vocabulary.tail)
    const hash = reader.spellingHash
    const spelled = end >= 0 && !reader.endedAtSpace
    let literal = ''
    if (!spelled) {
      reader.position = offset
      literal = reader.readString()
    }
    reader.readColon()
    reader.peek()
    const idAt = reader.position
    const id = readId(reader, 'model.vocab')
    if (spelled) vocabulary.addText(id, end, 'model.vocab', idAt, hash)
    else vocabulary.addLiteral(id, literal, 'model.vocab', idAt)
  })
  return vocabulary
}

function readMerges(reader: JsonReader, vocabulary: Vocabulary): MergeTable {
  const field = 'model.merges'
  if (!reader.atArray) reader.fail('TOK_BAD_MERGE', 'merges must be an array', reader.position, field)
  const merges = new MergeReader(vocabulary, reader.file, field, vocabulary.size)
  const scratch = vocabulary.reserve(0)
  const from = vocabulary.tail
  // Closures made once and not for each of a quarter of a million merges.
  let start = 0
  let middle = -1
  let end = -1
  let leftHash = 0
  const bad = (reason: string): never => merges.fail('TOK_BAD_MERGE', reason, start)
  const readPart = (at: number): number => {
    const to = reader.readSpelling(scratch, at)
    return to < 0 ? bad('a part is not a token of the vocabulary') : to
  }
  const readPartOfArray = (part: number): void => {
    if (part > 1 || !reader.atString) bad('a merge must be two strings')
    reader.openString()
    const to = readPart(part === 0 ? from : middle)
    if (reader.endedAtSpace) bad('a part holds a space')
    if (part === 0) {
      middle = to
      leftHash = reader.spellingHash
    } else end = to
  }
  reader.readArray((_, offset) => {
    start = offset
    end = -1
    if (reader.atString) {
      reader.openString()
      middle = readPart(from)
      leftHash = reader.spellingHash
      if (!reader.endedAtSpace) bad('one part, but a merge has two')
      end = readPart(middle)
      if (reader.endedAtSpace) bad('more than two parts')
    } else if (reader.atArray) {
      reader.readArray(readPartOfArray)
    }
    if (end < 0) bad('a merge must be two strings')
    merges.add(scratch, from, middle, end, offset, leftHash, reader.spellingHash)
  })
  vocabulary.trim()
  return merges.table
}
