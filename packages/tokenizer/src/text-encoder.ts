// The way from a text to its tokens: added tokens are cut out, the rest is normalized, cut into pieces and merged.

import { FakError, quote } from '@fak/tensor'
import { AddedTokenMatcher, type Segment } from './added-token-matcher.js'
import type { AddedToken } from './added-tokens.js'
import type { BytePairEncoder } from './bpe.js'
import type { IdBuffer } from './id-buffer.js'
import { normalizeNfc } from './normalize.js'
import type { TokenizerParts } from './parts.js'

/**
 * Which added tokens are recognised in a text: none (they are text like any other), all, or those with the given contents.
 * Use `'none'` for whatever a user typed: otherwise a user can write control tokens.
 */
export type SpecialPolicy = 'none' | 'all' | ReadonlySet<string>

/** A stretch of the text as given, `[start, end)` in UTF-16 units, and the tokens that it became, up to the next stretch's. */
export interface Stretch {
  readonly start: number
  readonly end: number
  /** Index of its first token. */
  readonly firstToken: number
  /** Whether it is one added token, found in the text as given. */
  readonly added: boolean
  /** Whether normalization changed it. */
  readonly changed: boolean
  /** Bytes of the tokens at these indices, where they differ from the token's own: added tokens found in normalized text. */
  readonly bytes: ReadonlyMap<number, number>
}

const utf8 = new TextEncoder()

/** The searches that a policy asks for: in the text as given, and in the normalized text. */
type Matchers = readonly (AddedTokenMatcher | undefined)[]

/** Encodes texts with one vocabulary. */
export class TextToTokens {
  private allAdded: Matchers | undefined

  constructor(
    private readonly parts: Pick<TokenizerParts, 'file' | 'added'>,
    private readonly pairs: BytePairEncoder,
    private readonly normalize: 'nfc' | 'none',
  ) {}

  /**
   * Appends the ids of `text` to `out`, until it holds at least `limit` or the text ends; then `stretches`, when given, says where
   * they come from. Returns whether the text ended.
   */
  encode(text: string, policy: SpecialPolicy, out: IdBuffer, limit: number, stretches?: Stretch[]): boolean {
    const [verbatim, normalized] = this.matchersOf(policy)
    let end = 0
    for (const segment of verbatim ? verbatim.split(text) : [{ text } as Segment]) {
      if (out.length >= limit) return false
      const start = end
      end += segment.text.length
      const firstToken = out.length
      const bytes = new Map<number, number>()
      if (segment.id !== undefined) {
        out.push(segment.id)
        stretches?.push({ start, end, firstToken, added: true, changed: false, bytes })
        continue
      }
      const given = utf8.encode(segment.text)
      // As many bytes as units: it is all ASCII.
      const normal = given.length === segment.text.length ? segment.text : this.normalForm(segment.text)
      const changed = normal !== segment.text
      stretches?.push({ start, end, firstToken, added: false, changed, bytes })
      const ended = normalized?.any
        ? this.encodeNormal(normal, normalized, out, limit, bytes)
        : this.encodeBytes(changed ? utf8.encode(normal) : given, out, limit)
      if (!ended) return false
    }
    return true
  }

  private normalForm(text: string): string {
    return this.normalize === 'nfc' ? normalizeNfc(text) : text
  }

  private encodeNormal(
    text: string,
    matcher: AddedTokenMatcher,
    out: IdBuffer,
    limit: number,
    bytes: Map<number, number>,
  ): boolean {
    for (const segment of matcher.split(text)) {
      if (out.length >= limit) return false
      if (segment.id !== undefined) {
        bytes.set(out.length, utf8.encode(segment.text).length)
        out.push(segment.id)
      } else if (!this.encodeBytes(utf8.encode(segment.text), out, limit)) return false
    }
    return true
  }

  private encodeBytes(bytes: Uint8Array, out: IdBuffer, limit: number): boolean {
    return this.pairs.encode(bytes, 0, out, limit) === bytes.length
  }

  /** The search for all added tokens in a text as given. */
  get verbatim(): AddedTokenMatcher {
    return this.matchersOf('all')[0]!
  }

  private matchersOf(policy: SpecialPolicy): Matchers {
    if (policy === 'none') return []
    const { added, file } = this.parts
    if (policy === 'all') {
      this.allAdded ??= this.buildMatchers([...added.byId.values()])
      return this.allAdded
    }
    if (!(policy instanceof Set)) {
      const reason = `special must be "none", "all" or a Set of token contents, got ${quote(String(policy))}`
      throw new FakError('TOK_BAD_INPUT', { reason, field: 'special' })
    }
    const chosen = [...policy].map((content) => {
      const token = added.byContent.get(content)
      if (token) return token
      const reason = `${quote(content)} is no added token of this vocabulary`
      throw new FakError('TOK_UNKNOWN_TOKEN', { file, reason, field: 'special' })
    })
    return this.buildMatchers(chosen)
  }

  private buildMatchers(tokens: readonly AddedToken[]): AddedTokenMatcher[] {
    const normalForm = (token: AddedToken): AddedToken => ({ ...token, content: this.normalForm(token.content) })
    return [
      new AddedTokenMatcher(tokens.filter((token) => !token.normalized)),
      new AddedTokenMatcher(tokens.filter((token) => token.normalized).map(normalForm)),
    ]
  }
}
