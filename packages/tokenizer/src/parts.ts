// What every vocabulary file is read into, and the checks that hold whichever file it was.

import { FakError } from '@fak/tensor'
import type { AddedTokenList } from './added-tokens.js'
import type { MergeTable } from './merges.js'
import type { PieceRules } from './piece-scanner.js'
import type { Vocabulary } from './vocabulary.js'

/** A tokenizer's data, checked. */
export interface TokenizerParts {
  readonly file: string | null
  readonly vocabulary: Vocabulary
  readonly merges: MergeTable
  readonly added: AddedTokenList
  readonly rules: PieceRules
  readonly normalize: 'nfc' | 'none'
  readonly eosTokenId: number | undefined
  readonly bosTokenId: number | undefined
  readonly padTokenId: number | undefined
}

/**
 * The token of each single byte.
 *
 * @throws FakError `TOK_INCOMPLETE_BYTES` when some byte has none: some text could then not be encoded.
 */
export function singleByteIds(vocabulary: Vocabulary, file: string | null): Int32Array {
  const ids = new Int32Array(256)
  let missing = 0
  for (let byte = 0; byte < 256; byte++) {
    ids[byte] = vocabulary.idOfBytes(Uint8Array.of(byte))
    if (ids[byte]! < 0) missing++
  }
  if (missing > 0) {
    const reason = `${missing} of the 256 single-byte tokens are missing from the vocabulary`
    throw new FakError('TOK_INCOMPLETE_BYTES', { file, reason })
  }
  return ids
}
