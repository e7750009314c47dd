import { printProgram } from '@fak/graph'
import { bytesSource, f32ToBf16, readWeight } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { configFromHf, loadQwen35 } from '../src/index.js'
import { changed, constant, ggufTensors, hfConfig, hfTensors, metadata, sourceOf, strangeType } from './helpers.js'

const head = sourceOf([constant('lm_head.weight', [11, 8], 0)])
const hf = hfTensors(configFromHf(hfConfig, head))
const gguf = ggufTensors()

const loadHf = (stored = hf, config: unknown = hfConfig) => loadQwen35(stored, { config })
const loadGguf = (stored = gguf, changes = {}) => loadQwen35(stored, { metadata: metadata(changes) })

/** First element of a bound weight. */
async function first(model: Awaited<ReturnType<typeof loadHf>>, label: string): Promise<number> {
  return (await readWeight(model.weights.get(label)!))[0]!
}

describe('an HF checkpoint', () => {
  it('gets 1 added to its norms, but not to that of the DeltaNet', async () => {
    const model = await loadHf()
    for (const label of [
      'norm.weight',
      'layers.0.input_layernorm.weight',
      'layers.0.post_attention_layernorm.weight',
      'layers.1.self_attn.q_norm.weight',
      'layers.1.self_attn.k_norm.weight',
    ]) {
      expect([label, await first(model, label)]).toEqual([label, 1.25])
    }
    expect(await first(model, 'layers.0.linear_attn.norm.weight')).toBe(0.25)
    expect(await first(model, 'layers.0.linear_attn.dt_bias')).toBe(0.25)
  })

  it('turns A_log into A, and squeezes the convolution', async () => {
    const model = await loadHf()
    expect(await first(model, 'layers.0.linear_attn.A')).toBe(Math.fround(-Math.exp(0.25)))
    expect(model.weights.get('layers.0.linear_attn.conv1d.weight')!.shape).toEqual([32, 4])
  })

  it('keeps matrices where they lie', async () => {
    const model = await loadHf()
    const name = 'layers.0.linear_attn.in_proj_qkv.weight'
    expect(model.weights.get(name)).toBe(hf.tensors.get(`model.${name}`))
  })

  it('is the same model under the multimodal prefix, beside a tower and a draft head', async () => {
    const renamed = hfTensors((await loadHf()).config, 'model.language_model.')
    const beside = { 'model.visual.blocks.0.attn.qkv.weight': {}, 'mtp.fc.weight': {}, 'model.mtp.norm.weight': {} }
    const model = await loadHf(changed(renamed, beside))
    expect(printProgram(model.program())).toBe(printProgram((await loadHf()).program()))
    expect(await first(model, 'norm.weight')).toBe(1.25)
  })

  it('uses the embedding table as head when tied', async () => {
    const model = await loadHf(changed(hf, { 'lm_head.weight': undefined }), { ...hfConfig, tie_word_embeddings: true })
    expect(model.weights.has('lm_head.weight')).toBe(false)
    expect(printProgram(model.program())).toContain(', embed_tokens.weight)  ; lm_head')
    await expect(loadHf(changed(hf, { 'lm_head.weight': undefined }))).rejects.toMatchObject({
      code: 'MODEL_MISSING_TENSOR',
      field: 'lm_head.weight',
    })
  })

  it('is blamed for its configuration by the name of the configuration', async () => {
    const origin = { config: { ...hfConfig, hidden_size: 0 }, file: 'model/config.json' }
    await expect(loadQwen35(hf, origin)).rejects.toMatchObject({ code: 'MODEL_BAD_CONFIG', file: 'model/config.json' })
  })

  it('converts small BF16 tensors exactly', async () => {
    const bytes = new Uint8Array(Uint16Array.from(Array(4), () => f32ToBf16(-1.5)).buffer)
    const half = { dtype: 'BF16', source: bytesSource(bytes), offset: 0, byteLength: 8 } as const
    const model = await loadHf(changed(hf, { 'model.layers.0.linear_attn.A_log': half }))
    expect(model.weights.get('layers.0.linear_attn.A')!.dtype).toBe('F32')
    expect(await first(model, 'layers.0.linear_attn.A')).toBe(Math.fround(-Math.exp(-1.5)))
  })

  it.each([
    ['MODEL_MISSING_TENSOR', 'model.layers.1.self_attn.q_norm.weight', undefined, 'missing'],
    [
      'MODEL_BAD_TENSOR_SHAPE',
      'model.layers.0.mlp.up_proj.weight',
      { shape: [8, 12] },
      'expected shape [12, 8], found [8, 12]',
    ],
    [
      'MODEL_BAD_TENSOR_SHAPE',
      'model.layers.0.linear_attn.conv1d.weight',
      { shape: [32, 4, 1] },
      'expected shape [32, 1, 4]',
    ],
    ['MODEL_BAD_TENSOR_SHAPE', 'model.embed_tokens.weight', { shape: [10, 8] }, 'found [10, 8]'],
    ['MODEL_UNSUPPORTED_TENSOR_TYPE', 'model.layers.0.mlp.up_proj.weight', { dtype: strangeType }, strangeType],
    ['MODEL_UNEXPECTED_TENSOR', 'model.layers.1.self_attn.q_proj.bias', {}, 'no place'],
    ['MODEL_UNEXPECTED_TENSOR', 'model.layers.2.input_layernorm.weight', {}, 'no place'],
  ])('is refused with %s for %s', async (code, name, change, reason) => {
    await expect(loadHf(changed(hf, { [name]: change }))).rejects.toMatchObject({
      code,
      file: 'weights.bin',
      field: name,
      reason: expect.stringContaining(reason),
    })
  })
})

describe('a GGUF file', () => {
  it('is taken as it is stored', async () => {
    const model = await loadGguf()
    expect([...model.weights.values()].every((tensor) => [...gguf.tensors.values()].includes(tensor as never))).toBe(
      true,
    )
    expect(await first(model, 'norm.weight')).toBe(0.25)
    expect(await first(model, 'layers.0.linear_attn.A')).toBe(0.25)
    expect(printProgram(model.program())).toContain('keyHead=tiled')
  })

  it('may fuse the projections of full attention', async () => {
    const rows = [4 * 12, 2 * 6, 2 * 6]
    const fused = constant('blk.1.attn_qkv.weight', [72, 8], 0)
    new Float32Array(fused.source.bytes!.buffer).forEach((_, i, all) => {
      all[i] = Math.floor(i / 8)
    })
    const parts = {
      'blk.1.attn_q.weight': undefined,
      'blk.1.attn_k.weight': undefined,
      'blk.1.attn_v.weight': undefined,
    }
    const model = await loadGguf(changed(gguf, { ...parts, [fused.name]: fused }))
    const names = ['q_proj', 'k_proj', 'v_proj'].map((name) => `layers.1.self_attn.${name}.weight`)
    expect(names.map((name) => model.weights.get(name)!.shape[0])).toEqual(rows)
    expect(await Promise.all(names.map((name) => first(model, name)))).toEqual([0, 48, 60])

    const scale = 'blk.1.attn_qkv.scale'
    const scaled = await loadGguf(changed(gguf, { ...parts, [fused.name]: fused, [scale]: constant(scale, [1], 3) }))
    const scales = ['q_proj', 'k_proj', 'v_proj'].map((name) => first(scaled, `layers.1.self_attn.${name}.scale`))
    expect(await Promise.all(scales)).toEqual([3, 3, 3])
  })

  it('may keep a factor beside a matrix, which multiplies what linear gives', async () => {
    const factor = (name: string) => constant(name, [1], 0.5)
    const beside = ['blk.0.ffn_up.scale', 'blk.0.ffn_up.input_scale', 'blk.0.attn_qkv.scale', 'output.scale']
    const model = await loadGguf(changed(gguf, Object.fromEntries(beside.map((name) => [name, factor(name)]))))
    const labels = [...model.weights.keys()].filter((label) => label.endsWith('.scale'))
    expect(labels).toEqual(['layers.0.linear_attn.in_proj_qkv.scale', 'layers.0.mlp.up_proj.scale', 'lm_head.scale'])
    expect(await first(model, 'lm_head.scale')).toBe(0.5)
    expect(printProgram(model.program()).match(/ = scale\(/g)).toHaveLength(3)
    expect(printProgram((await loadGguf()).program())).not.toContain('= scale(')
  })

  it.each(['token_embd.scale', 'blk.0.ffn_gate_exps.scale', 'blk.0.attn_norm.scale', 'output.bias'])(
    'refuses %s, which it would have to ignore',
    async (name) => {
      await expect(loadGguf(changed(gguf, { [name]: constant(name, [1], 2) }))).rejects.toMatchObject({
        code: 'MODEL_UNEXPECTED_TENSOR',
        field: name,
      })
    },
  )

  it.each(['I8', 'U32', 'I64'] as const)('refuses matrices of %s', async (dtype) => {
    await expect(loadGguf(changed(gguf, { 'blk.0.ffn_up.weight': { dtype } }))).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED_TENSOR_TYPE',
      field: 'blk.0.ffn_up.weight',
    })
  })

  it('may hold draft blocks, which are not part of the decoder', async () => {
    const draft = { 'blk.2.nextn.eh_proj.weight': {}, 'blk.2.attn_q.weight': {} }
    const keys = { 'qwen35.block_count': 3, 'qwen35.nextn_predict_layers': 1 }
    const model = await loadGguf(changed(gguf, draft), keys)
    expect(printProgram(model.program())).toBe(printProgram((await loadGguf()).program()))
    // Some files promise a draft block and do not have it.
    expect((await loadGguf(gguf, keys)).config.layerKinds).toHaveLength(2)
  })

  it.each([
    ['MODEL_MISSING_TENSOR', 'blk.0.ssm_a', undefined, 'missing'],
    ['MODEL_BAD_TENSOR_SHAPE', 'blk.1.attn_output.weight', { shape: [24, 8] }, 'expected shape [8, 24], found [24, 8]'],
    ['MODEL_BAD_TENSOR_SHAPE', 'blk.1.attn_norm.weight', { shape: [0] }, 'found [0]'],
    ['MODEL_UNSUPPORTED_TENSOR_TYPE', 'blk.1.ffn_down.weight', { dtype: strangeType }, strangeType],
    ['MODEL_UNEXPECTED_TENSOR', 'blk.1.attn_q.bias', {}, 'no place'],
  ])('is refused with %s for %s', async (code, name, change, reason) => {
    await expect(loadGguf(changed(gguf, { [name]: change }))).rejects.toMatchObject({
      code,
      field: name,
      reason: expect.stringContaining(reason),
    })
  })

  it('is refused when it says it has more blocks than it has', async () => {
    const keys = { 'qwen35.block_count': 3, 'qwen35.full_attention_interval': 2 }
    await expect(loadGguf(gguf, keys)).rejects.toMatchObject({
      code: 'MODEL_MISSING_TENSOR',
      field: expect.stringContaining('blk.2.'),
    })
  })
})
