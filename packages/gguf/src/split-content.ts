// Taking a file apart into a split set, by the rules of llama.cpp's tools/gguf-split: tensors in their order, the metadata in the
// first file, and in each file split.no, split.count and split.tensors.count.

import { byteLength, FakError } from '@fak/tensor'
import { DEFAULT_ALIGNMENT, MAX_SPLIT_FILES } from './limits.js'
import { isSplitKey } from './split.js'
import type { GgufContent, GgufValueContent } from './write.js'

/** Where one file ends and the next begins. At least one of the two. */
export interface GgufSplitLimits {
  /** Most bytes of tensor data in a file, padding included, the header not. A tensor that is larger gets a file of its own. */
  readonly maxBytes?: number
  /** Most tensors in a file. */
  readonly maxTensors?: number
}

/**
 * The contents of the files of a split set, in order; each is written with `encodeGguf`, or all of them with `writeGgufSplit` of
 * `@fak/gguf/node`. `mergeGguf` is the way back.
 *
 * @throws FakError `PARAM_OUT_OF_RANGE` for limits that are no positive integers, or that give no set: fewer than 2 files, or more
 *   than 65,535.
 */
export function splitGguf(content: GgufContent, limits: GgufSplitLimits): GgufContent[] {
  const { maxBytes, maxTensors } = limits
  for (const [field, value] of Object.entries({ maxBytes, maxTensors })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw new FakError('PARAM_OUT_OF_RANGE', { reason: `${field} is ${value}, a positive integer is needed`, field })
    }
  }
  if (maxBytes === undefined && maxTensors === undefined) {
    throw new FakError('PARAM_OUT_OF_RANGE', { reason: 'maxBytes or maxTensors is needed', field: 'limits' })
  }
  const tensors = [...content.tensors]
  const groups: (typeof tensors)[] = []
  let bytes = 0
  for (const tensor of tensors) {
    const size = Math.ceil(byteLength(tensor.dtype, tensor.shape) / DEFAULT_ALIGNMENT) * DEFAULT_ALIGNMENT
    const group = groups.at(-1)
    bytes += size
    if (group === undefined || bytes > (maxBytes ?? Number.POSITIVE_INFINITY) || group.length === maxTensors) {
      groups.push([tensor])
      bytes = size
    } else group.push(tensor)
  }
  const count = groups.length
  if (count < 2 || count > MAX_SPLIT_FILES) {
    const reason = `these limits give ${count} files, a set has 2 to ${MAX_SPLIT_FILES}`
    throw new FakError('PARAM_OUT_OF_RANGE', { reason, field: 'limits' })
  }
  const metadata = [...content.metadata].filter(([key]) => !isSplitKey(key))
  const place = (no: number): [string, GgufValueContent][] => [
    ['split.no', { type: 'u16', value: no }],
    ['split.count', { type: 'u16', value: count }],
    ['split.tensors.count', { type: 'i32', value: tensors.length }],
  ]
  return groups.map((group, no) => ({
    metadata: no === 0 ? [...metadata, ...place(no)] : place(no),
    tensors: group,
  }))
}
