// Shapes of the released dense models, and which stored type each tensor gets in the common quantizations.

import type { LayerKind, Parameter, Qwen35Config } from '@fak/model-qwen35'
import type { DType } from '@fak/tensor'

/** Released dense sizes. */
export type ModelSize = '0.8B' | '2B' | '4B' | '9B' | '27B'
/** Mixes of stored types, as the official quantizer makes them. */
export type TypeMix = 'Q4_K_M' | 'Q8_0' | 'F16'

/** hidden, layers, intermediate, Hq, Hk of attention, Hv of the delta net, tied embeddings. Source: the models' config.json. */
const sizes: Record<ModelSize, readonly [number, number, number, number, number, number, boolean]> = {
  '0.8B': [1024, 24, 3584, 8, 2, 16, true],
  '2B': [2048, 24, 6144, 8, 2, 16, true],
  '4B': [2560, 32, 9216, 16, 4, 32, true],
  '9B': [4096, 32, 12288, 16, 4, 32, false],
  '27B': [5120, 64, 17408, 24, 4, 48, false],
}

/** Names of {@link ModelSize} and {@link TypeMix}, for command lines. */
export const modelSizes = Object.keys(sizes) as readonly ModelSize[]
export const typeMixes: readonly TypeMix[] = ['Q4_K_M', 'Q8_0', 'F16']

/** The configuration of a released size. */
export function sizeConfig(size: ModelSize): Qwen35Config {
  const [hidden, layers, intermediate, Hq, Hk, Hv, tiedEmbeddings] = sizes[size]
  return {
    hidden,
    vocabularySize: 248_320,
    intermediate,
    layerKinds: Array.from(
      { length: layers },
      (_, i): LayerKind => ((i + 1) % 4 === 0 ? 'full_attention' : 'linear_attention'),
    ),
    eps: 1e-6,
    tiedEmbeddings,
    contextLength: 262_144,
    attention: { Hq, Hk, Dk: 256, Dv: 256, rope: { dims: 64, theta: 1e7 } },
    deltaNet: { Hk: 16, Hv, Dk: 128, Dv: 128, convTaps: 4, keyHead: 'tiled' },
  }
}

/** `general.file_type` of a mix. Source: `LlamaFileType` of the official `gguf` Python package. */
export const fileTypes: Record<TypeMix, number> = { F16: 1, Q8_0: 7, Q4_K_M: 15 }

/**
 * The stored type of a parameter. Vectors and convolutions stay F32. Q4_K_M gives more bits to the head, and in some blocks to the
 * "v-like" projection and to `ffn_down`; every block has exactly one of each. Source: `llama-quant.cpp` of llama.cpp v0.5.0.
 */
export function storedType(mix: TypeMix, { form, gguf }: Parameter, config: Qwen35Config): DType {
  if (form !== 'matrix') return 'F32'
  if (mix !== 'Q4_K_M') return mix
  const [, block, name] = /^blk\.(\d+)\.(.*)$/.exec(gguf) ?? []
  if (block === undefined) return gguf === 'output.weight' || config.tiedEmbeddings ? 'Q6_K' : 'Q4_K'
  const favoured = ['attn_qkv.weight', 'attn_v.weight', 'ffn_down.weight'].includes(name!)
  return favoured && getsMoreBits(Number(block), config.layerKinds.length) ? 'Q6_K' : 'Q4_K'
}

/** The first and last eighth of the blocks, and every third of those between. */
export function getsMoreBits(block: number, blocks: number): boolean {
  const eighth = Math.floor(blocks / 8)
  return block < eighth || block >= Math.floor((7 * blocks) / 8) || (block - eighth) % 3 === 2
}
