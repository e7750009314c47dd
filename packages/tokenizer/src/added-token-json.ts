// One entry of `added_tokens` (tokenizer.json) or `added_tokens_decoder` (tokenizer_config.json).

import { quote } from '@fak/tensor'
import type { AddedTokenList } from './added-tokens.js'
import type { JsonReader, JsonValue } from './json-reader.js'
import { MAX_TOKENS } from './limits.js'
import type { Vocabulary } from './vocabulary.js'

/** An added token as the file lists it. */
export interface ListedToken {
  readonly value: JsonValue
  readonly offset: number
}

/** Adds one entry of `added_tokens`, or of `added_tokens_decoder` with its id put in. */
export function addToken(
  vocabulary: Vocabulary,
  added: AddedTokenList,
  { value, offset }: ListedToken,
  field: string,
  reader: JsonReader,
): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    reader.fail('TOK_BAD_ADDED_TOKEN', 'an added token must be an object', offset, field)
  }
  const { id, content } = value
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= MAX_TOKENS) {
    reader.fail(
      'TOK_BAD_ID',
      `id ${quote(JSON.stringify(id) ?? 'missing')} is not an integer in 0..${MAX_TOKENS - 1}`,
      offset,
      `${field}.id`,
    )
  }
  if (typeof content !== 'string')
    reader.fail('TOK_BAD_ADDED_TOKEN', 'content must be a string', offset, `${field}.content`)
  for (const flag of ['special', 'normalized', 'lstrip', 'rstrip', 'single_word']) {
    const set = value[flag]
    if (set !== undefined && typeof set !== 'boolean') {
      reader.fail('TOK_BAD_ADDED_TOKEN', 'must be true or false', offset, `${field}.${flag}`)
    }
    if (set === true && flag !== 'special' && flag !== 'normalized') {
      reader.fail('TOK_UNSUPPORTED_ADDED_TOKEN', `${flag} is not supported`, offset, `${field}.${flag}`)
    }
  }
  const token = { id, content, special: value.special === true, normalized: value.normalized === true }
  added.add(token, `${field}.content`, offset)
  // A control token may stand in the vocabulary too; then it is the same token.
  if (vocabulary.has(id) && new TextDecoder().decode(vocabulary.bytesOf(id)) === content) return
  vocabulary.addLiteral(id, content, `${field}.id`, offset)
}
