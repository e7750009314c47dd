// The draft head: found in every place that files have it, complete or not there, and never in the way of the model.

import { readWeight, type WeightSource } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { configFromGguf, configFromHf, loadQwen35, mtpParameters } from '../src/index.js'
import {
  changed,
  constant,
  ggufMetadata,
  ggufMoeMetadata,
  ggufMtpTensors,
  ggufTensors,
  hfConfig,
  hfMoeConfig,
  hfMtpTensors,
  hfTensors,
  joined,
  metadata,
  sourceOf,
} from './helpers.js'

const head = sourceOf([constant('lm_head.weight', [11, 8], 0)])

describe.each([
  ['dense', hfConfig],
  ['with experts', hfMoeConfig],
])('the draft head of an HF checkpoint, %s', (_, json) => {
  const config = configFromHf(json, head)
  const trunk = hfTensors(config)
  const load = (stored: WeightSource) => loadQwen35(stored, { config: json })

  it.each(['mtp.', 'model.mtp.'])('is found below %s', async (prefix) => {
    const { mtp, mtpAbsence, weights } = await load(joined(trunk, hfMtpTensors(config, prefix)))
    expect(mtpAbsence).toBeUndefined()
    for (const { label, shape } of mtpParameters(config))
      expect([label, mtp!.weights.get(label)?.shape]).toEqual([label, shape])
    // Norms get their 1 here too.
    for (const norm of ['norm', 'pre_fc_norm_hidden', 'layers.0.input_layernorm', 'layers.0.self_attn.q_norm']) {
      expect((await readWeight(mtp!.weights.get(`mtp.${norm}.weight`)!))[0]).toBe(1.25)
    }
    expect(mtp!.weights.get('mtp.lm_head.weight')).toBe(weights.get('lm_head.weight'))
    expect(mtp!.weights.get('mtp.embed_tokens.weight')).toBe(weights.get('embed_tokens.weight'))
  })

  it.each([
    ['no tensors', () => [], 'no mtp tensors'],
    ['a part of them', () => hfMtpTensors(config).slice(1), 'mtp.fc.weight: the tensor is missing'],
    ['two layers', () => [...hfMtpTensors(config), constant('mtp.layers.1.mlp.gate.weight', [1], 0)], 'several layers'],
    [
      'a bias',
      () => [...hfMtpTensors(config), constant('mtp.fc.bias', [8], 0)],
      'mtp.fc.bias: the configuration has no place',
    ],
    [
      'a wrong shape',
      () => [...hfMtpTensors(config), constant('mtp.fc.weight', [16, 8], 0)],
      'expected shape [8, 16], found [16, 8]',
    ],
  ])('with %s is none, and the reason is told', async (_, tensors, reason) => {
    const { mtp, mtpAbsence, config: found } = await load(joined(trunk, tensors()))
    expect(mtp).toBeUndefined()
    expect(mtpAbsence).toContain(reason)
    expect(found).toEqual(config)
  })

  it('alone is no model', async () => {
    const alone = sourceOf([
      ...hfMtpTensors(config),
      ...['model.embed_tokens.weight', 'lm_head.weight'].map((name) => trunk.tensors.get(name)!),
    ])
    await expect(load(alone)).rejects.toMatchObject({
      code: 'MODEL_MTP_ONLY',
      reason: expect.stringContaining('draft head'),
    })
  })
})

describe.each([
  ['dense', ggufMetadata, 'qwen35'],
  ['with experts', ggufMoeMetadata, 'qwen35moe'],
])('the draft head of a GGUF file, %s', (_, base, architecture) => {
  const trunk = ggufTensors(base)
  const config = configFromGguf(metadata({}, base), trunk)
  const keys = (blocks: number, draft: number | undefined) => ({
    [`${architecture}.block_count`]: blocks,
    [`${architecture}.nextn_predict_layers`]: draft,
    [`${architecture}.full_attention_interval`]: 2,
  })
  const load = (stored: WeightSource, changes = keys(3, 1)) => loadQwen35(stored, { metadata: metadata(changes, base) })
  const whole = joined(trunk, ggufMtpTensors(config, 2))

  it('is the block after the others', async () => {
    const { mtp, weights } = await load(whole)
    for (const { label, shape } of mtpParameters(config))
      expect([label, mtp!.weights.get(label)?.shape]).toEqual([label, shape])
    expect((await readWeight(mtp!.weights.get('mtp.norm.weight')!))[0]).toBe(0.25)
    expect(mtp!.weights.get('mtp.lm_head.weight')).toBe(weights.get('lm_head.weight'))
  })

  it('may have a table and a head of its own, and no last norm', async () => {
    const own = [
      constant('blk.2.nextn.embed_tokens.weight', [11, 8], 1),
      constant('blk.2.nextn.shared_head_head.weight', [11, 8], 2),
    ]
    const { mtp, weights } = await load(
      joined(changed(whole, { 'blk.2.nextn.shared_head_norm.weight': undefined }), own),
    )
    expect(mtp!.weights.get('mtp.embed_tokens.weight')).toBe(own[0])
    expect(mtp!.weights.get('mtp.lm_head.weight')).toBe(own[1])
    expect(mtp!.weights.get('mtp.norm.weight')).toBe(weights.get('norm.weight'))
  })

  it.each([
    ['counted and declared', 3, 1],
    ['counted and not declared', 3, undefined],
    ['declared as none', 3, 0],
    ['declared and not counted', 2, 1],
    ['neither counted nor declared', 2, 0],
  ])('is found by its tensors when metadata has it %s', async (_, blocks, draft) => {
    const model = await load(whole, keys(blocks, draft))
    expect(model.config.layerKinds).toEqual(config.layerKinds)
    expect(model.mtp).toBeDefined()
  })

  it('is none where metadata alone has it', async () => {
    const { mtp, mtpAbsence, config: found } = await load(trunk)
    expect([mtp, mtpAbsence]).toEqual([undefined, 'the file has no nextn block'])
    expect(found).toEqual(config)
  })

  it('is none when it is incomplete', async () => {
    const { mtp, mtpAbsence } = await load(changed(whole, { 'blk.2.attn_k.weight': undefined }))
    expect([mtp, mtpAbsence]).toEqual([undefined, 'blk.2.attn_k.weight: the tensor is missing'])
  })

  it('never hides a block of the model', async () => {
    // A last block without nextn tensors may be a draft block that lost them, or the model's own.
    await expect(load(trunk, keys(2, 1))).rejects.toMatchObject({
      code: 'MODEL_BAD_HPARAM',
      field: `${architecture}.nextn_predict_layers`,
    })
    // Blocks in the middle of a file may be lost.
    await expect(load(whole, keys(7, 1))).rejects.toMatchObject({
      code: 'MODEL_BAD_HPARAM',
      field: `${architecture}.block_count`,
    })
    const beyond = joined(trunk, [constant('blk.2.attn_q.weight', [1], 0)])
    await expect(load(beyond, keys(2, 0))).rejects.toMatchObject({ field: `${architecture}.block_count` })
  })

  it('alone is no model', async () => {
    const alone = [...whole.tensors.values()].filter(({ name }) => !/^blk\.[01]\./.test(name))
    await expect(load(sourceOf(alone))).rejects.toMatchObject({
      code: 'MODEL_MTP_ONLY',
      reason: expect.stringContaining('draft head'),
    })
  })
})
