// A model from a GGUF file, back in the form of a Hugging Face checkpoint. The converter goes the other way only, and a trained
// checkpoint of its own would be one more large file to commit: with this, one committed GGUF file gives every format that the
// readers know. Owns the inverse of the converter's transforms; the tests hold it to checkpoints that the converter was given.

import type { MlpConfig, Parameter, Qwen35Config, Qwen35Model } from '@fak/model-qwen35'
import { qwen35Parameters } from '@fak/model-qwen35'
import { elementCount, quantize, readWeight, type TensorContent } from '@fak/tensor'

/** What goes into a checkpoint's directory. */
export interface HfCheckpoint {
  /** The object of config.json. */
  readonly config: Readonly<Record<string, unknown>>
  /** Tensors of model.safetensors, all F32. */
  readonly tensors: readonly TensorContent[]
}

/** Dequantizes a model and undoes what the GGUF converter did to it: names, "-1" norms, A, convolutions, order of value heads. */
export async function hfCheckpoint({ config, weights }: Qwen35Model): Promise<HfCheckpoint> {
  const tensors = qwen35Parameters(config).map(async (parameter): Promise<TensorContent[]> => {
    const { label, hf, form } = parameter
    const values = grouped(parameter, config, (await readWeight(weights.get(label)!)).map(stored[form]))
    const [rows, ...rest] = parameter.shape
    const name = hf === 'lm_head.weight' ? hf : `model.${hf}`
    if (form === 'experts') return Array.from({ length: rows! }, (_, e) => expertMatrix(name, rest, values, e))
    const shape = form === 'conv' ? [rows!, 1, ...rest] : parameter.shape
    return [{ name, dtype: 'F32', shape, data: quantize('F32', values) }]
  })
  return { config: hfConfig(config), tensors: (await Promise.all(tensors)).flat() }
}

/** The matrix of one expert, which has a tensor of its own. */
function expertMatrix(name: string, shape: readonly number[], values: Float32Array, expert: number): TensorContent {
  const size = elementCount(shape)
  const own = values.subarray(expert * size, (expert + 1) * size)
  return { name: name.replace('.experts.', `.experts.${expert}.`), dtype: 'F32', shape, data: quantize('F32', own) }
}

/** From the value that the graph uses to the one that a checkpoint stores. */
const stored: Record<Parameter['form'], (x: number) => number> = {
  matrix: (x) => x,
  experts: (x) => x,
  plain: (x) => x,
  conv: (x) => x,
  offset: (w) => w - 1,
  log: (a) => Math.log(-a),
}

/** Value heads side by side that share a key head, as a checkpoint has them; GGUF deals them out to the key heads in turn. */
function grouped({ hf, shape }: Parameter, { deltaNet }: Qwen35Config, values: Float32Array): Float32Array {
  const { Hk, Hv, Dk, Dv, keyHead } = deltaNet
  const part = /linear_attn\.(.*)$/.exec(hf)?.[1]
  // The norm is one for all heads.
  if (keyHead === 'grouped' || part === undefined || part === 'norm.weight') return values
  const shared = Hv / Hk
  const tiledHead = (h: number) => (h % shared) * Hk + Math.floor(h / shared)
  const out = values.slice()
  const columns = values.length / shape[0]!
  // Heads lie along the columns of out_proj and along the rows of the others, where query and key may come before them.
  const byColumn = part === 'out_proj.weight'
  const first = ['in_proj_qkv.weight', 'conv1d.weight'].includes(part) ? 2 * Hk * Dk * columns : 0
  const size = byColumn ? Dv : (values.length - first) / Hv
  const stride = byColumn ? columns : values.length - first
  for (let start = first; start < values.length; start += stride) {
    for (let head = 0; head < Hv; head++) {
      const from = start + tiledHead(head) * size
      out.set(values.subarray(from, from + size), start + head * size)
    }
  }
  return out
}

function hfConfig({ attention, deltaNet, ...c }: Qwen35Config): HfCheckpoint['config'] {
  return {
    ...mlpFields(c.mlp),
    hidden_act: 'silu',
    hidden_size: c.hidden,
    vocab_size: c.vocabularySize,
    num_hidden_layers: c.layerKinds.length,
    layer_types: c.layerKinds,
    rms_norm_eps: c.eps,
    tie_word_embeddings: c.tiedEmbeddings,
    max_position_embeddings: c.contextLength,
    num_attention_heads: attention.Hq,
    num_key_value_heads: attention.Hk,
    head_dim: attention.Dk,
    rope_parameters: {
      rope_type: 'default',
      rope_theta: attention.rope.theta,
      partial_rotary_factor: attention.rope.dims / attention.Dk,
    },
    linear_num_key_heads: deltaNet.Hk,
    linear_num_value_heads: deltaNet.Hv,
    linear_key_head_dim: deltaNet.Dk,
    linear_value_head_dim: deltaNet.Dv,
    linear_conv_kernel_dim: deltaNet.convTaps,
  }
}

const mlpFields = (mlp: MlpConfig): HfCheckpoint['config'] =>
  mlp.kind === 'dense'
    ? { architectures: ['Qwen3_5ForCausalLM'], model_type: 'qwen3_5_text', intermediate_size: mlp.intermediate }
    : {
        architectures: ['Qwen3_5MoeForCausalLM'],
        model_type: 'qwen3_5_moe_text',
        num_experts: mlp.experts,
        num_experts_per_tok: mlp.topK,
        moe_intermediate_size: mlp.intermediate,
        shared_expert_intermediate_size: mlp.sharedIntermediate,
      }
