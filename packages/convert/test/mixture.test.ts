import { readFileSync } from 'node:fs'
import { chooseTypes, compareTensorNames, type FileType } from '@fak/convert'
import { mtpParameters, type Qwen35Config, qwen35Parameters } from '@fak/model-qwen35'
import { describe, expect, it } from 'vitest'
import { isQuantizable } from '../src/mixture.js'

interface Shape {
  d: number
  layers: number
  ff?: number
  experts?: number
  fe?: number
  hq: number
  hkv: number
  hv: number
  tied: boolean
  mtp: boolean
}
interface Types {
  common: string
  count: number
  others: Record<string, string>
}

// What libllama chooses; fixtures/scripts/make_mixtures.py asked it.
const index: Record<string, { shape: Shape; types: Record<FileType, Types> }> = JSON.parse(
  readFileSync(new URL('../../../fixtures/mixtures/index.json', import.meta.url), 'utf8'),
)

function configOf({ d, layers, ff = 0, experts = 0, fe = 0, hq, hkv, hv, tied }: Shape): Qwen35Config {
  return {
    hidden: d,
    vocabularySize: 248_320,
    mlp: experts
      ? { kind: 'moe', experts, topK: 8, intermediate: fe, sharedIntermediate: fe }
      : { kind: 'dense', intermediate: ff },
    layerKinds: Array.from({ length: layers }, (_, i) => ((i + 1) % 4 === 0 ? 'full_attention' : 'linear_attention')),
    eps: 1e-6,
    tiedEmbeddings: tied,
    contextLength: 4096,
    attention: { Hq: hq, Hk: hkv, Dk: 256, Dv: 256, rope: { dims: 64, theta: 1e7 } },
    deltaNet: { Hk: 16, Hv: hv, Dk: 128, Dv: 128, convTaps: 4, keyHead: 'tiled' },
  }
}

describe.each(Object.entries(index))('the types of the tensors of %s are those of llama.cpp', (_, { shape, types }) => {
  const config = configOf(shape)
  const draft = shape.mtp ? mtpParameters(config).map((p) => ({ ...p, gguf: `blk.${shape.layers}.${p.gguf}` })) : []
  const tensors = [...qwen35Parameters(config), ...draft]
    .map(({ gguf, shape }) => ({ name: gguf, shape, dtype: 'F32' as const }))
    .sort((a, b) => compareTensorNames(a.name, b.name))
  const model = { blocks: shape.layers + (shape.mtp ? 1 : 0), experts: shape.experts ?? 0 }

  it.each(Object.entries(types))('%s', (type, { common, count, others }) => {
    const chosen = chooseTypes(tensors, type as FileType, model)
    const quantized = tensors
      .map(({ name }, i) => [name, chosen[i]!] as const)
      .filter((_, i) => isQuantizable(tensors[i]!))
    expect(quantized).toHaveLength(count)
    expect(Object.fromEntries(quantized.filter(([, dtype]) => dtype !== common))).toEqual(others)
    expect(chosen.filter((dtype) => dtype === 'F32')).toHaveLength(tensors.length - count)
  })
})
