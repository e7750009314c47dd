// The tokens of a vocabulary by their bytes: a tree, laid flat in the order in which a walk meets its places.

import { FakError } from '@fak/tensor'

/** What is needed of a tokenizer; the `Tokenizer` of @fak/tokenizer is one. */
export interface TokenSource {
  /** One more than the highest id. */
  readonly vocabSize: number
  /** Whether the id has a token. */
  has(id: number): boolean
  /** Whether the token is matched as a whole and not made by merges, as `<think>` is. */
  isAdded(id: number): boolean
  /** The bytes of a token, which need not be whole characters. */
  tokenBytes(id: number): Uint8Array
  /** Id of the token with exactly this text. */
  idOf(token: string): number | undefined
}

/**
 * A vocabulary made ready for masks: about 10 bytes for each of the different beginnings of its tokens. It serves any number of
 * grammars; make it once.
 */
export class TokenTable {
  /** One more than the highest id. */
  readonly vocabSize: number
  /** Most bytes of a token. */
  readonly longest: number
  /** Added tokens by text. @internal */
  readonly added: ReadonlyMap<string, number>
  /** Of each place: the byte that leads to it. @internal */
  readonly bytes: Uint8Array
  /** How many bytes lead to it. @internal */
  readonly depths: Uint16Array
  /** The first place that is not below it. @internal */
  readonly ends: Uint32Array
  /** The token that ends there, or -1. @internal */
  readonly tokens: Int32Array
  readonly #source: TokenSource
  readonly #addedIds: ReadonlyMap<number, string>

  /** @throws FakError `GRAMMAR_BAD_VOCABULARY` when a token is longer than 65,535 bytes */
  constructor(source: TokenSource) {
    this.#source = source
    this.vocabSize = source.vocabSize
    const added = new Map<string, number>()
    const spelled: string[] = []
    const ids = new Map<string, number>()
    for (let id = 0; id < source.vocabSize; id++) {
      if (!source.has(id)) continue
      const bytes = source.tokenBytes(id)
      if (source.isAdded(id)) added.set(new TextDecoder().decode(bytes), id)
      if (source.isAdded(id) || bytes.length === 0) continue
      const text = latin1(bytes)
      spelled.push(text)
      ids.set(text, id)
    }
    this.added = added
    this.#addedIds = new Map([...added].map(([text, id]) => [id, text]))
    // One character a byte, so that the order of strings is that of bytes.
    spelled.sort()
    let places = 0
    let longest = 0
    for (const [i, text] of spelled.entries()) {
      places += text.length - common(spelled[i - 1] ?? '', text)
      longest = Math.max(longest, text.length)
    }
    if (longest > 0xffff) {
      throw new FakError('GRAMMAR_BAD_VOCABULARY', {
        reason: `a token has ${longest} bytes; at most 65535 are supported`,
      })
    }
    this.longest = longest
    this.bytes = new Uint8Array(places)
    this.depths = new Uint16Array(places)
    this.ends = new Uint32Array(places)
    this.tokens = new Int32Array(places).fill(-1)
    this.#fill(spelled, ids)
  }

  #fill(spelled: readonly string[], ids: ReadonlyMap<string, number>): void {
    const path: number[] = []
    let place = 0
    let before = ''
    for (const text of spelled) {
      const shared = common(before, text)
      while (path.length > shared) this.ends[path.pop()!] = place
      for (let i = shared; i < text.length; i++) {
        this.bytes[place] = text.charCodeAt(i)
        this.depths[place] = i + 1
        path.push(place++)
      }
      this.tokens[place - 1] = ids.get(text)!
      before = text
    }
    while (path.length > 0) this.ends[path.pop()!] = place
  }

  /** The text of an added token; `undefined` for other ids. */
  addedText(id: number): string | undefined {
    return this.#addedIds.get(id)
  }

  /** The bytes of a token; `undefined` for an id without one. */
  bytesOf(id: number): Uint8Array | undefined {
    return this.#source.has(id) ? this.#source.tokenBytes(id) : undefined
  }
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function common(a: string, b: string): number {
  const most = Math.min(a.length, b.length)
  let length = 0
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++
  return length
}
