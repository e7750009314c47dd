// Qwen3.5 configuration: one shape, whichever file it is read from (config-hf.ts, config-gguf.ts). Everything is checked, so that nothing
// below divides by zero or sizes memory from an absurd number.

import { FakError, quote, type WeightSource } from '@fak/tensor'
import type { Fields } from './fields.js'

/** How a decoder layer mixes tokens. */
export type LayerKind = 'linear_attention' | 'full_attention'

/** The feed-forward block of every layer: one, or a choice of experts beside a shared one. */
export type MlpConfig =
  | {
      readonly kind: 'dense'
      /** Width of the block. */
      readonly intermediate: number
    }
  | {
      readonly kind: 'moe'
      /** E: experts to choose from. */
      readonly experts: number
      /** Experts that a token takes. */
      readonly topK: number
      /** Width of an expert. */
      readonly intermediate: number
      /** Width of the shared expert. */
      readonly sharedIntermediate: number
    }

/** What the decoder has to know. Dimension names: Hq, Hk, Hv count heads; Dk, Dv are head sizes. */
export interface Qwen35Config {
  readonly hidden: number
  readonly vocabularySize: number
  readonly mlp: MlpConfig
  /** One entry per layer, first layer first. */
  readonly layerKinds: readonly LayerKind[]
  /** Epsilon of every RMS norm. */
  readonly eps: number
  /** The head is the embedding table. */
  readonly tiedEmbeddings: boolean
  /** Longest sequence the model was made for, in tokens. */
  readonly contextLength: number
  readonly attention: {
    readonly Hq: number
    readonly Hk: number
    readonly Dk: number
    readonly Dv: number
    readonly rope: { readonly dims: number; readonly theta: number }
  }
  readonly deltaNet: {
    readonly Hk: number
    readonly Hv: number
    readonly Dk: number
    readonly Dv: number
    readonly convTaps: number
    /** Order of the value heads in the file: HF groups them by key head, GGUF tiles them. */
    readonly keyHead: 'grouped' | 'tiled'
  }
}

/** What a configuration may need to know of the tensors beside it. */
export type Stored = Pick<WeightSource, 'name' | 'tensors'>

/** Far above any model of the family, far below what would hurt. */
export const limits = {
  layers: 1024,
  heads: 4096,
  headSize: 8192,
  width: 2 ** 20,
  experts: 2 ** 14,
  convTaps: 64,
  vocabulary: 2 ** 24,
  context: 2 ** 32,
} as const

/** Every fourth layer is full attention where nothing else is said. */
const FULL_ATTENTION_INTERVAL = 4

/** How a format calls the fields that {@link checked} compares. */
export interface Names {
  readonly queryHeads: string
  readonly rotaryDims: string
  readonly valueHeads: string
  readonly topK: string
}

/** Checks what no single field shows. */
export function checked(fields: Fields, names: Names, config: Qwen35Config): Qwen35Config {
  const { attention, deltaNet, mlp } = config
  if (attention.Hq % attention.Hk !== 0) {
    fields.bad(names.queryHeads, `must be a multiple of the ${attention.Hk} key and value heads, got ${attention.Hq}`)
  }
  if (deltaNet.Hv % deltaNet.Hk !== 0) {
    fields.bad(names.valueHeads, `must be a multiple of the ${deltaNet.Hk} key heads, got ${deltaNet.Hv}`)
  }
  if (mlp.kind === 'moe' && mlp.topK > mlp.experts) {
    fields.bad(names.topK, `must be at most the ${mlp.experts} experts, got ${mlp.topK}`)
  }
  const { dims } = attention.rope
  if (dims % 2 !== 0 || dims < 2 || dims > attention.Dk) {
    fields.bad(
      names.rotaryDims,
      `must give an even number of dimensions from 2 to the head size ${attention.Dk}, got ${dims}`,
    )
  }
  return config
}

/**
 * The kind of feed-forward block that goes with an architecture's name.
 *
 * @param known The names that a format has for the family.
 * @throws FakError `MODEL_UNSUPPORTED_ARCHITECTURE` naming it and what is supported
 */
export function mlpKind(
  name: string,
  known: Readonly<Record<MlpConfig['kind'], readonly string[]>>,
  file: string | null,
): MlpConfig['kind'] {
  if (known.dense.includes(name)) return 'dense'
  if (known.moe.includes(name)) return 'moe'
  const reason = `the architecture is ${quote(name)}, and this package runs ${[...known.dense, ...known.moe].join(', ')}`
  throw new FakError('MODEL_UNSUPPORTED_ARCHITECTURE', { file, reason, field: 'architecture' })
}

/** Layer kinds where the file has no list of them. */
export function layerKindsByInterval(fields: Fields, key: string, layers: number): LayerKind[] {
  const interval = fields.has(key) ? fields.count(key, limits.layers) : FULL_ATTENTION_INTERVAL
  return Array.from({ length: layers }, (_, i) => ((i + 1) % interval === 0 ? 'full_attention' : 'linear_attention'))
}
