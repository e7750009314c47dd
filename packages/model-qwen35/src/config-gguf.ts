// The configuration of a GGUF file: its metadata, and what its tensors say where the metadata is silent or wrong.

import { FakError } from '@fak/tensor'
import {
  checked,
  layerKindsByInterval,
  limits,
  type MlpConfig,
  mlpKind,
  type Names,
  type Qwen35Config,
  type Stored,
} from './config.js'
import { type FieldCodes, Fields } from './fields.js'

/** What {@link configFromGguf} needs of GGUF metadata. */
export interface Qwen35Metadata {
  /** The value under a key, or `undefined`; arrays have a length and `toArray`. */
  get(key: string): unknown
}

const ARCHITECTURES = { dense: ['qwen35'], moe: ['qwen35moe'] }
const CODES: FieldCodes = {
  missing: 'MODEL_MISSING_KEY',
  wrongType: 'MODEL_WRONG_TYPE',
  badValue: 'MODEL_BAD_HPARAM',
}
const NAMES: Names = {
  queryHeads: 'attention.head_count',
  rotaryDims: 'rope.dimension_count',
  valueHeads: 'ssm.time_step_rank',
  topK: 'expert_used_count',
}
/** `expert_gating_func` of a softmax. Source: `ExpertGatingFuncType` of the official `gguf` Python package. */
const SOFTMAX = 1

/**
 * Reads GGUF metadata. Blocks for multi-token prediction, which stand after the others, are not part of the decoder.
 *
 * @param stored The model's tensors: the embedding table says how large the vocabulary is, an `output.weight` that the embeddings are not
 * tied, and `nextn` tensors where multi-token prediction begins.
 * @throws FakError `MODEL_MISSING_KEY`, `MODEL_WRONG_TYPE`, `MODEL_BAD_HPARAM` naming the key; `MODEL_UNSUPPORTED_ARCHITECTURE`,
 * `MODEL_MTP_ONLY` for a file that holds nothing but a draft head, `MODEL_MISSING_TENSOR` without an embedding table,
 * `MODEL_VOCAB_MISMATCH` and `MODEL_BAD_TOKEN_ID` where the tokenizer does not fit it.
 */
export function configFromGguf(metadata: Qwen35Metadata, stored: Stored): Qwen35Config {
  const file = stored.name
  const general = new Fields((key) => metadata.get(key), CODES, file)
  const architecture = general.text('general.architecture')
  const kind = mlpKind(architecture, ARCHITECTURES, file)
  const fields = new Fields((key) => metadata.get(`${architecture}.${key}`), CODES, file, `${architecture}.`)

  const table = stored.tensors.get('token_embd.weight')
  if (table === undefined) {
    throw new FakError('MODEL_MISSING_TENSOR', { file, field: 'token_embd.weight', reason: 'the tensor is missing' })
  }
  const vocabularySize = table.shape[0] ?? 0
  checkTokenizer(general, vocabularySize, file)
  fields.only('rope.scaling.type', 'none')

  const blocks = fields.count('block_count', limits.layers)
  const layers = trunkBlocks(fields, blocks, stored)
  const stateSize = fields.count('ssm.state_size', limits.headSize)
  const Hv = fields.count('ssm.time_step_rank', limits.heads)
  const inner = fields.count('ssm.inner_size', limits.width)
  if (inner !== Hv * stateSize) {
    fields.bad('ssm.inner_size', `must be time_step_rank · state_size = ${Hv * stateSize}, got ${inner}`)
  }
  return checked(fields, NAMES, {
    hidden: fields.count('embedding_length', limits.width),
    vocabularySize,
    mlp: kind === 'moe' ? moeConfig(fields) : { kind, intermediate: fields.count('feed_forward_length', limits.width) },
    layerKinds: fields.has('attention.recurrent_layers')
      ? fields
          .list('attention.recurrent_layers', blocks)
          .slice(0, layers)
          .map((recurrent) => (recurrent === true ? 'linear_attention' : 'full_attention'))
      : layerKindsByInterval(fields, 'full_attention_interval', layers),
    eps: fields.positive('attention.layer_norm_rms_epsilon'),
    tiedEmbeddings: !stored.tensors.has('output.weight'),
    contextLength: fields.count('context_length', limits.context),
    attention: {
      Hq: fields.count('attention.head_count', limits.heads),
      Hk: fields.count('attention.head_count_kv', limits.heads),
      Dk: fields.count('attention.key_length', limits.headSize),
      Dv: fields.count('attention.value_length', limits.headSize),
      rope: { dims: fields.count('rope.dimension_count', limits.headSize), theta: fields.positive('rope.freq_base') },
    },
    deltaNet: {
      Hk: fields.count('ssm.group_count', limits.heads),
      Hv,
      Dk: stateSize,
      Dv: stateSize,
      convTaps: fields.count('ssm.conv_kernel', limits.convTaps, 2),
      keyHead: 'tiled',
    },
  })
}

/** Widths may be missing; then they follow from the dense one. Source: `qwen35moe.cpp` of llama.cpp v0.5.0. */
function moeConfig(fields: Fields): MlpConfig {
  fields.only('expert_gating_func', SOFTMAX)
  fields.only('expert_weights_norm', true)
  fields.only('expert_weights_scale', 1)
  const topK = fields.count('expert_used_count', limits.experts)
  const dense = () => fields.count('feed_forward_length', limits.width)
  const width = (key: string, otherwise: () => number) =>
    fields.has(key) ? fields.count(key, limits.width) : otherwise()
  return {
    kind: 'moe',
    experts: fields.count('expert_count', limits.experts),
    topK,
    intermediate: width('expert_feed_forward_length', () => Math.floor(dense() / topK)),
    sharedIntermediate: width('expert_shared_feed_forward_length', dense),
  }
}

/**
 * Blocks before those of multi-token prediction. `block_count` should count both and `nextn_predict_layers` the latter, but files exist in
 * which either is left over from before the draft blocks were cut off or put on. So the tensors decide, as long as they leave no doubt.
 */
function trunkBlocks(fields: Fields, blocks: number, stored: Stored): number {
  const declared = fields.has('nextn_predict_layers') ? fields.count('nextn_predict_layers', blocks - 1, 0) : 0
  const present = new Set<number>()
  const draft = new Set<number>()
  for (const name of stored.tensors.keys()) {
    const [, block, part] = /^blk\.(\d+)\.(.*)$/.exec(name) ?? []
    if (block === undefined) continue
    present.add(Number(block))
    if (part!.startsWith('nextn.')) draft.add(Number(block))
  }
  const first = Math.min(...draft)
  const trunk = draft.size > 0 ? first : blocks - declared
  if (draft.size > 0 && Math.min(...present) === first) {
    const reason = `the file holds only the draft head of a model, block ${first}; open the model's own file`
    throw new FakError('MODEL_MTP_ONLY', { file: stored.name, reason, field: `blk.${first}` })
  }
  // A file that lost some of its blocks must not pass for a smaller model, nor one whose last block would be taken for a draft.
  if (![blocks - declared, blocks - draft.size, blocks].includes(trunk)) {
    fields.bad('block_count', `is ${blocks}, and the file has draft blocks from block ${trunk} on`)
  }
  const odd = [...present].find((block) => block >= trunk && !draft.has(block))
  if (odd !== undefined) {
    const key = trunk === blocks ? 'block_count' : 'nextn_predict_layers'
    fields.bad(key, `leaves ${trunk} blocks to the decoder, and block ${odd} is there and no draft block`)
  }
  return trunk
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
