// From a GGUF file of floats, or of Q8_0, to one of a smaller type: what `llama-quantize` of llama.cpp v0.5.0 does.

import type { GgufFile, GgufValueContent } from '@fak/gguf'
import { type DType, FakError, label, quote, type TensorInfo } from '@fak/tensor'
import { type FileType, fileTypes } from './file-type.js'
import { chooseTypes, compareTensorNames, squeezed } from './mixture.js'
import { type ConversionPlan, type PlannedTensor, rowRuns } from './plan.js'

/** Types that may be quantized. What was quantized to fewer bits has lost too much to be quantized again. */
const SOURCES: readonly DType[] = ['F32', 'F16', 'BF16', 'Q8_0']
const ARCHITECTURES = ['qwen35', 'qwen35moe']
const QUANTIZATION_VERSION = 2

type Metadata = ConversionPlan['metadata']

/**
 * Plans the conversion of a GGUF file to another type. Tensors that keep their type are copied as they are stored.
 *
 * @throws FakError `MODEL_UNSUPPORTED_ARCHITECTURE`; `CONVERT_QUANTIZED_SOURCE` for a tensor that would have to be quantized again
 *   from fewer than eight bits; `MODEL_MISSING_HPARAM` for a file without `block_count`
 */
export function planGguf(stored: GgufFile, type: FileType): ConversionPlan {
  const architecture = stored.metadata.string('general.architecture') ?? ''
  if (!ARCHITECTURES.includes(architecture)) {
    const reason = `the architecture is ${quote(architecture)}, and the rules for types are those of ${ARCHITECTURES.join(' and ')}`
    throw new FakError('MODEL_UNSUPPORTED_ARCHITECTURE', { file: stored.name, reason, field: 'general.architecture' })
  }
  const blocks = stored.metadata.number(`${architecture}.block_count`)
  if (blocks === undefined) {
    const field = `${architecture}.block_count`
    throw new FakError('MODEL_MISSING_HPARAM', { file: stored.name, reason: `${field} is missing`, field })
  }
  const experts = stored.metadata.number(`${architecture}.expert_count`) ?? 0
  const sorted = [...stored.tensors.values()].sort((a, b) => compareTensorNames(a.name, b.name))
  const types = chooseTypes(sorted, type, { blocks, experts })
  const tensors = sorted.map((tensor, i) => planned(stored, tensor, types[i]!))
  const again = tensors.filter(({ from, dtype }) => from === 'Q8_0' && dtype !== from).length
  const notes =
    again === 0
      ? []
      : [`${again} tensors are quantized again from Q8_0; a file made from the float weights is a little better`]
  const metadata = [...stored.metadata.entries()].filter(([key]) => !key.startsWith('split.'))
  return { metadata: quantizedMetadata(metadata, type), tensors, skipped: [], notes }
}

function planned(stored: GgufFile, tensor: TensorInfo, dtype: DType): PlannedTensor {
  const { name, dtype: from } = tensor
  if (from !== dtype && !SOURCES.includes(from)) {
    const reason = `the tensor is ${from} and would become ${dtype}: only ${SOURCES.join(', ')} are quantized; start from the float model`
    throw new FakError('CONVERT_QUANTIZED_SOURCE', { file: stored.name, reason, field: label(name) })
  }
  const shape = squeezed(tensor.shape)
  const columns = shape.at(-1) ?? 1
  return { name, dtype, shape, columns, from, runs: rowRuns(tensor, columns) }
}

/** Metadata with the type of the new file, which the quantizer writes behind everything else. */
export function quantizedMetadata(metadata: Metadata, type: FileType): Metadata {
  const own: Metadata = [
    ['general.quantization_version', u32(QUANTIZATION_VERSION)],
    ['general.file_type', u32(fileTypes[type].id)],
  ]
  const keys = own.map(([key]) => key)
  return [...metadata.filter(([key]) => !keys.includes(key)), ...own]
}

const u32 = (value: number): GgufValueContent => ({ type: 'u32', value })
