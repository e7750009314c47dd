// What a command gets when it opens a model, whatever it was opened from.

import type { ChatTemplate } from '@fak/chat'
import type { Qwen35Model } from '@fak/model-qwen35'
import { elementCount, type WeightSource } from '@fak/tensor'
import type { Tokenizer } from '@fak/tokenizer'

/** Which rows of a head are tokens. The others are there to fill it up, and must never win. */
export interface RealVocabulary {
  /** One more than the highest id that is a token. */
  readonly size: number
  /** Ids below that are none. */
  readonly holes: readonly number[]
}

/** The vocabulary of a head with `rows` rows. @param isToken Of ids below `named`. */
export function realVocabulary(rows: number, named: number, isToken: (id: number) => boolean): RealVocabulary {
  let size = Math.min(rows, named)
  while (size > 1 && !isToken(size - 1)) size--
  return { size, holes: Array.from({ length: size }, (_, id) => id).filter((id) => !isToken(id)) }
}

/** A model file or directory with everything that belongs to it; tokenizer and template are read when first asked for. */
export interface OpenedModel {
  /** For people: the file's name, or `demo`. */
  readonly name: string
  /** What was opened. */
  readonly path: string
  readonly isDemo: boolean
  /** Architecture as the file spells it, e.g. `qwen35`. */
  readonly architecture: string
  readonly stored: WeightSource
  readonly model: Qwen35Model
  /** Which rows of the head are tokens. */
  vocabulary(): Promise<RealVocabulary>
  /** @throws FakError with a `TOK_` code */
  tokenizer(): Promise<Tokenizer>
  /** Ids that the model's own settings for generation name as ends of an answer. @throws FakError `MODEL_BAD_CONFIG` */
  endTokens(): Promise<readonly number[]>
  /** @throws FakError `TEMPLATE_MISSING` or another `TEMPLATE_` code */
  template(): Promise<ChatTemplate>
  close(): Promise<void>
}

/** Does the work at the first call and gives its result to all. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= work()
    return result
  }
}

/** Ids that end an answer: the model's own, the tokenizer's, and both that the family uses. */
export async function stopTokens(opened: OpenedModel): Promise<number[]> {
  const tokenizer = await opened.tokenizer()
  const named = ['<|im_end|>', '<|endoftext|>'].map((text) => tokenizer.idOf(text))
  const ids = [...(await opened.endTokens()), tokenizer.eosTokenId, ...named]
  return [...new Set(ids.filter((id) => id !== undefined))]
}

/** The stored type that most parameters have, how many there are, and the bytes they take. */
export function weightSummary({ stored }: OpenedModel): { dtype: string; parameters: number; bytes: number } {
  const countOf = new Map<string, number>()
  let parameters = 0
  let bytes = 0
  for (const tensor of stored.tensors.values()) {
    const elements = elementCount(tensor.shape)
    countOf.set(tensor.dtype, (countOf.get(tensor.dtype) ?? 0) + elements)
    parameters += elements
    bytes += tensor.byteLength
  }
  const [dtype] = [...countOf].reduce((most, entry) => (entry[1] > most[1] ? entry : most), ['none', -1])
  return { dtype, parameters, bytes }
}
