// tokenizer_config.json: the added tokens that tokenizer.json lacks, and which tokens end a text or fill a batch.
// The tokenizer class it names is ignored: some published files name the wrong one, and tokenizer.json says everything.

import { FakError, quote } from '@fak/tensor'
import { placeAddedToken, readAddedToken } from './added-token-json.js'
import type { AddedTokenList } from './added-tokens.js'
import { type JsonInput, jsonReaderOf } from './json-input.js'
import type { Vocabulary } from './vocabulary.js'

const NAMED = ['eos_token', 'bos_token', 'pad_token'] as const

/** Ids of the tokens that the configuration names. */
export type NamedTokens = { [name in (typeof NAMED)[number]]?: number }

/**
 * Adds the tokens of `added_tokens_decoder` that are new and looks up the named ones.
 *
 * @throws FakError `TOK_BAD_JSON`; `TOK_BAD_ID`, `TOK_DUPLICATE_ID` or `TOK_BAD_ADDED_TOKEN` for an entry;
 *   `TOK_UNKNOWN_TOKEN` when a named token does not exist.
 */
export function applyConfig(
  config: JsonInput,
  vocabulary: Vocabulary,
  added: AddedTokenList,
  file: string | null,
): NamedTokens {
  const reader = jsonReaderOf(config, file)
  const names = new Map<string, string>()
  if (!reader.atObject) reader.fail('TOK_BAD_JSON', 'a tokenizer_config.json must hold an object', reader.position)
  reader.readObject((key) => {
    if (key === 'added_tokens_decoder' && reader.atObject) {
      reader.readObject((id, offset) => {
        const field = `${key}[${quote(id)}]`
        if (!/^(?:0|[1-9]\d{0,9})$/.test(id)) reader.fail('TOK_BAD_ID', 'the key is not an id', offset, field)
        const listed = readAddedToken(reader, field, Number(id))
        if (added.byId.get(Number(id))?.content !== listed.token.content) placeAddedToken(vocabulary, added, listed)
      })
    } else if ((NAMED as readonly string[]).includes(key)) {
      const value = reader.readValue()
      const content = typeof value === 'object' && value !== null && !Array.isArray(value) ? value.content : value
      if (typeof content === 'string') names.set(key, content)
    } else {
      reader.skipValue()
    }
  })
  reader.end()
  const ids: NamedTokens = {}
  for (const name of NAMED) {
    const content = names.get(name)
    if (content === undefined) continue
    const id = added.byContent.get(content)?.id ?? vocabulary.idOfBytes(new TextEncoder().encode(content))
    if (id < 0) {
      throw new FakError('TOK_UNKNOWN_TOKEN', {
        file,
        reason: `${quote(content)} is no token of the vocabulary`,
        field: name,
      })
    }
    ids[name] = id
  }
  return ids
}
