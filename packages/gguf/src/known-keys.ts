// Keys whose meaning this project knows, and the kind of value each must have. The types that callers see derive from
// these tables; `GgufMetadata.known` checks a file against them. Sources: the GGUF specification, and gguf/constants.py
// and conversion/qwen.py of llama.cpp for the qwen35 keys.

/** Kind of value behind a known key: numbers of any stored width are one kind. */
export type GgufKind = 'string' | 'number' | 'boolean' | 'strings' | 'numbers' | 'booleans'

const generalKeys = {
  'general.architecture': 'string',
  'general.quantization_version': 'number',
  'general.alignment': 'number',
  'general.file_type': 'number',
  'general.type': 'string',
  'general.name': 'string',
  'general.author': 'string',
  'general.version': 'string',
  'general.organization': 'string',
  'general.finetune': 'string',
  'general.basename': 'string',
  'general.description': 'string',
  'general.quantized_by': 'string',
  'general.size_label': 'string',
  'general.license': 'string',
  'general.license.link': 'string',
  'general.url': 'string',
  'general.repo_url': 'string',
  'general.source.url': 'string',
  'general.source.repo_url': 'string',
  'general.base_model.count': 'number',
  'general.tags': 'strings',
  'general.languages': 'strings',
  'general.sampling.temp': 'number',
  'general.sampling.top_k': 'number',
  'general.sampling.top_p': 'number',
  'split.no': 'number',
  'split.count': 'number',
  'split.tensors.count': 'number',
} as const satisfies Record<string, GgufKind>

const tokenizerKeys = {
  'tokenizer.ggml.model': 'string',
  'tokenizer.ggml.pre': 'string',
  'tokenizer.ggml.tokens': 'strings',
  'tokenizer.ggml.token_type': 'numbers',
  'tokenizer.ggml.scores': 'numbers',
  'tokenizer.ggml.merges': 'strings',
  'tokenizer.ggml.bos_token_id': 'number',
  'tokenizer.ggml.eos_token_id': 'number',
  'tokenizer.ggml.eot_token_id': 'number',
  'tokenizer.ggml.padding_token_id': 'number',
  'tokenizer.ggml.unknown_token_id': 'number',
  'tokenizer.ggml.add_bos_token': 'boolean',
  'tokenizer.ggml.add_eos_token': 'boolean',
  'tokenizer.ggml.add_space_prefix': 'boolean',
  'tokenizer.huggingface.json': 'string',
  'tokenizer.chat_template': 'string',
  'tokenizer.chat_templates': 'strings',
} as const satisfies Record<string, GgufKind>

/** Keys that stand behind `qwen35.` or `qwen35moe.`. */
const qwen35Keys = {
  block_count: 'number',
  nextn_predict_layers: 'number',
  context_length: 'number',
  embedding_length: 'number',
  feed_forward_length: 'number',
  vocab_size: 'number',
  'attention.head_count': 'number',
  'attention.head_count_kv': 'number',
  'attention.key_length': 'number',
  'attention.value_length': 'number',
  'attention.layer_norm_rms_epsilon': 'number',
  'attention.recurrent_layers': 'booleans',
  full_attention_interval: 'number',
  'rope.dimension_count': 'number',
  'rope.dimension_sections': 'numbers',
  'rope.freq_base': 'number',
  'rope.scaling.type': 'string',
  'rope.scaling.factor': 'number',
  'rope.scaling.attn_factor': 'number',
  'rope.scaling.original_context_length': 'number',
  'rope.scaling.finetuned': 'boolean',
  'rope.scaling.yarn_log_multiplier': 'number',
  'rope.scaling.yarn_ext_factor': 'number',
  'rope.scaling.yarn_attn_factor': 'number',
  'rope.scaling.yarn_beta_fast': 'number',
  'rope.scaling.yarn_beta_slow': 'number',
  'ssm.conv_kernel': 'number',
  'ssm.state_size': 'number',
  'ssm.group_count': 'number',
  'ssm.time_step_rank': 'number',
  'ssm.inner_size': 'number',
  expert_count: 'number',
  expert_used_count: 'number',
  expert_feed_forward_length: 'number',
  expert_shared_feed_forward_length: 'number',
} as const satisfies Record<string, GgufKind>

const architectures = ['qwen35', 'qwen35moe'] as const

/** Architectures whose keys are typed. */
export type GgufKnownArchitecture = (typeof architectures)[number]

type FixedKeys = typeof generalKeys & typeof tokenizerKeys
type ArchitectureKeys = {
  [K in keyof typeof qwen35Keys as `${GgufKnownArchitecture}.${K}`]: (typeof qwen35Keys)[K]
}
type KindOfKey = FixedKeys & ArchitectureKeys

/** Numbers of an array: 64-bit integers come as doubles, and only where those hold them exactly. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array

interface ValueOfKind {
  string: string
  number: number
  boolean: boolean
  strings: string[]
  numbers: GgufNumbers
  booleans: boolean[]
}

/** A key with a known meaning, e.g. `'general.architecture'` or `'qwen35.block_count'`. */
export type GgufKnownKey = keyof KindOfKey
/** Type of the value behind a known key. */
export type GgufKnownValue<K extends GgufKnownKey> = ValueOfKind[KindOfKey[K]]

const kinds: ReadonlyMap<string, GgufKind> = new Map<string, GgufKind>([
  ...Object.entries(generalKeys),
  ...Object.entries(tokenizerKeys),
  ...architectures.flatMap((name) =>
    Object.entries(qwen35Keys).map(([key, kind]): [string, GgufKind] => [`${name}.${key}`, kind]),
  ),
])

/** Kind of value that a known key must have; `undefined` for any other key. */
export function knownKind(key: string): GgufKind | undefined {
  return kinds.get(key)
}
