// What a file says about its tokenizer, whether or not we could run it.

import type { GgufMetadata } from '@fak/gguf'
import { decodeUtf8, FakError } from '@fak/tensor'
import { directoryTokenizer } from '../model/directory.js'

/** A token with a role, e.g. the one that ends a turn. */
export interface SpecialToken {
  readonly id: number
  /** As stored; `null` for an id beyond the vocabulary. */
  readonly text: string | null
}

/** The facts. `null` where the file does not say. */
export interface TokenizerFacts {
  readonly model: string | null
  readonly pre: string | null
  readonly tokens: number | null
  readonly merges: number | null
  /** Tokens by kind, where the file tells kinds apart. */
  readonly kinds: Readonly<Record<string, number>> | null
  /** By role: `bos`, `eos`, `eot`, `padding`, `unknown`. */
  readonly special: Readonly<Record<string, SpecialToken>>
}

/** Source: `LlamaTokenType` and the keys under `tokenizer.ggml.` of the official `gguf` package. */
const KINDS = ['undefined', 'normal', 'unknown', 'control', 'userDefined', 'unused', 'byte']
const ROLES = ['bos', 'eos', 'eot', 'padding', 'unknown']

/** Facts of a GGUF file; `null` when it has no tokenizer. */
export function ggufTokenizerFacts(metadata: GgufMetadata): TokenizerFacts | null {
  const strings = unlessWrongType(() => metadata.stringBytes('tokenizer.ggml.tokens'))
  const model = unlessWrongType(() => metadata.string('tokenizer.ggml.model'))
  if (strings === undefined && model === undefined) return null
  const types = unlessWrongType(() => metadata.numbers('tokenizer.ggml.token_type'))
  const kinds: Record<string, number> = {}
  for (const type of types ?? []) {
    const kind = KINDS[type] ?? `type ${type}`
    kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  const special: Record<string, SpecialToken> = {}
  for (const role of ROLES) {
    const id = unlessWrongType(() => metadata.number(`tokenizer.ggml.${role}_token_id`))
    if (id === undefined) continue
    const stored = strings !== undefined && strings.starts[id] !== undefined
    const text = stored ? decodeUtf8(strings.bytes.subarray(strings.starts[id], strings.ends[id])) : null
    special[role] = { id, text }
  }
  return {
    model: model ?? null,
    pre: unlessWrongType(() => metadata.string('tokenizer.ggml.pre')) ?? null,
    tokens: strings?.length ?? null,
    merges: unlessWrongType(() => metadata.array('tokenizer.ggml.merges'))?.length ?? null,
    kinds: types === undefined ? null : kinds,
    special,
  }
}

/**
 * A value that is read for show: one of another type than its key should have counts as absent, because the list of metadata shows it
 * as it is.
 */
export function unlessWrongType<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (FakError.isInstance(error, 'GGUF_WRONG_TYPE') || FakError.isInstance(error, 'GGUF_NUMBER_TOO_LARGE'))
      return undefined
    throw error
  }
}

/** Facts of a checkpoint directory; `null` when it has no tokenizer.json. @throws FakError with a `FILE_` or `TOK_` code */
export async function directoryTokenizerFacts(directory: string): Promise<TokenizerFacts | null> {
  try {
    const tokenizer = await directoryTokenizer(directory)
    const { bosTokenId: bos, eosTokenId: eos, padTokenId: padding } = tokenizer
    const special: Record<string, SpecialToken> = {}
    for (const [role, id] of Object.entries({ bos, eos, padding })) {
      if (id !== undefined) special[role] = { id, text: tokenizer.decode([id]) }
    }
    return { model: 'tokenizer.json', pre: null, tokens: tokenizer.vocabSize, merges: null, kinds: null, special }
  } catch (error) {
    if (FakError.isInstance(error, 'FILE_NOT_FOUND')) return null
    throw error
  }
}
