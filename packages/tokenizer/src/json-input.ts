// A JSON document however the caller holds it.

import { FakError } from '@fak/tensor'
import { JsonReader } from './json-reader.js'
import { MAX_TOKENIZER_BYTES } from './limits.js'

/** A JSON document as text, UTF-8 bytes, or parsed. */
export type JsonInput = string | Uint8Array | object

/** A reader at the start of `json`; parsed input is written out first, so that one path reads everything. */
export function jsonReaderOf(json: JsonInput, file: string | null): JsonReader {
  const bytes =
    json instanceof Uint8Array ? json : new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json))
  if (bytes.length > MAX_TOKENIZER_BYTES) {
    const reason = `${bytes.length} bytes, but at most ${MAX_TOKENIZER_BYTES} are read`
    throw new FakError('TOK_TOO_LARGE', { file, reason })
  }
  return new JsonReader(bytes, file)
}
