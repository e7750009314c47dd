// The experts of a layer in every stored form: the same three weights in the graph, and nothing copied.

import { printProgram } from '@fak/graph'
import { readWeight, sliceAt, type TensorInfo, type WeightSource } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { configFromHf, loadQwen35, type Qwen35Model } from '../src/index.js'
import {
  changed,
  constant,
  ggufMoeMetadata,
  ggufTensors,
  hfMoeConfig,
  hfTensors,
  joined,
  metadata,
  sourceOf,
  strangeType,
} from './helpers.js'

const head = sourceOf([constant('lm_head.weight', [11, 8], 0)])
const split = hfTensors(configFromHf(hfMoeConfig, head))
const gguf = ggufTensors(ggufMoeMetadata)
const loadHf = (stored: WeightSource) => loadQwen35(stored, { config: hfMoeConfig })
const loadGguf = (stored: WeightSource) => loadQwen35(stored, { metadata: metadata({}, ggufMoeMetadata) })

/** A tensor that counts its elements. */
function counted(name: string, shape: readonly number[]): TensorInfo {
  const tensor = constant(name, shape, 0)
  new Float32Array(tensor.source.bytes!.buffer).forEach((_, i, all) => {
    all[i] = i
  })
  return tensor
}

/** Without the matrices of single experts, and with what is given. */
function packed(suffix = ''): WeightSource {
  const rest = [...split.tensors.values()].filter(({ name }) => !/experts\.\d/.test(name))
  const layers = [0, 1].flatMap((layer) => [
    counted(`model.layers.${layer}.mlp.experts.gate_up_proj${suffix}`, [4, 10, 8]),
    counted(`model.layers.${layer}.mlp.experts.down_proj${suffix}`, [4, 8, 5]),
  ])
  return sourceOf([...rest, ...layers])
}

const of = (model: Qwen35Model, part: string) => model.weights.get(`layers.1.mlp.experts.${part}_proj.weight`)!
const firsts = async (model: Qwen35Model, part: string) => {
  const values = await readWeight(of(model, part))
  return [0, 1, 2, 3].map((e) => values[(e * values.length) / 4])
}
const shapes = (model: Qwen35Model) => ['gate', 'up', 'down'].map((part) => of(model, part).shape)

describe('experts of an HF checkpoint', () => {
  it('may have a matrix each', async () => {
    const model = await loadHf(split)
    expect(shapes(model)).toEqual([
      [4, 5, 8],
      [4, 5, 8],
      [4, 8, 5],
    ])
    expect(await firsts(model, 'up')).toEqual([0, 1, 2, 3])
    expect(sliceAt(of(model, 'down'), 2)).toBe(split.tensors.get('model.layers.1.mlp.experts.2.down_proj.weight'))
  })

  it.each(['', '.weight'])('may be packed, gate above up (suffix "%s")', async (suffix) => {
    const stored = packed(suffix)
    const model = await loadHf(stored)
    expect(printProgram(model.program())).toBe(printProgram((await loadHf(split)).program()))
    expect(await firsts(model, 'gate')).toEqual([0, 80, 160, 240])
    expect(await firsts(model, 'up')).toEqual([40, 120, 200, 280])
    expect(await firsts(model, 'down')).toEqual([0, 40, 80, 120])
    const { source } = stored.tensors.get(`model.layers.1.mlp.experts.gate_up_proj${suffix}`)!
    expect(sliceAt(of(model, 'up'), 3)).toMatchObject({ source, offset: 4 * 280, byteLength: 4 * 40 })
  })

  it.each([
    ['MODEL_MISSING_TENSOR', 'experts.2.up_proj.weight', undefined, 'missing'],
    ['MODEL_BAD_TENSOR_SHAPE', 'experts.2.up_proj.weight', { shape: [8, 5] }, 'expected shape [5, 8], found [8, 5]'],
    ['MODEL_UNSUPPORTED_TENSOR_TYPE', 'experts.0.up_proj.weight', { dtype: strangeType }, strangeType],
    ['MODEL_UNSUPPORTED_TENSOR_TYPE', 'experts.2.up_proj.weight', { dtype: 'BF16' }, 'one type; this one is BF16'],
    ['MODEL_UNEXPECTED_TENSOR', 'experts.4.up_proj.weight', {}, 'no place'],
    ['MODEL_UNEXPECTED_TENSOR', 'up_proj.weight', {}, 'no place'],
    ['MODEL_BAD_TENSOR_SHAPE', 'gate.weight', { shape: [3, 8] }, 'expected shape [4, 8]'],
    ['MODEL_MISSING_TENSOR', 'shared_expert_gate.weight', undefined, 'missing'],
  ] as const)('are refused with %s for %s', async (code, name, change, reason) => {
    const field = `model.layers.1.mlp.${name}`
    await expect(loadHf(changed(split, { [field]: change }))).rejects.toMatchObject({
      code,
      field,
      reason: expect.stringContaining(reason),
    })
  })

  it('are refused when they are packed and apart at once', async () => {
    const both = joined(packed(), [constant('model.layers.0.mlp.experts.0.up_proj.weight', [5, 8], 0)])
    await expect(loadHf(both)).rejects.toMatchObject({ code: 'MODEL_UNEXPECTED_TENSOR' })
  })
})

describe('experts of a GGUF file', () => {
  it('are taken as they are stored', async () => {
    const model = await loadGguf(gguf)
    expect(shapes(model)).toEqual(shapes(await loadHf(split)))
    expect(of(model, 'gate')).toBe(gguf.tensors.get('blk.1.ffn_gate_exps.weight'))
  })

  it('may have gate and up fused', async () => {
    const apart = { 'blk.1.ffn_gate_exps.weight': undefined, 'blk.1.ffn_up_exps.weight': undefined }
    const model = await loadGguf(joined(changed(gguf, apart), [counted('blk.1.ffn_gate_up_exps.weight', [4, 10, 8])]))
    expect(await firsts(model, 'gate')).toEqual([0, 80, 160, 240])
    expect(await firsts(model, 'up')).toEqual([40, 120, 200, 280])
    expect(printProgram(model.program())).toBe(printProgram((await loadGguf(gguf)).program()))
  })

  it('may have a vector for the gate of the shared expert', async () => {
    const gate = 'blk.0.ffn_gate_inp_shexp.weight'
    const model = await loadGguf(changed(gguf, { [gate]: { shape: [8] } }))
    expect(model.weights.get('layers.0.mlp.shared_expert_gate.weight')!.shape).toEqual([1, 8])
    await expect(loadGguf(changed(gguf, { [gate]: { shape: [8, 1] } }))).rejects.toMatchObject({
      code: 'MODEL_BAD_TENSOR_SHAPE',
      reason: 'expected shape [1, 8] or [8], found [8, 1]',
    })
  })
})

it('the decoder with experts is this program', async () => {
  await expect(printProgram((await loadHf(split)).program())).toMatchFileSnapshot('decoder-moe.program.txt')
})
