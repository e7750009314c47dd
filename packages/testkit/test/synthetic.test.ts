import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openGguf } from '@fak/gguf/node'
import { ReferenceExecutor } from '@fak/graph/reference'
import { loadQwen35, type Qwen35Config, qwen35Parameters } from '@fak/model-qwen35'
import { byteLength } from '@fak/tensor'
import { Tokenizer } from '@fak/tokenizer'
import { describe, expect, it } from 'vitest'
import { Random } from '../src/index.js'
import { type ModelSize, modelSizes, sizeConfig, type TypeMix, typeMixes, writeSyntheticModel } from '../src/node.js'
import { getsMoreBits, storedType } from '../src/synthetic/shapes.js'
import { syntheticVocabulary } from '../src/synthetic/vocabulary.js'

/** A little model of the same kind: every row is a multiple of 256. */
const little: Qwen35Config = {
  ...sizeConfig('0.8B'),
  hidden: 256,
  vocabularySize: 1400,
  mlp: { kind: 'dense', intermediate: 512 },
  layerKinds: ['linear_attention', 'full_attention', 'linear_attention'],
  attention: { Hq: 4, Hk: 2, Dk: 64, Dv: 64, rope: { dims: 16, theta: 1e7 } },
  deltaNet: { Hk: 2, Hv: 8, Dk: 32, Dv: 32, convTaps: 4, keyHead: 'tiled' },
}

const littleMoe: Qwen35Config = {
  ...little,
  mlp: { kind: 'moe', experts: 5, topK: 2, intermediate: 256, sharedIntermediate: 512 },
}

async function withModel(
  mix: TypeMix,
  use: (file: Awaited<ReturnType<typeof openGguf>>) => Promise<void>,
  config = little,
) {
  const directory = await mkdtemp(join(tmpdir(), 'fak-synthetic-'))
  try {
    const path = join(directory, 'model.gguf')
    await writeSyntheticModel(path, { config, mix, name: 'little' })
    const file = await openGguf(path)
    await use(file)
    await file.close()
  } finally {
    await rm(directory, { recursive: true })
  }
}

describe.each(typeMixes)('a synthetic %s model', (mix) => {
  it.each([
    ['dense', little],
    ['with experts', littleMoe],
  ])('%s, loads as the configuration that it was made from, and gives sane logits', async (_, made) => {
    await withModel(
      mix,
      async (file) => {
        const { config, weights, program } = await loadQwen35(file, { metadata: file.metadata })
        expect(config).toEqual({ ...made, eps: Math.fround(1e-6) })
        const prepared = await new ReferenceExecutor().prepare(program(), weights)
        const tokens = new Random(2).tokens(30, config.vocabularySize)
        const { logits } = (await prepared.run({ state: prepared.createState(), tokens, rows: 30 })).outputs
        const rms = Math.sqrt(logits!.reduce((sum, x) => sum + x * x, 0) / logits!.length)
        expect(rms).toBeGreaterThan(0.3)
        expect(rms).toBeLessThan(10)
      },
      made,
    )
  })
})

it('the synthetic vocabulary makes a tokenizer, and text becomes shorter in it', async () => {
  await withModel('Q8_0', async ({ metadata }) => {
    const tokenizer = Tokenizer.fromGguf(metadata)
    const text = 'the quick brown fox, ein Bär & 北京\n'
    const ids = tokenizer.encode(text)
    expect(tokenizer.decode(ids)).toBe(text)
    expect(ids.length).toBeLessThan(new TextEncoder().encode(text).length * 0.8)
    expect(tokenizer.idOf('<|im_end|>')).toBe(metadata.get('tokenizer.ggml.eos_token_id'))
  })
})

describe('the real vocabulary size', () => {
  it('puts the added tokens where the real ones are, and repeats nothing', () => {
    const { tokens, types, merges, endOfText, endOfTurn } = syntheticVocabulary(248_320)
    expect(tokens).toHaveLength(248_320)
    expect(types).toHaveLength(248_320)
    expect(new Set(tokens).size).toBe(248_320)
    expect([endOfText, endOfTurn]).toEqual([248_044, 248_046])
    expect([248_044, 248_046, 248_068, 248_076].map((id) => tokens[id])).toEqual([
      '<|endoftext|>',
      '<|im_end|>',
      '<think>',
      '<|audio_pad|>',
    ])
    expect([tokens[248_077], types[248_077]]).toEqual(['[PAD248077]', 5])
    expect(merges).toHaveLength(248_044 - 256)
  })
})

function typesOf(size: ModelSize) {
  const config = sizeConfig(size)
  return new Map(qwen35Parameters(config).map((p) => [p.gguf, storedType('Q4_K_M', p, config)]))
}

describe('the shapes and types of released sizes', () => {
  // Text parameters as the models' cards round them, in billions.
  it.each([
    ['0.8B', 0.752],
    ['2B', 1.882],
    ['4B', 4.206],
    ['9B', 8.954],
    ['27B', 26.896],
    ['35B-A3B', 34.66],
    ['122B-A10B', 122.11],
    ['397B-A17B', 396.35],
  ] as const)('%s has %d billion parameters', (size, billions) => {
    const count = qwen35Parameters(sizeConfig(size)).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0)
    expect(count / 1e9).toBeCloseTo(billions, String(billions).split('.')[1]!.length)
  })

  it('counts tensors as the official files do', () => {
    expect(modelSizes.map((size) => qwen35Parameters(sizeConfig(size)).length)).toEqual([
      320, 320, 426, 427, 851, 733, 879, 1098,
    ])
  })

  it('favours the blocks that the official quantizer favours', () => {
    const favoured = (blocks: number) => [...Array(blocks).keys()].filter((i) => getsMoreBits(i, blocks))
    expect(favoured(24)).toEqual([0, 1, 2, 5, 8, 11, 14, 17, 20, 21, 22, 23])
    expect(favoured(32)).toEqual([0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31])
    expect(favoured(64)).toHaveLength(32)
  })

  it('gives fewer layers when asked, in the same pattern', () => {
    const { layerKinds, ...rest } = sizeConfig('397B-A17B', 5)
    const whole = sizeConfig('397B-A17B')
    expect({ ...rest, layerKinds: whole.layerKinds }).toEqual(whole)
    expect(layerKinds).toEqual(whole.layerKinds.slice(0, 5))
  })

  it('mixes types of experts in Q4_K_M by name and block', () => {
    const types = typesOf('35B-A3B')
    const names = [
      'ffn_gate_inp',
      'ffn_gate_inp_shexp',
      'ffn_gate_exps',
      'ffn_down_exps',
      'ffn_down_shexp',
      'ffn_up_shexp',
    ]
    const inBlock = (block: number) => names.map((name) => types.get(`blk.${block}.${name}.weight`))
    expect(inBlock(0)).toEqual(['F32', 'F32', 'Q4_K', 'Q6_K', 'Q6_K', 'Q4_K'])
    expect(inBlock(5)).toEqual(['F32', 'F32', 'Q4_K', 'Q4_K', 'Q4_K', 'Q4_K'])
    expect(types.get('output.weight')).toBe('Q6_K')
  })

  // The 65 of Q6_K are those that llama.cpp v0.5.0 lists for this model (tests/snapshots/qwen3.6-27b.schema).
  it('mixes types in the 27B Q4_K_M as the official quantizer does', () => {
    const config = sizeConfig('27B')
    const counts: Record<string, number> = {}
    let bytes = 0
    for (const parameter of qwen35Parameters(config)) {
      const dtype = storedType('Q4_K_M', parameter, config)
      counts[dtype] = (counts[dtype] ?? 0) + 1
      bytes += byteLength(dtype, parameter.shape)
    }
    expect(counts).toEqual({ Q4_K: 433, Q6_K: 65, F32: 353 })
    expect(bytes).toBe(16_536_406_016)
  })

  it('mixes types in Q4_K_M by name and block', () => {
    const [tied, untied] = [typesOf('0.8B'), typesOf('9B')]
    expect([tied.get('token_embd.weight'), untied.get('token_embd.weight'), untied.get('output.weight')]).toEqual([
      'Q6_K',
      'Q4_K',
      'Q6_K',
    ])
    expect(['blk.0.attn_qkv.weight', 'blk.3.attn_v.weight', 'blk.4.ffn_down.weight'].map((n) => tied.get(n))).toEqual([
      'Q6_K',
      'Q4_K',
      'Q4_K',
    ])
    expect(
      ['blk.0.ssm_alpha.weight', 'blk.0.ssm_a', 'blk.0.attn_norm.weight', 'blk.0.ffn_gate.weight'].map((n) =>
        tied.get(n),
      ),
    ).toEqual(['Q4_K', 'F32', 'F32', 'Q4_K'])
    const bytes = [...untied].reduce((sum, [name, type]) => {
      const { shape } = qwen35Parameters(sizeConfig('9B')).find((p) => p.gguf === name)!
      return sum + byteLength(type, shape)
    }, 0)
    expect(bytes / 8.954e9).toBeGreaterThan(0.57) // about 4.9 bits a weight
    expect(bytes / 8.954e9).toBeLessThan(0.65)
  })
})
