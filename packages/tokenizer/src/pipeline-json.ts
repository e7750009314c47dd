// The stages around the model in a tokenizer.json: normalizer, pre-tokenizer, post-processor, decoder. Each is accepted in the
// one or two forms that mean what this package does, and refused by name otherwise; nothing in the file is ever executed.

import { quote } from '@fak/tensor'
import type { JsonReader, JsonValue } from './json-reader.js'
import { knownPatterns, type PieceRules } from './piece-scanner.js'

type JsonObject = { [key: string]: JsonValue }

function asObject(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

/** The members of a `Sequence` stage, or the stage itself as the only member. */
function stagesOf(value: JsonValue, list: string): JsonObject[] {
  const stage = asObject(value)
  const members = stage[list]
  return stage.type === 'Sequence' && Array.isArray(members) ? members.map(asObject) : [stage]
}

function typeOf(stage: JsonObject): string {
  return quote(typeof stage.type === 'string' ? stage.type : JSON.stringify(stage.type ?? null))
}

/**
 * Reads `normalizer`: absent, or NFC.
 *
 * @throws FakError `TOK_UNSUPPORTED_NORMALIZER`
 */
export function readNormalizer(value: JsonValue, reader: JsonReader, offset: number): 'nfc' | 'none' {
  if (value === null) return 'none'
  const stages = stagesOf(value, 'normalizers')
  for (const stage of stages) {
    if (stage.type === 'NFC') continue
    reader.fail(
      'TOK_UNSUPPORTED_NORMALIZER',
      `normalizer ${typeOf(stage)}; only NFC is supported`,
      offset,
      'normalizer',
    )
  }
  return stages.length > 0 ? 'nfc' : 'none'
}

/**
 * Reads `pre_tokenizer`: a split by one of the known patterns, then bytes.
 *
 * @throws FakError `TOK_UNSUPPORTED_PATTERN` for another pattern, `TOK_UNSUPPORTED_PRE_TOKENIZER` for another arrangement.
 */
export function readPreTokenizer(value: JsonValue, reader: JsonReader, offset: number): PieceRules {
  const field = 'pre_tokenizer'
  const stages = stagesOf(value, 'pretokenizers')
  const [split = {}, bytes = {}] = stages
  const pattern = asObject(split.pattern).Regex ?? asObject(split.pattern).String
  if (split.type === 'Split' && typeof pattern === 'string') {
    const rules = knownPatterns.get(pattern)
    if (!rules || asObject(split.pattern).Regex === undefined) {
      reader.fail('TOK_UNSUPPORTED_PATTERN', `split pattern ${quote(pattern)} is not a known one`, offset, field)
    }
    const isolated = split.behavior === 'Isolated' && split.invert !== true
    const plainBytes = bytes.type === 'ByteLevel' && bytes.add_prefix_space === false && bytes.use_regex === false
    if (isolated && plainBytes && stages.length === 2) return rules
  }
  const seen = stages.map(typeOf).join(', ')
  const reason = `pre-tokenizer ${seen}; supported is an isolated Split by a known pattern, then ByteLevel without prefix space and regex`
  return reader.fail('TOK_UNSUPPORTED_PRE_TOKENIZER', reason, offset, field)
}

/**
 * Checks `post_processor`: absent, ByteLevel (which moves offsets only), or a template that adds nothing.
 *
 * @throws FakError `TOK_BAD_POST_PROCESSOR` when a template names a token that does not exist,
 *   `TOK_UNSUPPORTED_POST_PROCESSOR` when it would add tokens, or for another kind.
 */
export function checkPostProcessor(
  value: JsonValue,
  isToken: (content: string) => boolean,
  reader: JsonReader,
  offset: number,
): void {
  const field = 'post_processor'
  if (value === null) return
  for (const stage of stagesOf(value, 'processors')) {
    if (stage.type === 'ByteLevel') continue
    if (stage.type !== 'TemplateProcessing') {
      reader.fail('TOK_UNSUPPORTED_POST_PROCESSOR', `post-processor ${typeOf(stage)} is not supported`, offset, field)
    }
    for (const piece of Array.isArray(stage.single) ? stage.single : []) {
      const special = asObject(asObject(piece).SpecialToken).id
      if (special === undefined) continue
      const name = typeof special === 'string' ? special : JSON.stringify(special)
      if (!isToken(name)) {
        reader.fail(
          'TOK_BAD_POST_PROCESSOR',
          `the template names ${quote(name)}, which is no added token`,
          offset,
          field,
        )
      }
      reader.fail(
        'TOK_UNSUPPORTED_POST_PROCESSOR',
        `the template would add ${quote(name)} to every text`,
        offset,
        field,
      )
    }
  }
}

/**
 * Checks `decoder`: bytes.
 *
 * @throws FakError `TOK_UNSUPPORTED_DECODER`
 */
export function checkDecoder(value: JsonValue, reader: JsonReader, offset: number): void {
  for (const stage of stagesOf(value, 'decoders')) {
    if (stage.type === 'ByteLevel') continue
    reader.fail('TOK_UNSUPPORTED_DECODER', `decoder ${typeOf(stage)}; only ByteLevel is supported`, offset, 'decoder')
  }
}
