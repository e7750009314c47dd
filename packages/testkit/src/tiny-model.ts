// A small random Qwen3.5 model in memory, for tests of executors and sessions that need no file.

import { type Program, record, Weights } from '@fak/graph'
import { decoder, type HfForm, type Qwen35Config, qwen35Parameters } from '@fak/model-qwen35'
import { type DType, layoutOf, type TensorData } from '@fak/tensor'
import { f32Tensor, Random, randomTensor } from './random.js'

/** A model as `loadQwen35` gives it, without a file. */
export interface TinyModel {
  readonly config: Qwen35Config
  readonly weights: ReadonlyMap<string, TensorData>
  readonly program: Program
}

/** Changes to the {@link tinyModel} that a seed alone gives. */
export interface TinyModelOptions {
  /** Stored type of every matrix. Default F32, with dimensions that nothing divides; block types get the smallest that fit. */
  readonly dtype?: DType
  readonly keyHead?: Qwen35Config['deltaNet']['keyHead']
  readonly tiedEmbeddings?: boolean
  /** A mixture of experts, 3 of 7, with a shared one of another width, instead of one feed-forward block. */
  readonly experts?: boolean
}

/** A random model with both kinds of layers, Hv = 3 Hk and unlike head sizes. The same arguments give the same bytes. */
export function tinyModel(seed: number, options: TinyModelOptions = {}): TinyModel {
  const { dtype = 'F32', keyHead = 'grouped', tiedEmbeddings = false, experts = false } = options
  const block = layoutOf(dtype).blockElements
  // Every matrix row is as long as one of these, so they are multiples of the block.
  const width = block === 1 ? 40 : Math.ceil(64 / block) * block
  const ff = block === 1 ? 56 : 2 * width
  const config: Qwen35Config = {
    hidden: width,
    vocabularySize: 307,
    mlp: experts
      ? { kind: 'moe', experts: 7, topK: 3, intermediate: block === 1 ? 20 : width, sharedIntermediate: ff }
      : { kind: 'dense', intermediate: ff },
    layerKinds: ['linear_attention', 'full_attention', 'linear_attention', 'linear_attention'],
    eps: 1e-6,
    tiedEmbeddings,
    contextLength: 4096,
    attention: { Hq: 4, Hk: 2, Dk: 20, Dv: block === 1 ? 20 : width / 4, rope: { dims: 6, theta: 1e4 } },
    deltaNet: { Hk: 2, Hv: block === 1 ? 6 : 4, Dk: 12, Dv: block === 1 ? 20 : width / 4, convTaps: 4, keyHead },
  }
  const random = new Random(seed)
  const weights = new Map(
    qwen35Parameters(config).map((p) => [p.label, randomParameter(p.form, p.shape, dtype, random)]),
  )
  const program = record((g) => ({ logits: decoder(g, new Weights(weights), config) }))
  return { config, weights, program }
}

/** Ranges that trained models have too: norms about 1, memories that fade over some to some hundred tokens. */
const ranges: Partial<Record<HfForm, readonly [low: number, high: number]>> = {
  offset: [0.5, 1.5],
  plain: [-1, 1.5],
  log: [-3, -0.01],
}

/** A random tensor for a parameter of the graph, as it stands after loading. */
export function randomParameter(form: HfForm, shape: readonly number[], dtype: DType, random: Random): TensorData {
  const range = ranges[form]
  if (range === undefined) {
    return form === 'conv'
      ? randomTensor('F32', shape, random, 0.6)
      : randomTensor(dtype, shape, random, 1.5 / Math.sqrt(shape.at(-1)!))
  }
  const [low, high] = range
  return f32Tensor(
    shape,
    Float32Array.from({ length: shape[0]! }, () => low + (high - low) * random.uniform()),
  )
}
