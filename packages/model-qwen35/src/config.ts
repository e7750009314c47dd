// Qwen3.5 configuration: one shape, read from an HF config.json or from GGUF metadata. Everything is checked here, so that nothing
// below divides by zero or sizes memory from an absurd number.

import { FakError, quote, type WeightSource } from '@fak/tensor'
import { describe, type FieldCodes, Fields, isJsonObject, own } from './fields.js'

/** How a decoder layer mixes tokens. */
export type LayerKind = 'linear_attention' | 'full_attention'

/** What the decoder has to know. Dimension names: Hq, Hk, Hv count heads; Dk, Dv are head sizes. */
export interface Qwen35Config {
  readonly hidden: number
  readonly vocabularySize: number
  /** Width of the feed-forward block. */
  readonly intermediate: number
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

/** What {@link configFromGguf} needs of GGUF metadata. */
export interface Qwen35Metadata {
  /** The value under a key, or `undefined`; arrays have a length and `toArray`. */
  get(key: string): unknown
}

type Stored = Pick<WeightSource, 'name' | 'tensors'>

// Far above any model of the family, far below what would hurt.
const MAX_LAYERS = 1024
const MAX_HEADS = 4096
const MAX_HEAD_SIZE = 8192
const MAX_WIDTH = 2 ** 20
const MAX_CONV_TAPS = 64
const MAX_VOCABULARY = 2 ** 24
const MAX_CONTEXT = 2 ** 32
/** Every fourth layer is full attention where nothing else is said. */
const FULL_ATTENTION_INTERVAL = 4
const PARTIAL_ROTARY_FACTOR = 0.25

const HF_CODES: FieldCodes = {
  missing: 'MODEL_BAD_CONFIG',
  wrongType: 'MODEL_BAD_CONFIG',
  badValue: 'MODEL_BAD_CONFIG',
}
const GGUF_CODES: FieldCodes = {
  missing: 'MODEL_MISSING_KEY',
  wrongType: 'MODEL_WRONG_TYPE',
  badValue: 'MODEL_BAD_HPARAM',
}

/**
 * Reads the object of an HF `config.json`, with the text fields at the top or under `text_config`.
 *
 * @param stored The model's tensors: a `lm_head.weight` among them means that the embeddings are not tied.
 * @param file What errors call the configuration; by default, what they call the tensors.
 * @throws FakError `MODEL_BAD_CONFIG` naming the key, `MODEL_UNSUPPORTED_ARCHITECTURE`
 */
export function configFromHf(json: unknown, stored: Stored, file: string | null = stored.name): Qwen35Config {
  if (!isJsonObject(json)) {
    throw new FakError('MODEL_BAD_CONFIG', { file, reason: 'config.json must hold a JSON object' })
  }
  const text = isJsonObject(json.text_config) ? json.text_config : json
  const ropeObject = [text.rope_parameters, text.rope_scaling].find(isJsonObject) ?? {}
  const fields = new Fields((key) => own(text, key), HF_CODES, file)
  // Some fields stand in two places. The first that has them wins.
  const topFirst = new Fields((key) => own(json, key) ?? own(text, key), HF_CODES, file)
  const rope = new Fields((key) => own(ropeObject, key) ?? own(text, key), HF_CODES, file)

  checkArchitecture(fields.text('model_type'), ['qwen3_5', 'qwen3_5_text'], ['qwen3_5_moe', 'qwen3_5_moe_text'], file)
  fields.only('hidden_act', 'silu')
  fields.only('attention_bias', false)
  fields.only('attn_output_gate', true)
  fields.only('output_gate_type', 'silu', 'swish')
  rope.only('rope_type', 'default')

  const layers = fields.count('num_hidden_layers', MAX_LAYERS)
  const headDim = fields.count('head_dim', MAX_HEAD_SIZE)
  const factor = rope.has('partial_rotary_factor') ? rope.positive('partial_rotary_factor') : PARTIAL_ROTARY_FACTOR
  const tied = !topFirst.has('tie_word_embeddings') || topFirst.flag('tie_word_embeddings')
  return checked(fields, HF_NAMES, {
    hidden: fields.count('hidden_size', MAX_WIDTH),
    vocabularySize: fields.count('vocab_size', MAX_VOCABULARY),
    intermediate: fields.count('intermediate_size', MAX_WIDTH),
    layerKinds: fields.has('layer_types')
      ? fields.list('layer_types', layers).map((kind) => layerKind(fields, kind))
      : layerKindsByInterval(fields, 'full_attention_interval', layers),
    eps: fields.positive('rms_norm_eps'),
    tiedEmbeddings: tied && !stored.tensors.has('lm_head.weight'),
    contextLength: fields.count('max_position_embeddings', MAX_CONTEXT),
    attention: {
      Hq: fields.count('num_attention_heads', MAX_HEADS),
      Hk: fields.count('num_key_value_heads', MAX_HEADS),
      Dk: headDim,
      Dv: headDim,
      rope: { dims: Math.trunc(headDim * factor), theta: rope.positive('rope_theta') },
    },
    deltaNet: {
      Hk: fields.count('linear_num_key_heads', MAX_HEADS),
      Hv: fields.count('linear_num_value_heads', MAX_HEADS),
      Dk: fields.count('linear_key_head_dim', MAX_HEAD_SIZE),
      Dv: fields.count('linear_value_head_dim', MAX_HEAD_SIZE),
      convTaps: fields.count('linear_conv_kernel_dim', MAX_CONV_TAPS, 2),
      keyHead: 'grouped',
    },
  })
}

/**
 * Reads GGUF metadata. Blocks for multi-token prediction, which stand after the others, are not part of the decoder.
 *
 * @param stored The model's tensors: the embedding table says how large the vocabulary is, and an `output.weight` that the embeddings
 * are not tied.
 * @throws FakError `MODEL_MISSING_KEY`, `MODEL_WRONG_TYPE`, `MODEL_BAD_HPARAM` naming the key; `MODEL_UNSUPPORTED_ARCHITECTURE`,
 * `MODEL_MISSING_TENSOR` without an embedding table, `MODEL_VOCAB_MISMATCH` and `MODEL_BAD_TOKEN_ID` where the tokenizer does not fit it.
 */
export function configFromGguf(metadata: Qwen35Metadata, stored: Stored): Qwen35Config {
  const file = stored.name
  const general = new Fields((key) => metadata.get(key), GGUF_CODES, file)
  checkArchitecture(general.text('general.architecture'), ['qwen35'], ['qwen35moe'], file)
  const fields = new Fields((key) => metadata.get(`qwen35.${key}`), GGUF_CODES, file, 'qwen35.')

  const table = stored.tensors.get('token_embd.weight')
  if (table === undefined) {
    throw new FakError('MODEL_MISSING_TENSOR', { file, field: 'token_embd.weight', reason: 'the tensor is missing' })
  }
  const vocabularySize = table.shape[0] ?? 0
  checkTokenizer(general, vocabularySize, file)
  fields.only('rope.scaling.type', 'none')

  const blocks = fields.count('block_count', MAX_LAYERS)
  const draftBlocks = fields.has('nextn_predict_layers') ? fields.count('nextn_predict_layers', blocks - 1, 0) : 0
  const layers = blocks - draftBlocks
  for (const name of stored.tensors.keys()) {
    const block = Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0)
    if (block >= blocks) fields.bad('block_count', `is ${blocks}, and the file holds ${quote(name)}`)
  }
  const stateSize = fields.count('ssm.state_size', MAX_HEAD_SIZE)
  const Hv = fields.count('ssm.time_step_rank', MAX_HEADS)
  const inner = fields.count('ssm.inner_size', MAX_WIDTH)
  if (inner !== Hv * stateSize) {
    fields.bad('ssm.inner_size', `must be time_step_rank · state_size = ${Hv * stateSize}, got ${inner}`)
  }
  return checked(fields, GGUF_NAMES, {
    hidden: fields.count('embedding_length', MAX_WIDTH),
    vocabularySize,
    intermediate: fields.count('feed_forward_length', MAX_WIDTH),
    layerKinds: fields.has('attention.recurrent_layers')
      ? fields
          .list('attention.recurrent_layers', blocks)
          .slice(0, layers)
          .map((recurrent) => (recurrent === true ? 'linear_attention' : 'full_attention'))
      : layerKindsByInterval(fields, 'full_attention_interval', layers),
    eps: fields.positive('attention.layer_norm_rms_epsilon'),
    tiedEmbeddings: !stored.tensors.has('output.weight'),
    contextLength: fields.count('context_length', MAX_CONTEXT),
    attention: {
      Hq: fields.count('attention.head_count', MAX_HEADS),
      Hk: fields.count('attention.head_count_kv', MAX_HEADS),
      Dk: fields.count('attention.key_length', MAX_HEAD_SIZE),
      Dv: fields.count('attention.value_length', MAX_HEAD_SIZE),
      rope: { dims: fields.count('rope.dimension_count', MAX_HEAD_SIZE), theta: fields.positive('rope.freq_base') },
    },
    deltaNet: {
      Hk: fields.count('ssm.group_count', MAX_HEADS),
      Hv,
      Dk: stateSize,
      Dv: stateSize,
      convTaps: fields.count('ssm.conv_kernel', MAX_CONV_TAPS, 2),
      keyHead: 'tiled',
    },
  })
}

/** How a format calls the fields that {@link checked} compares. */
interface Names {
  readonly queryHeads: string
  readonly rotaryDims: string
  readonly valueHeads: string
}
const HF_NAMES: Names = {
  queryHeads: 'num_attention_heads',
  rotaryDims: 'partial_rotary_factor',
  valueHeads: 'linear_num_value_heads',
}
const GGUF_NAMES: Names = {
  queryHeads: 'attention.head_count',
  rotaryDims: 'rope.dimension_count',
  valueHeads: 'ssm.time_step_rank',
}

/** Checks what no single field shows. */
function checked(fields: Fields, names: Names, config: Qwen35Config): Qwen35Config {
  const { attention, deltaNet } = config
  if (attention.Hq % attention.Hk !== 0) {
    fields.bad(names.queryHeads, `must be a multiple of the ${attention.Hk} key and value heads, got ${attention.Hq}`)
  }
  if (deltaNet.Hv % deltaNet.Hk !== 0) {
    fields.bad(names.valueHeads, `must be a multiple of the ${deltaNet.Hk} key heads, got ${deltaNet.Hv}`)
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

function checkArchitecture(name: string, dense: readonly string[], experts: readonly string[], file: string | null) {
  if (dense.includes(name)) return
  const reason = experts.includes(name)
    ? `${name} is the mixture-of-experts branch of the family, which this package does not run yet`
    : `the architecture is ${quote(name)}, and this package runs ${dense.join(', ')}`
  throw new FakError('MODEL_UNSUPPORTED_ARCHITECTURE', { file, reason, field: 'architecture' })
}

function layerKindsByInterval(fields: Fields, key: string, layers: number): LayerKind[] {
  const interval = fields.has(key) ? fields.count(key, MAX_LAYERS) : FULL_ATTENTION_INTERVAL
  return Array.from({ length: layers }, (_, i) => ((i + 1) % interval === 0 ? 'full_attention' : 'linear_attention'))
}

function layerKind(fields: Fields, kind: unknown): LayerKind {
  if (kind === 'linear_attention' || kind === 'full_attention') return kind
  return fields.bad('layer_types', `holds an unknown layer type, ${describe(kind)}`)
}

/** A GGUF file carries its tokenizer, and one token per row of the embedding table. */
function checkTokenizer(general: Fields, vocabularySize: number, file: string | null): void {
  for (const key of ['tokenizer.ggml.tokens', 'tokenizer.ggml.token_type']) {
    if (!general.has(key)) continue
    const { length } = general.listOf(key)
    if (length === vocabularySize) continue
    const reason = `${key} has ${length} entries, and the embedding table has ${vocabularySize} rows`
    throw new FakError('MODEL_VOCAB_MISMATCH', { file, field: key, reason })
  }
  for (const name of ['bos', 'eos', 'eot', 'unknown', 'padding']) {
    const key = `tokenizer.ggml.${name}_token_id`
    if (!general.has(key)) continue
    const id = general.count(key, 2 ** 32 - 1, 0)
    if (id < vocabularySize) continue
    const reason = `${key} is ${id}, and the vocabulary has ${vocabularySize} tokens`
    throw new FakError('MODEL_BAD_TOKEN_ID', { file, field: key, reason })
  }
}
