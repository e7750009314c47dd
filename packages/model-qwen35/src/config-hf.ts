// The configuration of an HF checkpoint: config.json.

import { FakError } from '@fak/tensor'
import {
  checked,
  type LayerKind,
  layerKindsByInterval,
  limits,
  type MlpConfig,
  mlpKind,
  type Names,
  type Qwen35Config,
  type Stored,
} from './config.js'
import { describe, type FieldCodes, Fields, isJsonObject, own } from './fields.js'

const ARCHITECTURES = {
  dense: ['qwen3_5', 'qwen3_5_text'],
  moe: ['qwen3_5_moe', 'qwen3_5_moe_text'],
}
const PARTIAL_ROTARY_FACTOR = 0.25
const CODES: FieldCodes = {
  missing: 'MODEL_BAD_CONFIG',
  wrongType: 'MODEL_BAD_CONFIG',
  badValue: 'MODEL_BAD_CONFIG',
}
const NAMES: Names = {
  queryHeads: 'num_attention_heads',
  rotaryDims: 'partial_rotary_factor',
  valueHeads: 'linear_num_value_heads',
  topK: 'num_experts_per_tok',
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
  const fields = new Fields((key) => own(text, key), CODES, file)
  // Some fields stand in two places. The first that has them wins.
  const textFirst = new Fields((key) => own(text, key) ?? own(json, key), CODES, file)
  const topFirst = new Fields((key) => own(json, key) ?? own(text, key), CODES, file)
  const rope = new Fields((key) => own(ropeObject, key) ?? own(text, key), CODES, file)

  const kind = mlpKind(textFirst.text('model_type'), ARCHITECTURES, file)
  fields.only('hidden_act', 'silu')
  fields.only('attention_bias', false)
  fields.only('attn_output_gate', true)
  fields.only('output_gate_type', 'silu', 'swish')
  rope.only('rope_type', 'default')

  const layers = fields.count('num_hidden_layers', limits.layers)
  const headDim = fields.count('head_dim', limits.headSize)
  const factor = rope.has('partial_rotary_factor') ? rope.positive('partial_rotary_factor') : PARTIAL_ROTARY_FACTOR
  const tied = !topFirst.has('tie_word_embeddings') || topFirst.flag('tie_word_embeddings')
  return checked(fields, NAMES, {
    hidden: fields.count('hidden_size', limits.width),
    vocabularySize: fields.count('vocab_size', limits.vocabulary),
    mlp: kind === 'moe' ? moeConfig(fields) : { kind, intermediate: fields.count('intermediate_size', limits.width) },
    layerKinds: fields.has('layer_types')
      ? fields.list('layer_types', layers).map((kind) => layerKind(fields, kind))
      : layerKindsByInterval(fields, 'full_attention_interval', layers),
    eps: fields.positive('rms_norm_eps'),
    tiedEmbeddings: tied && !stored.tensors.has('lm_head.weight'),
    contextLength: fields.count('max_position_embeddings', limits.context),
    attention: {
      Hq: fields.count('num_attention_heads', limits.heads),
      Hk: fields.count('num_key_value_heads', limits.heads),
      Dk: headDim,
      Dv: headDim,
      rope: { dims: Math.trunc(headDim * factor), theta: rope.positive('rope_theta') },
    },
    deltaNet: {
      Hk: fields.count('linear_num_key_heads', limits.heads),
      Hv: fields.count('linear_num_value_heads', limits.heads),
      Dk: fields.count('linear_key_head_dim', limits.headSize),
      Dv: fields.count('linear_value_head_dim', limits.headSize),
      convTaps: fields.count('linear_conv_kernel_dim', limits.convTaps, 2),
      keyHead: 'grouped',
    },
  })
}

function moeConfig(fields: Fields): MlpConfig {
  // Older families of the same code have layers without experts, and weights that do not sum to 1.
  fields.only('norm_topk_prob', true)
  fields.only('decoder_sparse_step', 1)
  if (fields.has('mlp_only_layers')) fields.list('mlp_only_layers', 0)
  return {
    kind: 'moe',
    experts: fields.count('num_experts', limits.experts),
    topK: fields.count('num_experts_per_tok', limits.experts),
    intermediate: fields.count('moe_intermediate_size', limits.width),
    sharedIntermediate: fields.count('shared_expert_intermediate_size', limits.width),
  }
}

function layerKind(fields: Fields, kind: unknown): LayerKind {
  if (kind === 'linear_attention' || kind === 'full_attention') return kind
  return fields.bad('layer_types', `holds an unknown layer type, ${describe(kind)}`)
}
