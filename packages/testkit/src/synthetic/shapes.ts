// Shapes of the released models, and which stored type each tensor gets in the common quantizations.

import type { LayerKind, MlpConfig, Parameter, Qwen35Config } from '@fak/model-qwen35'
import type { DType } from '@fak/tensor'

/** Released sizes, dense and with experts. */
export type ModelSize = '0.8B' | '2B' | '4B' | '9B' | '27B' | '35B-A3B' | '122B-A10B' | '397B-A17B'
/** Mixes of stored types, as the official quantizer makes them. */
export type TypeMix = 'Q4_K_M' | 'Q8_0' | 'F16' | 'F32' | 'MXFP4_MOE'

const dense = (intermediate: number): MlpConfig => ({ kind: 'dense', intermediate })
const moe = (experts: number, topK: number, width: number): MlpConfig => ({
  kind: 'moe',
  experts,
  topK,
  intermediate: width,
  sharedIntermediate: width,
})

/** hidden, layers, feed-forward block, Hq, Hk of attention, Hv of the delta net, tied embeddings. Source: the models' config.json. */
const sizes: Record<ModelSize, readonly [number, number, MlpConfig, number, number, number, boolean]> = {
  '0.8B': [1024, 24, dense(3584), 8, 2, 16, true],
  '2B': [2048, 24, dense(6144), 8, 2, 16, true],
  '4B': [2560, 32, dense(9216), 16, 4, 32, true],
  '9B': [4096, 32, dense(12288), 16, 4, 32, false],
  '27B': [5120, 64, dense(17408), 24, 4, 48, false],
  '35B-A3B': [2048, 40, moe(256, 8, 512), 16, 2, 32, false],
  '122B-A10B': [3072, 48, moe(256, 8, 1024), 32, 2, 64, false],
  '397B-A17B': [4096, 60, moe(512, 10, 1024), 32, 2, 64, false],
}

/** Names of {@link ModelSize} and {@link TypeMix}, for command lines. */
export const modelSizes = Object.keys(sizes) as readonly ModelSize[]
export const typeMixes: readonly TypeMix[] = ['Q4_K_M', 'Q8_0', 'F16', 'F32', 'MXFP4_MOE']

/**
 * The configuration of a released size.
 *
 * @param layers Fewer layers than it has, for a file that fits a smaller machine: the first ones, in the same pattern.
 */
export function sizeConfig(size: ModelSize, layers?: number): Qwen35Config {
  const [hidden, allLayers, mlp, Hq, Hk, Hv, tiedEmbeddings] = sizes[size]
  return {
    hidden,
    vocabularySize: 248_320,
    mlp,
    layerKinds: Array.from(
      { length: layers ?? allLayers },
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
export const fileTypes: Record<TypeMix, number> = { F32: 0, F16: 1, Q8_0: 7, Q4_K_M: 15, MXFP4_MOE: 38 }

/** What the converter keeps in F32 beside vectors: the router, and the gate of the shared expert. */
const FLOAT_MATRICES = /\.ffn_gate_inp(_shexp)?\.weight$/
/** What Q4_K_M favours in some blocks: the "v-like" projection, of which every block has one, and the way back from the feed-forward block. */
const FAVOURED = /^(attn_qkv|attn_v|ffn_down(_exps|_shexp)?)\.weight$/

/**
 * The stored type of a parameter. Vectors and convolutions stay F32. Q4_K_M gives more bits to the head, and to some projections in some
 * blocks; MXFP4_MOE stores experts as MXFP4 and the rest as Q8_0. Source: `llama-quant.cpp` of llama.cpp v0.5.0.
 */
export function storedType(mix: TypeMix, { form, gguf }: Parameter, config: Qwen35Config): DType {
  if ((form !== 'matrix' && form !== 'experts') || FLOAT_MATRICES.test(gguf)) return 'F32'
  if (mix === 'MXFP4_MOE') return form === 'experts' ? 'MXFP4' : 'Q8_0'
  if (mix !== 'Q4_K_M') return mix
  const [, block, name] = /^blk\.(\d+)\.(.*)$/.exec(gguf) ?? []
  if (block === undefined) return gguf === 'output.weight' || config.tiedEmbeddings ? 'Q6_K' : 'Q4_K'
  return FAVOURED.test(name!) && getsMoreBits(Number(block), config.layerKinds.length) ? 'Q6_K' : 'Q4_K'
}

/** The first and last eighth of the blocks, and every third of those between. */
export function getsMoreBits(block: number, blocks: number): boolean {
  const eighth = Math.floor(blocks / 8)
  return block < eighth || block >= Math.floor((7 * blocks) / 8) || (block - eighth) % 3 === 2
}
