// A small valid model in both storage forms, for tests that break one thing at a time.

import { bytesSource, type DType, type TensorInfo, type WeightSource } from '@fak/tensor'
import { configFromGguf, type Qwen35Config, qwen35Parameters } from '../src/index.js'

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

/** A list as a reader gives it: decoded when asked. */
export function list(items: readonly unknown[]) {
  return { length: items.length, toArray: () => items }
}

/** Metadata with some keys changed; `undefined` removes one. */
export function metadata(changes: Readonly<Record<string, unknown>> = {}) {
  const all = new Map(Object.entries({ ...ggufMetadata, ...changes }))
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

/** Every tensor of a config as an HF checkpoint stores it; each small one holds 0.25. */
export function hfTensors(config: Qwen35Config, prefix = 'model.'): WeightSource {
  return sourceOf(
    qwen35Parameters(config).map(({ hf, shape, form }) => {
      const stored = form === 'conv' ? [shape[0]!, 1, shape[1]!] : shape
      return constant(hf === 'lm_head.weight' ? hf : prefix + hf, stored, 0.25)
    }),
  )
}

/** Every tensor of the valid GGUF model. */
export function ggufTensors(): WeightSource {
  const table = sourceOf([constant('token_embd.weight', [11, 8], 0), constant('output.weight', [11, 8], 0)])
  return sourceOf(qwen35Parameters(configFromGguf(metadata(), table)).map((p) => constant(p.gguf, p.shape, 0.25)))
}

/** A stored type that no loader runs. */
export const strangeType: DType = 'Q8_K'
