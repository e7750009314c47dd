// Which tensor of a file gets which type. Source of the rules: `tensor_allows_quantization`, `llama_tensor_get_type_impl` and
// `tensor_type_fallback` of llama-quant.cpp (llama.cpp v0.5.0), as far as they concern this architecture and these file types.

import { type DType, layoutOf } from '@fak/tensor'
import { type FileType, fileTypes } from './file-type.js'

/** What the rules look at. */
export interface MixtureTensor {
  readonly name: string
  /** Slowest dimension first. */
  readonly shape: readonly number[]
  /** The type it keeps when the rules leave it alone. */
  readonly dtype: DType
}

/** What the rules want to know of the model. */
export interface MixtureModel {
  /** Blocks in all, those of a draft head too. */
  readonly blocks: number
  /** Experts of a layer; 0 for a dense model. */
  readonly experts: number
}

/**
 * The type of each tensor in a file of type `type`, as `llama-quantize` chooses it without an importance matrix.
 *
 * Vectors, norms, routers and convolutions stay as they are. In the `_M` mixtures, values of attention and the second half of
 * feed-forward blocks are Q6_K in half of the blocks; the head is Q6_K. Rows that are no multiple of a block take a smaller block.
 *
 * @param tensors In the order of {@link compareTensorNames}: some rules count.
 */
export function chooseTypes(tensors: readonly MixtureTensor[], type: FileType, model: MixtureModel): DType[] {
  const tied = !tensors.some(({ name }) => name === 'output.weight')
  const valueLike = tensors.filter(({ name }) => isValueLike(name)).length
  const more = (index: number, count: number): boolean => {
    const eighth = Math.trunc(count / 8)
    return index < eighth || index >= Math.trunc((7 * count) / 8) || (index - eighth) % 3 === 2
  }
  const isMixed = type === 'Q4_K_M' || type === 'Q5_K_M'
  const base = fileTypes[type].dtype
  let values = 0
  let downs = 0

  const wanted = ({ name, shape }: MixtureTensor): DType => {
    if (name === 'output.weight' || (tied && name === 'token_embd.weight')) {
      return base === 'Q8_0' || shape.at(-1)! % layoutOf(base).blockElements !== 0 ? 'Q8_0' : 'Q6_K'
    }
    // With eight experts attention is a small part of the model, and worth its bits.
    const eight = model.experts === 8
    if (isValueLike(name)) {
      const index = values++
      if (eight) return 'Q8_0'
      return isMixed && more(index, valueLike) ? 'Q6_K' : base
    }
    if (name.includes('attn_k.weight')) return eight ? 'Q8_0' : base
    if (name.includes('attn_output.weight')) return eight && type === 'Q4_K_M' ? 'Q5_K' : base
    if (name.includes('ffn_down')) {
      const index = model.experts > 1 ? blockOf(name) : downs
      downs++
      return isMixed && more(index, model.blocks) ? 'Q6_K' : base
    }
    return base
  }
  return tensors.map((tensor) => {
    if (!isQuantizable(tensor)) return tensor.dtype
    return isFloat(base) ? base : fitting(wanted(tensor), tensor.shape.at(-1)!)
  })
}

/** Whether the rules may change the type of a tensor at all. */
export function isQuantizable({ name, shape }: Pick<MixtureTensor, 'name' | 'shape'>): boolean {
  const dimensions = squeezed(shape).length
  return dimensions > 1 && /weight$/.test(name) && !/_norm\.weight|ffn_gate_inp\.weight|ssm_conv1d/.test(name)
}

/** A shape without leading dimensions of 1, which ggml does not count. */
export function squeezed(shape: readonly number[]): readonly number[] {
  const first = shape.findIndex((size) => size !== 1)
  return first < 0 ? shape.slice(-1) : shape.slice(first)
}

/** `wanted`, or what takes its place where a row is no multiple of its block. */
export function fitting(wanted: DType, columns: number): DType {
  const fits = (dtype: DType) => columns % layoutOf(dtype).blockElements === 0
  if (fits(wanted)) return wanted
  const smaller = ({ Q4_K: 'Q5_0', Q5_K: 'Q5_1', Q6_K: 'Q8_0' } as const)[wanted as string] ?? wanted
  return fits(smaller) ? smaller : 'F16'
}

/** Order of `llama-quantize`: what belongs to no block first, then block by block, names in the order of their bytes. */
export function compareTensorNames(a: string, b: string): number {
  return blockOf(a) - blockOf(b) || (a < b ? -1 : a > b ? 1 : 0)
}

const blockOf = (name: string): number => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1)
const isValueLike = (name: string): boolean => /attn_(qkv|v)\.weight/.test(name)
const isFloat = (dtype: DType): boolean => dtype === 'F32' || dtype === 'F16' || dtype === 'BF16'
