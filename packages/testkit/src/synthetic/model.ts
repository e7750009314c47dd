// Synthetic models of real shape: random weights, real metadata, a synthetic vocabulary. For loading, memory and speed, not for talk.

import type { GgufContent, GgufValueContent, GgufWriteOptions } from '@fak/gguf'
import { writeGgufFile } from '@fak/gguf/node'
import { type MlpConfig, type Parameter, type Qwen35Config, qwen35Parameters } from '@fak/model-qwen35'
import { type DType, elementCount, layoutOf, type TensorContent } from '@fak/tensor'
import { Random, randomBlocks } from '../random.js'
import { randomParameter } from '../tiny-model.js'
import { fileTypes, storedType, type TypeMix } from './shapes.js'
import { syntheticVocabulary } from './vocabulary.js'

/** What to make. */
export interface SyntheticModelOptions {
  /** Shapes, for example those of `sizeConfig`. Dk and Dv of the delta net must be the same: GGUF has one key for both. */
  readonly config: Qwen35Config
  readonly mix: TypeMix
  readonly name: string
  /** Default 1. The same options give the same bytes. */
  readonly seed?: number
}

/** Bytes made at once. */
const PIECE_BYTES = 4 * 2 ** 20

/**
 * Writes a GGUF file of the given shapes, piece by piece. Weights are random bits under sane scales, so activations stay finite and
 * logits of the order of one; norms are about 1.
 */
export async function writeSyntheticModel(
  path: string,
  options: SyntheticModelOptions,
  writing: GgufWriteOptions = {},
): Promise<void> {
  await writeGgufFile(path, syntheticContent(options), writing)
}

/** The content of the file that {@link writeSyntheticModel} writes. */
export function syntheticContent({ config, mix, name, seed = 1 }: SyntheticModelOptions): GgufContent {
  const tensors = qwen35Parameters(config).map((parameter, i): TensorContent => {
    const dtype = storedType(mix, parameter, config)
    const { gguf, shape } = parameter
    return { name: gguf, dtype, shape, data: () => pieces(parameter, dtype, new Random(seed * 65_537 + i)) }
  })
  return { metadata: metadataOf(config, mix, name), tensors }
}

function* pieces({ form, shape }: Parameter, dtype: DType, random: Random): Generator<Uint8Array> {
  if (form !== 'matrix' && form !== 'experts') {
    yield randomParameter(form, shape, dtype, random).source.bytes!
    return
  }
  const columns = shape.at(-1)!
  const { blockElements, blockBytes } = layoutOf(dtype)
  const perPiece = Math.floor(PIECE_BYTES / blockBytes)
  const make = dtype === 'F16' ? randomHalves : (count: number, rms: number) => randomBlocks(dtype, count, random, rms)
  for (let left = elementCount(shape) / blockElements; left > 0; left -= perPiece) {
    yield make(Math.min(left, perPiece) * blockElements, columns ** -0.5, random)
  }
}

/** Root mean square of a number that is uniform between 1 and 2. */
const RMS_OF_MANTISSA = Math.sqrt(7 / 3)

/** F16 numbers of random sign and mantissa under one exponent: normal ones would take minutes for a large model. */
function randomHalves(count: number, rms: number, random: Random): Uint8Array {
  const exponent = Math.round(Math.log2(rms / RMS_OF_MANTISSA)) + 15
  const pairs = new Uint32Array(Math.ceil(count / 2))
  for (let i = 0; i < pairs.length; i++) pairs[i] = (random.bits() & 0x83ff_83ff) | (exponent * 0x0400_0400)
  return new Uint8Array(pairs.buffer, 0, 2 * count)
}

function metadataOf(config: Qwen35Config, mix: TypeMix, name: string): [string, GgufValueContent][] {
  const { attention, deltaNet, hidden, layerKinds, mlp, vocabularySize } = config
  const architecture = mlp.kind === 'moe' ? 'qwen35moe' : 'qwen35'
  const vocabulary = syntheticVocabulary(vocabularySize)
  const text = (value: string): GgufValueContent => ({ type: 'string', value })
  const u32 = (value: number): GgufValueContent => ({ type: 'u32', value })
  const f32 = (value: number): GgufValueContent => ({ type: 'f32', value })
  const texts = (items: readonly string[]): GgufValueContent => ({
    type: 'array',
    value: { itemType: 'string', items },
  })
  const i32s = (items: readonly number[]): GgufValueContent => ({ type: 'array', value: { itemType: 'i32', items } })
  const flags = (items: readonly boolean[]): GgufValueContent => ({ type: 'array', value: { itemType: 'bool', items } })
  // Pairs of rotary dimensions that follow time, height and width; a text model reads none of them.
  const pairs = attention.rope.dims / 2
  const third = Math.ceil(pairs / 3)
  return [
    ['general.architecture', text(architecture)],
    ['general.type', text('model')],
    ['general.name', text(name)],
    ['general.description', text('Random weights, for tests and benches')],
    [`${architecture}.block_count`, u32(layerKinds.length)],
    [`${architecture}.context_length`, u32(config.contextLength)],
    [`${architecture}.embedding_length`, u32(hidden)],
    ...Object.entries(mlpKeys(mlp)).map(([key, value]): [string, GgufValueContent] => [
      `${architecture}.${key}`,
      u32(value),
    ]),
    [`${architecture}.attention.head_count`, u32(attention.Hq)],
    [`${architecture}.attention.head_count_kv`, u32(attention.Hk)],
    [`${architecture}.rope.dimension_sections`, i32s([third, third, pairs - 2 * third, 0])],
    [`${architecture}.rope.freq_base`, f32(attention.rope.theta)],
    [`${architecture}.attention.layer_norm_rms_epsilon`, f32(config.eps)],
    [`${architecture}.attention.key_length`, u32(attention.Dk)],
    [`${architecture}.attention.value_length`, u32(attention.Dv)],
    [`${architecture}.attention.recurrent_layers`, flags(layerKinds.map((kind) => kind === 'linear_attention'))],
    [`${architecture}.rope.dimension_count`, u32(attention.rope.dims)],
    [`${architecture}.ssm.conv_kernel`, u32(deltaNet.convTaps)],
    [`${architecture}.ssm.state_size`, u32(deltaNet.Dk)],
    [`${architecture}.ssm.group_count`, u32(deltaNet.Hk)],
    [`${architecture}.ssm.time_step_rank`, u32(deltaNet.Hv)],
    [`${architecture}.ssm.inner_size`, u32(deltaNet.Hv * deltaNet.Dv)],
    [`${architecture}.full_attention_interval`, u32(4)],
    ['general.file_type', u32(fileTypes[mix])],
    ['general.quantization_version', u32(2)],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text('qwen35')],
    ['tokenizer.ggml.tokens', texts(vocabulary.tokens)],
    ['tokenizer.ggml.token_type', i32s(vocabulary.types)],
    ['tokenizer.ggml.merges', texts(vocabulary.merges)],
    ['tokenizer.ggml.eos_token_id', u32(vocabulary.endOfTurn)],
    ['tokenizer.ggml.padding_token_id', u32(vocabulary.endOfText)],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: false }],
    ['tokenizer.chat_template', text(CHAT_TEMPLATE)],
  ]
}

const mlpKeys = (mlp: MlpConfig): Record<string, number> =>
  mlp.kind === 'dense'
    ? { feed_forward_length: mlp.intermediate }
    : {
        expert_count: mlp.experts,
        expert_used_count: mlp.topK,
        expert_feed_forward_length: mlp.intermediate,
        expert_shared_feed_forward_length: mlp.sharedIntermediate,
      }

/** ChatML with an empty think block, the least that a chat needs. */
const CHAT_TEMPLATE = `{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
<think>

</think>

{% endif -%}`
