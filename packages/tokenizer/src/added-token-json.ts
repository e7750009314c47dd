// One entry of `added_tokens` (tokenizer.json) or `added_tokens_decoder` (tokenizer_config.json).

import { quote } from '@fak/tensor'
import type { AddedToken, AddedTokenList } from './added-tokens.js'
import type { JsonReader, JsonValue } from './json-reader.js'
import { MAX_TOKENS } from './limits.js'
import type { Vocabulary } from './vocabulary.js'

/** An added token and where the file lists it. */
export interface ListedToken {
  readonly token: AddedToken
  readonly field: string
  readonly offset: number
}

/** Settings that change what a token matches in ways this package does not do. */
const UNSUPPORTED = ['lstrip', 'rstrip', 'single_word']

/**
 * Reads one entry. Its id is that of the key where the file has it there.
 *
 * @throws FakError `TOK_BAD_ID`, `TOK_BAD_ADDED_TOKEN`, `TOK_UNSUPPORTED_ADDED_TOKEN`
 */
export function readAddedToken(reader: JsonReader, field: string, keyId?: number): ListedToken {
  reader.peek()
  const offset = reader.position
  if (!reader.atObject) reader.fail('TOK_BAD_ADDED_TOKEN', 'an added token must be an object', offset, field)
  let id = keyId ?? -1
  const settings = new Map<string, JsonValue>()
  reader.readObject((key) => {
    if (key === 'id' && keyId === undefined) id = readId(reader, `${field}.id`)
    else settings.set(key, reader.readValue())
  })
  if (id < 0 || id >= MAX_TOKENS) {
    reader.fail('TOK_BAD_ID', `the token has no id in 0..${MAX_TOKENS - 1}`, offset, `${field}.id`)
  }
  const content = settings.get('content')
  if (typeof content !== 'string') {
    reader.fail('TOK_BAD_ADDED_TOKEN', 'content must be a string', offset, `${field}.content`)
  }
  const flag = (name: string): boolean => {
    const value = settings.get(name) ?? false
    if (typeof value !== 'boolean') {
      reader.fail('TOK_BAD_ADDED_TOKEN', `${name} must be true or false`, offset, `${field}.${name}`)
    }
    return value
  }
  for (const name of UNSUPPORTED) {
    if (!flag(name)) continue
    reader.fail(
      'TOK_UNSUPPORTED_ADDED_TOKEN',
      `${name} is not supported: ${quote(content)}`,
      offset,
      `${field}.${name}`,
    )
  }
  return { token: { id, content, special: flag('special'), normalized: flag('normalized') }, field, offset }
}

/**
 * Reads the id of a token: digits only, and within the limit.
 *
 * @throws FakError `TOK_BAD_ID`
 */
export function readId(reader: JsonReader, field: string): number {
  reader.peek()
  const offset = reader.position
  const id = reader.readDigits()
  if (id >= 0 && id < MAX_TOKENS) return id
  return reader.fail('TOK_BAD_ID', `the id is not an integer in 0..${MAX_TOKENS - 1}`, offset, field)
}

/**
 * Adds a token to the vocabulary and to the list of those that are matched literally.
 *
 * @throws FakError `TOK_DUPLICATE_ID`, `TOK_BAD_ADDED_TOKEN`
 */
export function placeAddedToken(
  vocabulary: Vocabulary,
  added: AddedTokenList,
  { token, field, offset }: ListedToken,
): void {
  added.add(token, `${field}.content`, offset)
  // A control token may stand in the vocabulary too; then it is the same token.
  const { id, content } = token
  if (vocabulary.has(id) && new TextDecoder().decode(vocabulary.bytesOf(id)) === content) return
  vocabulary.addLiteral(id, content, `${field}.id`, offset)
}
