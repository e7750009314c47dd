// A small valid model in both storage forms, for tests that break one thing at a time.

import { bytesSource, type DType, type TensorInfo, type WeightSource } from '@fak/tensor'
import { configFromGguf, mtpParameters, type Parameter, type Qwen35Config, qwen35Parameters } from '../src/index.js'

/** The text part of a valid config.json. */
export const hfConfig = {
  model_type: 'qwen3_5_text',
  hidden_size: 8,
  vocab_size: 11,
  intermediate_size: 12,
  num_hidden_layers: 2,
  layer_types: ['linear_attention', 'full_attention'],
  rms_norm_eps: 1e-6,
  tie_word_embeddings: false,
  max_position_embeddings: 4096,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  rope_parameters: { rope_type: 'default', rope_theta: 10000, partial_rotary_factor: 0.67 },
  linear_num_key_heads: 2,
  linear_num_value_heads: 4,
  linear_key_head_dim: 5,
  linear_value_head_dim: 3,
  linear_conv_kernel_dim: 4,
}

/** The same with experts: 3 of 4, narrower than the shared one. */
export const hfMoeConfig = {
  ...hfConfig,
  model_type: 'qwen3_5_moe_text',
  intermediate_size: undefined,
  num_experts: 4,
  num_experts_per_tok: 3,
  moe_intermediate_size: 5,
  shared_expert_intermediate_size: 7,
}

/** Valid GGUF metadata of a model with two blocks. */
export const ggufMetadata: Readonly<Record<string, unknown>> = {
  'general.architecture': 'qwen35',
  'qwen35.block_count': 2,
  'qwen35.context_length': 4096,
  'qwen35.embedding_length': 8,
  'qwen35.feed_forward_length': 12,
  'qwen35.attention.head_count': 4,
  'qwen35.attention.head_count_kv': 2,
  'qwen35.attention.key_length': 6,
  'qwen35.attention.value_length': 6,
  'qwen35.attention.layer_norm_rms_epsilon': 1e-6,
  'qwen35.rope.dimension_count': 4,
  'qwen35.rope.freq_base': 10000,
  'qwen35.ssm.conv_kernel': 4,
  'qwen35.ssm.state_size': 5,
  'qwen35.ssm.group_count': 2,
  'qwen35.ssm.time_step_rank': 4,
  'qwen35.ssm.inner_size': 20,
  'qwen35.full_attention_interval': 2,
  'tokenizer.ggml.tokens': list(Array(11).fill('x')),
  'tokenizer.ggml.token_type': list(Array(11).fill(1)),
  'tokenizer.ggml.eos_token_id': 10,
}

/** The same with experts. */
export const ggufMoeMetadata: Readonly<Record<string, unknown>> = {
  ...Object.fromEntries(
    Object.entries(ggufMetadata).map(([key, value]) => [key.replace(/^qwen35\./, 'qwen35moe.'), value]),
  ),
  'general.architecture': 'qwen35moe',
  'qwen35moe.feed_forward_length': undefined,
  'qwen35moe.expert_count': 4,
  'qwen35moe.expert_used_count': 3,
  'qwen35moe.expert_feed_forward_length': 5,
  'qwen35moe.expert_shared_feed_forward_length': 7,
}

/** A list as a reader gives it: decoded when asked. */
export function list(items: readonly unknown[]) {
  return { length: items.length, toArray: () => items }
}

/** Metadata with some keys changed; `undefined` removes one. */
export function metadata(changes: Readonly<Record<string, unknown>> = {}, base = ggufMetadata) {
  const all = new Map(Object.entries({ ...base, ...changes }))
  return { get: (key: string) => all.get(key) }
}

/** An F32 tensor that holds the same number everywhere. */
export function constant(name: string, shape: readonly number[], value: number): TensorInfo {
  const count = shape.reduce((a, b) => a * b, 1)
  const bytes = new Uint8Array(new Float32Array(count).fill(value).buffer)
  const source = bytesSource(bytes, 'weights.bin')
  return { name, dtype: 'F32', shape, source, offset: 0, byteLength: bytes.byteLength }
}

/** A source of the given tensors. */
export function sourceOf(tensors: readonly TensorInfo[]): WeightSource {
  return { name: 'weights.bin', tensors: new Map(tensors.map((t) => [t.name, t])), close: async () => {} }
}

/** A source with some tensors changed; `undefined` removes one. */
export function changed(source: WeightSource, changes: Readonly<Record<string, Partial<TensorInfo> | undefined>>) {
  const tensors = new Map(source.tensors)
  for (const [name, change] of Object.entries(changes)) {
    const before = tensors.get(name) ?? constant(name, [1], 0)
    if (change === undefined) tensors.delete(name)
    else tensors.set(name, { ...before, ...change })
  }
  return { ...source, tensors }
}

/** Every tensor of a config as an HF checkpoint stores it, with a matrix per expert; each small one holds 0.25. */
export function hfTensors(config: Qwen35Config, prefix = 'model.'): WeightSource {
  return sourceOf(
    qwen35Parameters(config).flatMap((parameter) =>
      hfParameter(parameter, parameter.hf === 'lm_head.weight' ? parameter.hf : prefix + parameter.hf),
    ),
  )
}

/** The tensors that one parameter takes in an HF checkpoint. The matrices of experts count up from 0. */
export function hfParameter({ shape, form }: Parameter, name: string): TensorInfo[] {
  if (form === 'experts') {
    return Array.from({ length: shape[0]! }, (_, e) =>
      constant(name.replace('.experts.', `.experts.${e}.`), shape.slice(1), e),
    )
  }
  return [constant(name, form === 'conv' ? [shape[0]!, 1, shape[1]!] : shape, 0.25)]
}

/** The draft head of a config as an HF checkpoint stores it. */
export const hfMtpTensors = (config: Qwen35Config, prefix = 'mtp.'): TensorInfo[] =>
  mtpParameters(config).flatMap((parameter) => hfParameter(parameter, prefix + parameter.hf))

/** Every tensor of the valid GGUF model. */
export function ggufTensors(base = ggufMetadata): WeightSource {
  const table = sourceOf([constant('token_embd.weight', [11, 8], 0), constant('output.weight', [11, 8], 0)])
  const config = configFromGguf(metadata({}, base), table)
  return sourceOf(qwen35Parameters(config).map((p) => constant(p.gguf, p.shape, 0.25)))
}

/** The draft head of a config as block `block` of a GGUF file. */
export const ggufMtpTensors = (config: Qwen35Config, block: number): TensorInfo[] =>
  mtpParameters(config).map((p) => constant(`blk.${block}.${p.gguf}`, p.shape, 0.25))

/** A source with tensors added, or put in the place of those of the same name. */
export const joined = (source: WeightSource, more: readonly TensorInfo[]): WeightSource => ({
  ...source,
  tensors: new Map([...source.tensors, ...more.map((tensor) => [tensor.name, tensor] as const)]),
})

/** A stored type that no loader runs. */
export const strangeType: DType = 'Q8_K'
