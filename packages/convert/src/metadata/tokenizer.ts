// The keys of the tokenizer: tokens with their types, merges, the ids of special tokens, the chat template. Source: `get_vocab_base` of
// conversion/base.py and `SpecialVocab` of gguf/vocab.py (llama.cpp v0.5.0).

import { FakError, label, quote } from '@fak/tensor'
import { Tokenizer } from '@fak/tokenizer'
import { bool, type Entry, i32s, isObject, type Json, own, text, texts, u32 } from './values.js'

/** The files of a checkpoint that say how text becomes tokens. */
export interface TokenizerFiles {
  /** tokenizer.json as its bytes. */
  readonly tokenizer: Uint8Array
  /** What messages call it. */
  readonly tokenizerFile: string
  /** The object of tokenizer_config.json. */
  readonly tokenizerConfig?: Json
  /** What chat_template.jinja or chat_template.json holds; a chat template in tokenizer_config.json comes before it. */
  readonly chatTemplate?: ChatTemplates
}

/** One template, or several by name. */
export type ChatTemplates = string | readonly { readonly name: string; readonly template: string }[]

/** Types of tokens in GGUF. */
const NORMAL = 1
const CONTROL = 3
const USER_DEFINED = 4
const UNUSED = 5

/** Special tokens in the converter's order, and the keys of those that have one. */
const SPECIAL = {
  bos: 'tokenizer.ggml.bos_token_id',
  eos: 'tokenizer.ggml.eos_token_id',
  unk: 'tokenizer.ggml.unknown_token_id',
  sep: 'tokenizer.ggml.seperator_token_id',
  pad: 'tokenizer.ggml.padding_token_id',
  cls: undefined,
  mask: 'tokenizer.ggml.mask_token_id',
} as const
const ADD = ['bos', 'eos', 'sep']

interface AddedToken {
  readonly content: string
  readonly special: boolean
}

/**
 * Keys and values of the tokenizer.
 *
 * @param config The object of config.json.
 * @param rows Rows of the embedding table: ids without a token are filled up with `[PADn]`.
 * @throws FakError the `TOK_` codes of `Tokenizer.fromJson`; `TOK_TOO_MANY_TOKENS` for ids beyond `rows`
 */
export function tokenizerMetadata(files: TokenizerFiles, config: unknown, rows: number): Entry[] {
  const { tokenizer: bytes, tokenizerFile: file, tokenizerConfig } = files
  // Everything that this checks need not be checked again.
  const checked = Tokenizer.fromJson(bytes, { file, ...(tokenizerConfig && { config: tokenizerConfig }) })
  const json = JSON.parse(new TextDecoder().decode(bytes)) as Json
  const listed = addedTokens(json)
  const { tokens, types } = vocabulary(json, listed, tokenizerConfig, rows)
  if (checked.vocabSize > rows) {
    const reason = `the vocabulary has ids up to ${checked.vocabSize - 1}, the embedding table ${rows} rows`
    throw new FakError('TOK_TOO_MANY_TOKENS', { file, reason })
  }
  return [
    text('tokenizer.ggml.model', 'gpt2'),
    text('tokenizer.ggml.pre', checked.pieceRules),
    texts('tokenizer.ggml.tokens', tokens),
    i32s('tokenizer.ggml.token_type', types),
    ...mergesOf(json),
    ...specialIds(listed, tokenizerConfig, config),
    ...ADD.flatMap((name) => {
      const value = own(tokenizerConfig, `add_${name}_token`)
      return typeof value === 'boolean' ? [bool(`tokenizer.ggml.add_${name}_token`, value)] : []
    }),
    ...templates(own(tokenizerConfig, 'chat_template') ?? files.chatTemplate, file),
  ]
}

function addedTokens(json: Json): Map<number, AddedToken> {
  const listed = own(json, 'added_tokens')
  return new Map((Array.isArray(listed) ? listed : []).map((token: Json) => [Number(token.id), asAdded(token)]))
}

const asAdded = (token: Json): AddedToken => ({ content: String(token.content), special: token.special === true })

function vocabulary(json: Json, listed: Map<number, AddedToken>, config: Json | undefined, rows: number) {
  const decoder = own(config, 'added_tokens_decoder')
  const added = new Map(listed)
  for (const [id, token] of Object.entries(isObject(decoder) ? decoder : {})) {
    if (isObject(token)) added.set(Number(id), asAdded(token))
  }
  const named = namedSpecial(config)
  const tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`)
  const types = Array<number>(rows).fill(UNUSED)
  for (const [token, id] of Object.entries(own(own(json, 'model'), 'vocab') as Record<string, number>)) {
    tokens[id] = token
    types[id] = NORMAL
  }
  for (const [id, { content, special }] of added) {
    const isControl = special || named.has(content) || looksSpecial(content)
    tokens[id] = isControl ? content : content.replaceAll('\u2581', ' ')
    types[id] = isControl ? CONTROL : USER_DEFINED
  }
  return { tokens, types }
}

/** Tokens that the configuration calls special, whatever their own entry says. */
function namedSpecial(config: Json | undefined): Set<string> {
  const lists = ['additional_special_tokens', 'extra_special_tokens'].flatMap((key) => {
    const value = own(config, key)
    return Array.isArray(value) ? value : Object.values(isObject(value) ? value : {})
  })
  return new Set([...Object.keys(SPECIAL).map((name) => own(config, `${name}_token`)), ...lists].map(contentOf))
}

const contentOf = (token: unknown): string => {
  const content = isObject(token) ? token.content : token
  return typeof content === 'string' ? content : ''
}

/** Some models do not mark all of their control tokens. */
const looksSpecial = (token: string): boolean =>
  ['<pad>', '<mask>', '<2mass>', '[@BOS@]'].includes(token) ||
  [
    ['<|', '|>'],
    ['<｜', '｜>'],
    ['<unused', '>'],
  ].some(([start, end]) => token.startsWith(start!) && token.endsWith(end!))

/** Merges as pairs with a space between them; a space inside one is spelled as in tokens. */
function mergesOf(json: Json): Entry[] {
  const merges = own(own(json, 'model'), 'merges') as readonly (string | readonly string[])[]
  if (merges.length === 0) return []
  const spelled = (part: string) => part.replaceAll(' ', '\u0120')
  return [
    texts(
      'tokenizer.ggml.merges',
      merges.map((merge) => (typeof merge === 'string' ? merge : merge.map(spelled).join(' '))),
    ),
  ]
}

function specialIds(listed: Map<number, AddedToken>, tokenizerConfig: Json | undefined, config: unknown): Entry[] {
  const ids = new Map<string, number>()
  for (const name of Object.keys(SPECIAL)) {
    const content = contentOf(own(tokenizerConfig, `${name}_token`))
    const found = content === '' ? undefined : [...listed].find(([, token]) => token.content === content)
    if (found !== undefined) ids.set(name, found[0])
  }
  for (const name of Object.keys(SPECIAL)) {
    const id = own(config, `${name}_token_id`) ?? own(own(config, 'text_config'), `${name}_token_id`)
    if (Number.isInteger(id) && !ids.has(name)) ids.set(name, id as number)
  }
  return [...ids].flatMap(([name, id]) => {
    const key = SPECIAL[name as keyof typeof SPECIAL]
    return key === undefined ? [] : [u32(key, id)]
  })
}

function templates(value: unknown, file: string): Entry[] {
  if (value === undefined) return []
  if (typeof value === 'string') return [text('tokenizer.chat_template', value)]
  const bad = (found: unknown) => {
    const reason = `chat_template must be a text or a list of named ones, got ${quote(JSON.stringify(found) ?? '')}`
    return new FakError('TEMPLATE_BAD_CONFIG', { file, reason, field: label('chat_template') })
  }
  if (!Array.isArray(value)) throw bad(value)
  const entries: Entry[] = []
  const names = new Set<string>()
  let main: string | undefined
  for (const choice of value) {
    const name = own(choice, 'name')
    const template = own(choice, 'template')
    if (typeof name !== 'string' || typeof template !== 'string') throw bad(choice)
    const safe = name.replaceAll(/[^A-Za-z0-9]/g, '_')
    if (safe === 'default') main = template
    else if (safe !== '') {
      names.add(safe)
      entries.push(text(`tokenizer.chat_template.${safe}`, template))
    }
  }
  if (names.size > 0) entries.push(texts('tokenizer.chat_templates', [...names]))
  if (main !== undefined) entries.push(text('tokenizer.chat_template', main))
  return entries
}
