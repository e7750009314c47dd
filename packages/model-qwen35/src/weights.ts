// From stored tensors to the weights of the graph. The quirks of either format end here: names, "+1" norms, A_log, squeezed
// convolutions, fused projections. Matrices stay where they lie in the file; only small vectors are rewritten, in memory.

import type { WeightBindings } from '@fak/graph'
import type { TensorData, WeightSource } from '@fak/tensor'
import { Binder, rewritten, rowsOf } from './binder.js'
import type { Qwen35Config } from './config.js'
import { ggufExperts, hfExperts } from './experts.js'
import { type HfForm, type Parameter, qwen35Parameters } from './parameters.js'

/** Tensors beside the text decoder: the image tower, multi-token prediction, and tables that older exports computed ahead. */
const HF_SKIPPED = /(^|\.)(visual|mtp)\.|\.rotary_emb\.inv_freq$/

/**
 * Binds the tensors of an HF checkpoint, with the name prefix of a multimodal or of a text-only one.
 *
 * @throws FakError `MODEL_MISSING_TENSOR`, `MODEL_BAD_TENSOR_SHAPE`, `MODEL_UNSUPPORTED_TENSOR_TYPE`, `MODEL_UNEXPECTED_TENSOR`,
 * each naming the tensor; `MODEL_MTP_ONLY` for a file that holds nothing but a draft head.
 */
export async function bindHf(stored: WeightSource, config: Qwen35Config): Promise<WeightBindings> {
  const prefix = stored.tensors.has('model.language_model.embed_tokens.weight') ? 'model.language_model.' : 'model.'
  const binder = new Binder(stored)
  const names = [...stored.tensors.keys()]
  const draft = names.find((name) => /(^|\.)mtp\./.test(name))
  if (draft !== undefined && !names.some((name) => name.startsWith(`${prefix}layers.`))) {
    throw binder.error(
      'MODEL_MTP_ONLY',
      draft,
      "the file holds only the draft head of a model; open the model's own file",
    )
  }
  for (const parameter of qwen35Parameters(config)) {
    const name = parameter.hf === 'lm_head.weight' ? parameter.hf : prefix + parameter.hf
    await bindHfParameter(binder, parameter, name)
  }
  binder.refuseOthers((name) => !HF_SKIPPED.test(name))
  return binder.bindings
}

/**
 * Binds the tensors of a GGUF file. Full-attention layers may store `attn_q`, `attn_k` and `attn_v` fused in one `attn_qkv`, and layers
 * with experts their gates and ups in one `ffn_gate_up_exps`.
 *
 * @throws FakError as {@link bindHf}
 */
export async function bindGguf(stored: WeightSource, config: Qwen35Config): Promise<WeightBindings> {
  const binder = new Binder(stored)
  for (const parameter of qwen35Parameters(config)) await bindGgufParameter(binder, parameter, config)
  const trunk = config.layerKinds.length
  // Blocks after the trunk hold the multi-token prediction head.
  binder.refuseOthers((name) => {
    const block = /^blk\.(\d+)\./.exec(name)?.[1]
    return block === undefined ? /^(token_embd|output|output_norm)\./.test(name) : Number(block) < trunk
  })
  return binder.bindings
}

/** Binds one parameter from the HF tensor `name`. */
export async function bindHfParameter(binder: Binder, { label, shape, form }: Parameter, name: string): Promise<void> {
  if (form === 'experts') return binder.bind(label, hfExperts(binder, name, shape))
  const tensor = binder.take(name, form === 'conv' ? unsqueezed(shape) : shape)
  binder.bind(label, form === 'matrix' ? tensor : await rewritten(tensor, shape, hfTransforms[form]))
}

/** Binds one parameter from the GGUF tensor that it names. */
export async function bindGgufParameter(
  binder: Binder,
  { label, gguf, shape, form }: Parameter,
  config: Qwen35Config,
): Promise<void> {
  if (form === 'experts') {
    binder.ignore(companion(gguf, 'input_scale'))
    return binder.bind(label, ggufExperts(binder, gguf, shape))
  }
  // A matrix of one row is a vector to the converter.
  const vector = shape[0] === 1 ? [shape.slice(1)] : []
  const fused = fusedPart(binder, gguf, shape, config)
  const found = fused ?? binder.take(gguf, shape, ...vector)
  const tensor = found.shape.length === shape.length ? found : { ...found, shape }
  const small = form !== 'matrix' && tensor.dtype !== 'F32'
  binder.bind(label, small ? await rewritten(tensor, shape, (x) => x) : tensor)
  if (form === 'matrix') await bindScale(binder, label, fused === undefined ? gguf : fusedName(gguf)!)
}

/** Name of a tensor that stands beside a weight. */
const companion = (gguf: string, name: string): string => gguf.replace(/weight$/, name)

/**
 * The factor of a whole matrix, which files with NVFP4 matrices keep beside it for `linear`. Their `input_scale` is for engines that
 * bring activations to four bits as well, which this one does not. An embedding table has no factor: nothing multiplies by it.
 */
async function bindScale(binder: Binder, label: string, gguf: string): Promise<void> {
  binder.ignore(companion(gguf, 'input_scale'))
  const name = companion(gguf, 'scale')
  if (gguf === 'token_embd.weight' || !binder.has(name)) return
  const factor = await rewritten(binder.take(name, [1], []), [1], (x) => x)
  binder.bind(companion(label, 'scale'), factor)
}

/** A depthwise convolution in an HF file: its one input channel per group is written out. */
const unsqueezed = ([channels, ...rest]: readonly number[]): number[] => [channels!, 1, ...rest]

/** From the stored value to the one the graph uses. */
const hfTransforms: Record<Exclude<HfForm, 'matrix' | 'experts'>, (stored: number) => number> = {
  plain: (x) => x,
  conv: (x) => x,
  offset: (w) => 1 + w,
  log: (aLog) => -Math.exp(aLog),
}

/** Name of the fused projection that a query, key or value projection may be a part of. */
const fusedName = (gguf: string): string | undefined =>
  /attn_[qkv]\.weight$/.test(gguf) ? gguf.replace(/[qkv]\.weight$/, 'qkv.weight') : undefined

/** Rows of a fused query, key and value projection, where a full-attention layer has one. */
function fusedPart(
  binder: Binder,
  gguf: string,
  shape: readonly number[],
  config: Qwen35Config,
): TensorData | undefined {
  const name = fusedName(gguf)
  if (name === undefined || !binder.has(name)) return undefined
  const { Hq, Hk, Dk, Dv } = config.attention
  const rows = [Hq * (Dk + Dv), Hk * Dk, Hk * Dv]
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0)
  const fused = binder.take(name, [sum(rows), config.hidden])
  return rowsOf(fused, sum(rows.slice(0, 'qkv'.indexOf(gguf.at(-'k.weight'.length)!))), shape)
}
