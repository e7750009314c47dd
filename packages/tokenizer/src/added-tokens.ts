// Tokens beside the vocabulary of merges (`<|im_end|>`, `<think>`): they are matched literally or not at all.

import { FakError, quote } from '@fak/tensor'
import { MAX_ADDED_UNITS } from './limits.js'

/** A token beside the vocabulary of merges. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** A control token: decoding can leave it out. `<think>` and its like are added but not special. */
  readonly special: boolean
  /** Matched in the normalized text instead of the text as given. */
  readonly normalized: boolean
}

/** The added tokens of one vocabulary, by id and by content. */
export class AddedTokenList {
  readonly byId = new Map<number, AddedToken>()
  readonly byContent = new Map<string, AddedToken>()
  private units = 0

  constructor(private readonly file: string | null) {}

  /**
   * Adds one token.
   *
   * @throws FakError `TOK_BAD_ADDED_TOKEN` for empty content, or content that another token has;
   *   `TOK_TOO_LARGE` when all contents together are beyond {@link MAX_ADDED_UNITS}.
   */
  add(token: AddedToken, field: string, offset: number | null): void {
    const fail = (code: string, reason: string): never => {
      throw new FakError(code, { file: this.file, reason, field, offset })
    }
    if (token.content === '') fail('TOK_BAD_ADDED_TOKEN', `the content of token ${token.id} is empty`)
    const twin = this.byContent.get(token.content)
    if (twin) fail('TOK_BAD_ADDED_TOKEN', `${quote(token.content)} is token ${twin.id} already, and now ${token.id}`)
    this.units += token.content.length
    if (this.units > MAX_ADDED_UNITS) {
      fail('TOK_TOO_LARGE', `the added tokens are longer than ${MAX_ADDED_UNITS} UTF-16 units together`)
    }
    this.byId.set(token.id, token)
    this.byContent.set(token.content, token)
  }
}
