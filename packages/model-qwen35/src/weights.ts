// From stored tensors to the weights of the graph. The quirks of either format end here: names, "+1" norms, A_log, squeezed
// convolutions, fused projections. Matrices stay where they lie in the file; only small vectors are rewritten, in memory.

import type { WeightBindings } from '@fak/graph'
import {
  bytesSource,
  canDequantize,
  FakError,
  readRows,
  rowBytes,
  type TensorData,
  type WeightSource,
} from '@fak/tensor'
import type { Qwen35Config } from './config.js'
import { type HfForm, qwen35Parameters } from './parameters.js'

/** Tensors beside the text decoder: the image tower, multi-token prediction, and tables that older exports computed ahead. */
const HF_SKIPPED = /(^|\.)(visual|mtp)\.|\.rotary_emb\.inv_freq$/

/**
 * Binds the tensors of an HF checkpoint, with the name prefix of a multimodal or of a text-only one.
 *
 * @throws FakError `MODEL_MISSING_TENSOR`, `MODEL_BAD_TENSOR_SHAPE`, `MODEL_UNSUPPORTED_TENSOR_TYPE`, `MODEL_UNEXPECTED_TENSOR`,
 * each naming the tensor.
 */
export async function bindHf(stored: WeightSource, config: Qwen35Config): Promise<WeightBindings> {
  const prefix = stored.tensors.has('model.language_model.embed_tokens.weight') ? 'model.language_model.' : 'model.'
  const binder = new Binder(stored)
  for (const { label, hf, shape, form } of qwen35Parameters(config)) {
    const tensor = binder.take(hf === 'lm_head.weight' ? hf : prefix + hf, form === 'conv' ? unsqueezed(shape) : shape)
    binder.bind(label, form === 'matrix' ? tensor : await rewritten(tensor, shape, hfTransforms[form]))
  }
  binder.refuseOthers((name) => !HF_SKIPPED.test(name))
  return binder.bindings
}

/**
 * Binds the tensors of a GGUF file. Full-attention layers may store `attn_q`, `attn_k` and `attn_v` fused in one `attn_qkv`.
 *
 * @throws FakError as {@link bindHf}
 */
export async function bindGguf(stored: WeightSource, config: Qwen35Config): Promise<WeightBindings> {
  const binder = new Binder(stored)
  for (const { label, gguf, shape, form } of qwen35Parameters(config)) {
    const tensor = fusedPart(binder, gguf, shape, config) ?? binder.take(gguf, shape)
    const small = form !== 'matrix' && tensor.dtype !== 'F32'
    binder.bind(label, small ? await rewritten(tensor, shape, (x) => x) : tensor)
  }
  const trunk = config.layerKinds.length
  // Blocks after the trunk hold the multi-token prediction head.
  binder.refuseOthers((name) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? trunk) < trunk)
  return binder.bindings
}

/** A depthwise convolution in an HF file: its one input channel per group is written out. */
const unsqueezed = ([channels, ...rest]: readonly number[]): number[] => [channels!, 1, ...rest]

/** From the stored value to the one the graph uses. */
const hfTransforms: Record<Exclude<HfForm, 'matrix'>, (stored: number) => number> = {
  plain: (x) => x,
  conv: (x) => x,
  offset: (w) => 1 + w,
  log: (aLog) => -Math.exp(aLog),
}

/** A small tensor as F32 in memory, each element through `transform`. */
async function rewritten(
  tensor: TensorData,
  shape: readonly number[],
  transform: (x: number) => number,
): Promise<TensorData> {
  const values = (await readRows(tensor)).map(transform)
  const bytes = new Uint8Array(values.buffer)
  const source = bytesSource(bytes, tensor.source.name)
  return { dtype: 'F32', shape, source, offset: 0, byteLength: bytes.byteLength }
}

/** Rows of a fused query, key and value projection, where a full-attention layer has one. */
function fusedPart(
  binder: Binder,
  gguf: string,
  shape: readonly number[],
  config: Qwen35Config,
): TensorData | undefined {
  const [, block, letter] = /^(blk\.\d+\.)attn_([qkv])\.weight$/.exec(gguf) ?? []
  const fusedName = `${block}attn_qkv.weight`
  if (letter === undefined || !binder.has(fusedName)) return undefined
  const part = 'qkv'.indexOf(letter)
  const { Hq, Hk, Dk, Dv } = config.attention
  const rows = [Hq * (Dk + Dv), Hk * Dk, Hk * Dv]
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0)
  const fused = binder.take(fusedName, [sum(rows), config.hidden])
  const stride = rowBytes(fused.dtype, config.hidden)
  const offset = fused.offset + sum(rows.slice(0, part)) * stride
  return { dtype: fused.dtype, shape, source: fused.source, offset, byteLength: rows[part]! * stride }
}

/** Takes tensors out of a source, checks them, and knows which are left. */
class Binder {
  readonly bindings = new Map<string, TensorData>()
  readonly #stored: WeightSource
  readonly #taken = new Set<string>()

  constructor(stored: WeightSource) {
    this.#stored = stored
  }

  has(name: string): boolean {
    return this.#stored.tensors.has(name)
  }

  take(name: string, shape: readonly number[]): TensorData {
    const tensor = this.#stored.tensors.get(name)
    if (tensor === undefined) throw this.#error('MODEL_MISSING_TENSOR', name, 'the tensor is missing')
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
      const reason = `expected shape [${shape.join(', ')}], found [${tensor.shape.join(', ')}]`
      throw this.#error('MODEL_BAD_TENSOR_SHAPE', name, reason)
    }
    if (!canDequantize(tensor.dtype)) {
      throw this.#error('MODEL_UNSUPPORTED_TENSOR_TYPE', name, `weights of type ${tensor.dtype} cannot be run`)
    }
    this.#taken.add(name)
    return tensor
  }

  bind(label: string, tensor: TensorData): void {
    this.bindings.set(label, tensor)
  }

  /** A tensor that nothing uses would change the model if it were used: a bias, a scale. Better no answer than a wrong one. */
  refuseOthers(matters: (name: string) => boolean): void {
    for (const name of this.#stored.tensors.keys()) {
      if (this.#taken.has(name) || !matters(name)) continue
      throw this.#error('MODEL_UNEXPECTED_TENSOR', name, 'the configuration has no place for this tensor')
    }
  }

  #error(code: string, name: string, reason: string): FakError {
    return new FakError(code, { file: this.#stored.name, reason, field: name })
  }
}
