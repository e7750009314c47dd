// The files as a model: whether it runs here, how large it is at work, and what memory a context takes. Only metadata and small vectors are
// read for it.

import { KV_CACHE_TYPES, type KvCacheType, type Program, planProgram, stateArrayBytes } from '@fak/graph'
import { stateArraysOf } from '@fak/kernels-native'
import { loadQwen35, type Qwen35Model, type Qwen35Origin } from '@fak/model-qwen35'
import { byteLength, elementCount, FakError, type WeightSource } from '@fak/tensor'
import { readConfig } from '../model/directory.js'
import { DEFAULT_CHUNK } from '../runtime.js'
import type { Opened } from './opened.js'
import { unlessWrongType } from './tokenizer-facts.js'

/** Bytes that running takes with a context of so many tokens. */
export interface MemoryNeed {
  readonly contextLength: number
  /** Mapped from the file. */
  readonly weights: number
  /** Keys and values of every position, in the type asked for. It grows by doubling, so up to twice as much is held for a while. */
  readonly kvCache: number
  /** The same in every type that `--kv-cache` knows. */
  readonly kvCaches: Readonly<Record<KvCacheType, number>>
  /** State of the recurrent layers, the same for every length. */
  readonly recurrent: number
  /** Activations of a prompt step of the default size. */
  readonly workspace: number
  readonly total: number
}

/** The facts; `null` where only a model that runs here has an answer. */
export interface ModelFacts {
  /** Architecture as the file spells it. */
  readonly architecture: string | null
  readonly runs: boolean
  /** Layers and experts of what runs, or why it does not. */
  readonly text: string
  /** Longest sequence that the model was made for. */
  readonly contextLength: number | null
  /** Parameters of the decoder, and those that one token goes through: of the experts only the chosen ones. */
  readonly parameters: { readonly total: number; readonly active: number } | null
  /** Whether there is a draft head for multi-token prediction. */
  readonly draftHead: boolean | null
  readonly memory: readonly MemoryNeed[]
}

/**
 * @param contexts lengths to state the memory for, besides the longest that the model was made for
 * @param kvCache type of the cache that counts in the total
 */
export async function modelFacts(
  opened: Opened,
  contexts: readonly number[],
  kvCache: KvCacheType,
): Promise<ModelFacts> {
  const origin = await originOf(opened)
  const architecture = architectureOf(opened, origin)
  const refused = (text: string): ModelFacts => ({
    architecture,
    runs: false,
    text,
    contextLength: statedContext(opened, architecture),
    parameters: null,
    draftHead: null,
    memory: [],
  })
  if (origin === undefined) return refused('there is no config.json beside these tensors')
  try {
    const model = await loadQwen35(opened.stored as WeightSource, origin)
    const program = model.program()
    const { contextLength } = model.config
    const lengths = [...new Set([...contexts, contextLength])]
    return {
      architecture,
      runs: true,
      text: told(model),
      contextLength,
      parameters: parametersOf(program, model),
      draftHead: model.mtp !== undefined,
      memory: lengths.map((length) => memoryFor(program, length, kvCache)),
    }
  } catch (error) {
    if (!FakError.isInstance(error)) throw error
    return refused(error.field === null ? error.reason : `${error.field}: ${error.reason}`)
  }
}

async function originOf(opened: Opened): Promise<Qwen35Origin | undefined> {
  if (opened.kind === 'gguf') return { metadata: opened.stored.metadata }
  if (!opened.isDirectory) return undefined
  try {
    return { config: await readConfig(opened.path) }
  } catch (error) {
    if (FakError.isInstance(error, 'FILE_NOT_FOUND')) return undefined
    throw error
  }
}

function architectureOf(opened: Opened, origin: Qwen35Origin | undefined): string | null {
  const stated =
    opened.kind === 'gguf'
      ? opened.stored.metadata.get('general.architecture')
      : ((origin as { config?: unknown } | undefined)?.config as { model_type?: unknown } | null | undefined)
          ?.model_type
  return typeof stated === 'string' ? stated : null
}

function statedContext(opened: Opened, architecture: string | null): number | null {
  if (opened.kind !== 'gguf' || architecture === null) return null
  return unlessWrongType(() => opened.stored.metadata.number(`${architecture}.context_length`)) ?? null
}

function told({ config, mtp, mtpAbsence }: Qwen35Model): string {
  const { layerKinds, mlp, contextLength } = config
  const full = layerKinds.filter((kind) => kind === 'full_attention').length
  const parts = [`${layerKinds.length} layers, ${full} of them full attention`, `context ${contextLength} tokens`]
  if (mlp.kind === 'moe') parts.push(`${mlp.topK} of ${mlp.experts} experts and a shared one`)
  return `${parts.join('; ')}; ${mtp === undefined ? `no draft head: ${mtpAbsence}` : 'a draft head'}`
}

function parametersOf({ values }: Program, { config: { mlp } }: Qwen35Model): { total: number; active: number } {
  let total = 0
  let active = 0
  for (const value of values) {
    if (value.kind !== 'weight') continue
    const parameters = elementCount(value.shape)
    total += parameters
    // Stacked matrices of experts are the only weights with three dimensions, and the router chooses among the first.
    active += mlp.kind === 'moe' && value.shape.length === 3 ? (parameters / mlp.experts) * mlp.topK : parameters
  }
  return { total, active }
}

function memoryFor(program: Program, contextLength: number, kvCache: KvCacheType): MemoryNeed {
  let weights = 0
  for (const value of program.values) if (value.kind === 'weight') weights += byteLength(value.dtype, value.shape)
  const stateOf = (wanted: 'kv' | 'recurrent', type: KvCacheType) =>
    stateArraysOf(program, type)
      .filter(({ kind }) => kind === wanted)
      .reduce((sum, array) => sum + stateArrayBytes(array, contextLength), 0)
  const kvCaches = Object.fromEntries(
    KV_CACHE_TYPES.map((type) => [type, stateOf('kv', type)]),
  ) as MemoryNeed['kvCaches']
  const recurrent = stateOf('recurrent', kvCache)
  const workspace = planProgram(program, DEFAULT_CHUNK).arenaBytes
  const total = weights + kvCaches[kvCache] + recurrent + workspace
  return { contextLength, weights, kvCache: kvCaches[kvCache], kvCaches, recurrent, workspace, total }
}
