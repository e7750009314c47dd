// What a model file says, in the form that `fak inspect --json` prints. Only headers and small vectors are read for it.

import { GgufArray, type GgufFile, type GgufValue } from '@fak/gguf'
import type { KvCacheType } from '@fak/graph'
import type { SafetensorsFile } from '@fak/safetensors'
import { elementCount, type TensorInfo, type WeightSource } from '@fak/tensor'
import { type ModelFacts, modelFacts } from './model-facts.js'
import { type Opened, templateSource } from './opened.js'
import { directoryTokenizerFacts, ggufTokenizerFacts, type TokenizerFacts } from './tokenizer-facts.js'

/** Tensors of one stored type. */
export interface TypeShare {
  readonly dtype: string
  readonly tensors: number
  readonly parameters: number
  readonly bytes: number
  /** Of the bytes of all tensors, 0 to 1. */
  readonly share: number
}

/** A model file, a split set or a checkpoint directory. */
export interface Inspection {
  readonly file: string
  readonly format: string
  /** Bytes of all files. */
  readonly size: number
  /** `general.name`, for files that have one. */
  readonly name: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  /** Files of a split set or a sharded checkpoint; empty for one file. */
  readonly parts: readonly { name: string | null; size: number; tensors: number }[]
  readonly tensors: readonly {
    name: string
    dtype: string
    shape: readonly number[]
    /** Where the data begins in its file. */
    offset: number
    byteLength: number
    /** The file that holds it; absent when there is only one. */
    file?: string | null
  }[]
  readonly totals: { tensors: number; parameters: number; bytes: number; byType: Record<string, number> }
  readonly types: readonly TypeShare[]
  readonly tokenizer: TokenizerFacts | null
  /** Type of KV cache that {@link ModelFacts.memory} counts in its totals. */
  readonly kvCache: KvCacheType
  /** Characters of the chat template; `null` without one. */
  readonly chatTemplate: number | null
  readonly model: ModelFacts
  /** Bytes after the last tensor that nothing describes. */
  readonly trailingBytes: number
}

/**
 * Describes an opened file.
 *
 * @param contexts lengths to state the memory for, besides the longest that the model was made for
 * @param kvCache type of the cache that the memory is stated for
 */
export async function describe(opened: Opened, contexts: readonly number[], kvCache: KvCacheType): Promise<Inspection> {
  const { path: file, stored } = opened
  const common = {
    file,
    size: stored.size,
    parts: stored.parts.map(({ name, size, tensors }) => ({ name, size, tensors: tensors.size })),
    tensors: tensorsOf(stored),
    ...totalsOf(stored),
    chatTemplate: (await templateSource(opened))?.length ?? null,
    kvCache,
    model: await modelFacts(opened, contexts, kvCache),
  }
  if (opened.kind === 'safetensors') {
    return {
      ...common,
      format: 'safetensors',
      name: null,
      metadata: Object.fromEntries(opened.stored.metadata),
      tokenizer: opened.isDirectory ? await directoryTokenizerFacts(file) : null,
      trailingBytes: 0,
    }
  }
  const { metadata, version, trailingBytes } = opened.stored
  const name = metadata.get('general.name')
  return {
    ...common,
    format: `GGUF v${version}`,
    name: typeof name === 'string' ? name : null,
    metadata: Object.fromEntries([...metadata].map(([key, value]) => [key, plain(value)])),
    tokenizer: ggufTokenizerFacts(metadata),
    trailingBytes,
  }
}

function tensorsOf(stored: GgufFile | SafetensorsFile): Inspection['tensors'] {
  const several = stored.parts.length > 0
  return [...(stored.tensors as ReadonlyMap<string, TensorInfo>).values()].map(
    ({ name, dtype, shape, offset, byteLength, source }) => ({
      name,
      dtype,
      shape,
      offset,
      byteLength,
      ...(several && { file: source.name }),
    }),
  )
}

function totalsOf(stored: WeightSource): Pick<Inspection, 'totals' | 'types'> {
  const totals = { tensors: stored.tensors.size, parameters: 0, bytes: 0, byType: {} as Record<string, number> }
  const types = new Map<string, { tensors: number; parameters: number; bytes: number }>()
  for (const { dtype, shape, byteLength } of stored.tensors.values()) {
    const parameters = elementCount(shape)
    const type = types.get(dtype) ?? { tensors: 0, parameters: 0, bytes: 0 }
    types.set(dtype, type)
    type.tensors++
    for (const sum of [type, totals]) {
      sum.parameters += parameters
      sum.bytes += byteLength
    }
    totals.byType[dtype] = type.bytes
  }
  const shares = [...types].map(([dtype, type]) => ({
    dtype,
    ...type,
    share: totals.bytes && type.bytes / totals.bytes,
  }))
  return { totals, types: shares.sort((a, b) => b.bytes - a.bytes) }
}

/** Items of a metadata array that are shown. */
const SHOWN_ITEMS = 8

/** A metadata value as JSON has it: 64-bit integers beyond exact doubles as text, long arrays as their beginning and length. */
function plain(value: GgufValue): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (!(value instanceof GgufArray)) return value
  const items = Array.from(value.toArray(SHOWN_ITEMS) as ArrayLike<string | number | bigint | boolean>, plain)
  return value.length <= SHOWN_ITEMS ? items : { items, length: value.length, of: value.itemType }
}
