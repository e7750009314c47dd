import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { configFromGguf, configFromHf } from '../src/index.js'
import {
  changed,
  constant,
  ggufMoeMetadata,
  ggufTensors,
  hfConfig,
  hfMoeConfig,
  list,
  metadata,
  sourceOf,
} from './helpers.js'

const nothing = sourceOf([])
const head = sourceOf([constant('lm_head.weight', [11, 8], 0)])

function errorOf(run: () => unknown): FakError {
  try {
    run()
  } catch (error) {
    if (FakError.isInstance(error)) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('configFromHf', () => {
  it('reads a flat text config', () => {
    expect(configFromHf(hfConfig, head)).toEqual({
      hidden: 8,
      vocabularySize: 11,
      mlp: { kind: 'dense', intermediate: 12 },
      layerKinds: ['linear_attention', 'full_attention'],
      eps: 1e-6,
      tiedEmbeddings: false,
      contextLength: 4096,
      attention: { Hq: 4, Hk: 2, Dk: 6, Dv: 6, rope: { dims: 4, theta: 10000 } },
      deltaNet: { Hk: 2, Hv: 4, Dk: 5, Dv: 3, convTaps: 4, keyHead: 'grouped' },
    })
  })

  it('reads text_config of a multimodal config, where the top level decides on tied embeddings', () => {
    const nested = { model_type: 'qwen3_5', tie_word_embeddings: true, text_config: hfConfig, vision_config: {} }
    expect(configFromHf(nested, nothing)).toEqual({ ...configFromHf(hfConfig, head), tiedEmbeddings: true })
  })

  it('believes a head that is there rather than a flag that says it is not', () => {
    expect(configFromHf({ ...hfConfig, tie_word_embeddings: true }, head).tiedEmbeddings).toBe(false)
    expect(configFromHf({ ...hfConfig, tie_word_embeddings: true }, nothing).tiedEmbeddings).toBe(true)
    const { tie_word_embeddings: _, ...silent } = hfConfig
    expect(configFromHf(silent, nothing).tiedEmbeddings).toBe(true)
  })

  it('derives the layer kinds from the interval, 4 by default, when there is no list', () => {
    const { layer_types: _, ...rest } = { ...hfConfig, num_hidden_layers: 9 }
    const full = (config: object) =>
      configFromHf(config, head).layerKinds.flatMap((kind, i) => (kind === 'full_attention' ? [i] : []))
    expect(full(rest)).toEqual([3, 7])
    expect(full({ ...rest, full_attention_interval: 3 })).toEqual([2, 5, 8])
    expect(full({ ...rest, layer_types: null })).toEqual([3, 7])
  })

  it('finds the rotary values under either name, and flattened, with the inner ones first', () => {
    const { rope_parameters: rope, ...rest } = hfConfig
    const expected = configFromHf(hfConfig, head)
    expect(configFromHf({ ...rest, rope_scaling: rope }, head)).toEqual(expected)
    expect(configFromHf({ ...rest, rope_theta: 10000, partial_rotary_factor: 0.67 }, head)).toEqual(expected)
    expect(configFromHf({ ...hfConfig, rope_theta: 5, partial_rotary_factor: 1 }, head)).toEqual(expected)
    const { dims } = configFromHf({ ...rest, head_dim: 256, rope_theta: 1e7 }, head).attention.rope
    expect(dims).toBe(64) // a quarter, when nothing is said
  })

  it.each([
    ['not an object', [], null],
    ['null', null, null],
    ['a text', 'x', null],
    ['negative layers', { num_hidden_layers: -1 }, 'num_hidden_layers'],
    ['infinite layers', { num_hidden_layers: 1e308 }, 'num_hidden_layers'],
    ['layers in quotes', { num_hidden_layers: '24' }, 'num_hidden_layers'],
    ['half a layer', { num_hidden_layers: 1.5 }, 'num_hidden_layers'],
    ['no hidden size', { hidden_size: undefined }, 'hidden_size'],
    ['a list that is too short', { layer_types: ['linear_attention'] }, 'layer_types'],
    ['an unknown layer type', { layer_types: ['linear_attention', 'sliding_attention'] }, 'layer_types'],
    ['layer types that are no list', { layer_types: 'full_attention' }, 'layer_types'],
    ['zero heads', { num_attention_heads: 0 }, 'num_attention_heads'],
    ['heads that do not divide', { num_attention_heads: 3 }, 'num_attention_heads'],
    ['no key and value heads', { num_key_value_heads: 0 }, 'num_key_value_heads'],
    ['value heads that do not divide', { linear_num_value_heads: 5 }, 'linear_num_value_heads'],
    ['one convolution tap', { linear_conv_kernel_dim: 1 }, 'linear_conv_kernel_dim'],
    ['epsilon 0', { rms_norm_eps: 0 }, 'rms_norm_eps'],
    ['no rotary base', { rope_parameters: {} }, 'rope_theta'],
    [
      'an odd number of rotary dimensions',
      { rope_parameters: { rope_theta: 1, partial_rotary_factor: 0.5 } },
      'partial_rotary_factor',
    ],
    ['another kind of rope', { rope_parameters: { rope_type: 'yarn', rope_theta: 1 } }, 'rope_type'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act'],
    ['biases', { attention_bias: true }, 'attention_bias'],
    ['another output gate', { output_gate_type: 'sigmoid' }, 'output_gate_type'],
    ['a flag that is a number', { tie_word_embeddings: 1 }, 'tie_word_embeddings'],
  ])('refuses %s', (_, change, field) => {
    const json =
      change !== null && typeof change === 'object' && !Array.isArray(change) ? { ...hfConfig, ...change } : change
    expect(errorOf(() => configFromHf(json, head))).toMatchObject({
      code: 'MODEL_BAD_CONFIG',
      file: 'weights.bin',
      field,
    })
  })

  it('reads experts, and finds the type of the model at the top when the text part does not name it', () => {
    const expected = {
      ...configFromHf(hfConfig, head),
      mlp: { kind: 'moe', experts: 4, topK: 3, intermediate: 5, sharedIntermediate: 7 },
    }
    expect(configFromHf(hfMoeConfig, head)).toEqual(expected)
    const text_config = { ...hfMoeConfig, model_type: undefined, mlp_only_layers: [], norm_topk_prob: true }
    expect(configFromHf({ model_type: 'qwen3_5_moe', text_config, tie_word_embeddings: false }, head)).toEqual(expected)
  })

  it.each([
    ['no experts', { num_experts: 0 }, 'num_experts'],
    ['2^40 experts', { num_experts: 2 ** 40 }, 'num_experts'],
    ['experts that are not said', { num_experts: undefined }, 'num_experts'],
    ['none to take', { num_experts_per_tok: 0 }, 'num_experts_per_tok'],
    ['more to take than there are', { num_experts_per_tok: 5 }, 'num_experts_per_tok'],
    ['experts of no width', { moe_intermediate_size: 0 }, 'moe_intermediate_size'],
    ['no shared expert', { shared_expert_intermediate_size: undefined }, 'shared_expert_intermediate_size'],
    ['weights that need not sum to 1', { norm_topk_prob: false }, 'norm_topk_prob'],
    ['layers without experts', { mlp_only_layers: [0] }, 'mlp_only_layers'],
    ['experts in every other layer', { decoder_sparse_step: 2 }, 'decoder_sparse_step'],
  ])('refuses %s', (_, change, field) => {
    expect(errorOf(() => configFromHf({ ...hfMoeConfig, ...change }, head))).toMatchObject({
      code: 'MODEL_BAD_CONFIG',
      field,
    })
  })

  it('says what it cannot run', () => {
    const refused = (model_type: string) => errorOf(() => configFromHf({ ...hfConfig, model_type }, head))
    expect(refused('llama')).toMatchObject({
      code: 'MODEL_UNSUPPORTED_ARCHITECTURE',
      reason: expect.stringContaining('"llama"'),
    })
    expect(refused('llama').reason).toContain('qwen3_5_moe')
  })
})

describe('configFromGguf', () => {
  const stored = ggufTensors()

  it('reads the metadata', () => {
    expect(configFromGguf(metadata(), stored)).toEqual({
      hidden: 8,
      vocabularySize: 11,
      mlp: { kind: 'dense', intermediate: 12 },
      layerKinds: ['linear_attention', 'full_attention'],
      eps: 1e-6,
      tiedEmbeddings: false,
      contextLength: 4096,
      attention: { Hq: 4, Hk: 2, Dk: 6, Dv: 6, rope: { dims: 4, theta: 10000 } },
      deltaNet: { Hk: 2, Hv: 4, Dk: 5, Dv: 5, convTaps: 4, keyHead: 'tiled' },
    })
    expect(configFromGguf(metadata(), changed(stored, { 'output.weight': undefined })).tiedEmbeddings).toBe(true)
    expect(configFromGguf(metadata({ 'qwen35.context_length': 4096n }), stored).contextLength).toBe(4096)
  })

  it('prefers the list of recurrent layers to the interval, and leaves draft blocks out', () => {
    const kinds = (changes: Readonly<Record<string, unknown>>) => configFromGguf(metadata(changes), stored).layerKinds
    expect(kinds({ 'qwen35.attention.recurrent_layers': list([false, true]) })).toEqual([
      'full_attention',
      'linear_attention',
    ])
    expect(kinds({ 'qwen35.block_count': 6, 'qwen35.full_attention_interval': undefined })).toHaveLength(6)
    const draft = { 'qwen35.block_count': 6, 'qwen35.nextn_predict_layers': 1 }
    expect(kinds({ ...draft, 'qwen35.full_attention_interval': undefined })).toHaveLength(5)
    expect(kinds({ ...draft, 'qwen35.attention.recurrent_layers': list([1, 1, 1, 1, 1, 0].map(Boolean)) })).toEqual(
      Array(5).fill('linear_attention'),
    )
  })

  it.each([
    ['another architecture', 'general.architecture', 'llama', 'MODEL_UNSUPPORTED_ARCHITECTURE'],
    ['a path as architecture', 'general.architecture', '../../x', 'MODEL_UNSUPPORTED_ARCHITECTURE'],
    ['a mebibyte of architecture', 'general.architecture', 'x'.repeat(2 ** 20), 'MODEL_UNSUPPORTED_ARCHITECTURE'],
    ['no architecture', 'general.architecture', undefined, 'MODEL_MISSING_KEY'],
    ['no blocks', 'qwen35.block_count', 0, 'MODEL_BAD_HPARAM'],
    ['4 billion blocks', 'qwen35.block_count', 2 ** 32 - 1, 'MODEL_BAD_HPARAM'],
    ['fewer blocks than present', 'qwen35.block_count', 1, 'MODEL_BAD_HPARAM'],
    ['nothing but draft blocks', 'qwen35.nextn_predict_layers', 2, 'MODEL_BAD_HPARAM'],
    ['no heads', 'qwen35.attention.head_count', 0, 'MODEL_BAD_HPARAM'],
    ['no key and value heads', 'qwen35.attention.head_count_kv', 0, 'MODEL_BAD_HPARAM'],
    ['heads that do not divide', 'qwen35.attention.head_count', 3, 'MODEL_BAD_HPARAM'],
    ['no linear key heads', 'qwen35.ssm.group_count', 0, 'MODEL_BAD_HPARAM'],
    ['no value heads', 'qwen35.ssm.time_step_rank', 0, 'MODEL_BAD_HPARAM'],
    ['an absurd state size', 'qwen35.ssm.state_size', 2 ** 31, 'MODEL_BAD_HPARAM'],
    ['an inner size that fits nothing', 'qwen35.ssm.inner_size', 21, 'MODEL_BAD_HPARAM'],
    ['no convolution', 'qwen35.ssm.conv_kernel', 0, 'MODEL_BAD_HPARAM'],
    ['epsilon NaN', 'qwen35.attention.layer_norm_rms_epsilon', Number.NaN, 'MODEL_BAD_HPARAM'],
    ['epsilon 0', 'qwen35.attention.layer_norm_rms_epsilon', 0, 'MODEL_BAD_HPARAM'],
    ['epsilon -1', 'qwen35.attention.layer_norm_rms_epsilon', -1, 'MODEL_BAD_HPARAM'],
    ['odd rotary dimensions', 'qwen35.rope.dimension_count', 3, 'MODEL_BAD_HPARAM'],
    ['more rotary dimensions than the head has', 'qwen35.rope.dimension_count', 8, 'MODEL_BAD_HPARAM'],
    ['stretched positions', 'qwen35.rope.scaling.type', 'yarn', 'MODEL_BAD_HPARAM'],
    ['a recurrence list of another length', 'qwen35.attention.recurrent_layers', list([true]), 'MODEL_BAD_HPARAM'],
    ['a text for a count', 'qwen35.block_count', '2', 'MODEL_WRONG_TYPE'],
    ['a flag for a number', 'qwen35.rope.freq_base', true, 'MODEL_WRONG_TYPE'],
    ['a list for a count', 'qwen35.attention.head_count_kv', list([2, 2]), 'MODEL_WRONG_TYPE'],
    ['a number for a list', 'qwen35.attention.recurrent_layers', 3, 'MODEL_WRONG_TYPE'],
    ['no context length', 'qwen35.context_length', undefined, 'MODEL_MISSING_KEY'],
    ['more tokens than rows', 'tokenizer.ggml.tokens', list(Array(12).fill('x')), 'MODEL_VOCAB_MISMATCH'],
    ['token types of another length', 'tokenizer.ggml.token_type', list(Array(10).fill(1)), 'MODEL_VOCAB_MISMATCH'],
    ['an end token beyond the vocabulary', 'tokenizer.ggml.eos_token_id', 11, 'MODEL_BAD_TOKEN_ID'],
    ['a padding token beyond the vocabulary', 'tokenizer.ggml.padding_token_id', 2 ** 31, 'MODEL_BAD_TOKEN_ID'],
    ['a begin token beyond the vocabulary', 'tokenizer.ggml.bos_token_id', 11, 'MODEL_BAD_TOKEN_ID'],
  ])('refuses %s', (_, key, value, code) => {
    const error = errorOf(() => configFromGguf(metadata({ [key]: value }), stored))
    expect(error).toMatchObject({ code, file: 'weights.bin' })
    expect(error.message.length).toBeLessThan(400)
    if (code !== 'MODEL_UNSUPPORTED_ARCHITECTURE') expect(error.field).toBe(key)
  })

  it('refuses value heads that key heads do not divide', () => {
    const error = errorOf(() => configFromGguf(metadata({ 'qwen35.ssm.group_count': 3 }), stored))
    expect(error).toMatchObject({ code: 'MODEL_BAD_HPARAM', field: 'qwen35.ssm.time_step_rank' })
  })

  const moe = (changes: Readonly<Record<string, unknown>> = {}) =>
    configFromGguf(metadata(changes, ggufMoeMetadata), ggufTensors(ggufMoeMetadata))

  it('reads experts, whose widths may follow from the dense one', () => {
    const mlp = { kind: 'moe', experts: 4, topK: 3, intermediate: 5, sharedIntermediate: 7 }
    expect(moe()).toEqual({ ...configFromGguf(metadata(), stored), mlp })
    const widths = {
      'qwen35moe.expert_feed_forward_length': undefined,
      'qwen35moe.expert_shared_feed_forward_length': undefined,
      'qwen35moe.feed_forward_length': 16,
    }
    expect(moe(widths).mlp).toEqual({ ...mlp, intermediate: 5, sharedIntermediate: 16 })
  })

  it.each([
    ['no experts', 'expert_count', 0, 'MODEL_BAD_HPARAM'],
    ['4 billion experts', 'expert_count', 2 ** 32 - 1, 'MODEL_BAD_HPARAM'],
    ['none to take', 'expert_used_count', 0, 'MODEL_BAD_HPARAM'],
    ['more to take than there are', 'expert_used_count', 5, 'MODEL_BAD_HPARAM'],
    ['experts of no width', 'expert_feed_forward_length', 0, 'MODEL_BAD_HPARAM'],
    ['a list of widths', 'expert_feed_forward_length', list([5, 5]), 'MODEL_WRONG_TYPE'],
    ['a shared expert as wide as a planet', 'expert_shared_feed_forward_length', 2 ** 31, 'MODEL_BAD_HPARAM'],
    ['another gate', 'expert_gating_func', 2, 'MODEL_BAD_HPARAM'],
    ['weights that need not sum to 1', 'expert_weights_norm', false, 'MODEL_BAD_HPARAM'],
    ['no number of experts', 'expert_count', undefined, 'MODEL_MISSING_KEY'],
  ])('refuses %s', (_, key, value, code) => {
    const field = `qwen35moe.${key}`
    expect(errorOf(() => moe({ [field]: value }))).toMatchObject({ code, field, file: 'weights.bin' })
  })

  it('needs a width that it can work with', () => {
    expect(errorOf(() => moe({ 'qwen35moe.expert_feed_forward_length': undefined }))).toMatchObject({
      code: 'MODEL_MISSING_KEY',
      field: 'qwen35moe.feed_forward_length',
    })
  })

  it('needs an embedding table', () => {
    const error = errorOf(() => configFromGguf(metadata(), changed(stored, { 'token_embd.weight': undefined })))
    expect(error).toMatchObject({ code: 'MODEL_MISSING_TENSOR', field: 'token_embd.weight' })
  })
})
