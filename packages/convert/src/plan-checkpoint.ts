// From an HF checkpoint to the file that `convert_hf_to_gguf.py` makes of it, and for quantized types to what `llama-quantize` makes of
// that. What the formats do to values is undone where models are loaded (`bindHf`); here remain the order of value heads, which small
// vectors alone cannot hide, names, order and types. Source: conversion/base.py and conversion/qwen.py of llama.cpp v0.5.0.

import {
  bindHf,
  configFromHf,
  findHfMtp,
  type MtpSearch,
  mtpParameters,
  type Parameter,
  type Qwen35Config,
  qwen35Parameters,
  valueHeadColumns,
} from '@fak/model-qwen35'
import type { SafetensorsFile } from '@fak/safetensors'
import { type DType, FakError, label, type TensorInfo, type WeightTensor } from '@fak/tensor'
import { type FileType, fileTypes } from './file-type.js'
import { type CheckpointFiles, checkpointMetadata } from './metadata/checkpoint.js'
import { chooseTypes, compareTensorNames, fitting, isQuantizable, squeezed } from './mixture.js'
import { type ConversionPlan, type PlannedTensor, rowRuns } from './plan.js'
import { quantizedMetadata } from './plan-gguf.js'

/** Options of {@link planCheckpoint}. */
export interface CheckpointOptions {
  /** Take the draft head for multi-token prediction, where there is one. Default true. */
  readonly mtp?: boolean
  /** Value of `general.name`; by default made from the name of the directory. */
  readonly modelName?: string
}

/** Tensors of the image tower, which has no place in a text model, and tables that older exports computed ahead. */
const SKIPPED = /(^|\.)visual\.|\.rotary_emb\.inv_freq$/
const MTP = /(^|\.)mtp\./

/**
 * Plans the conversion of a checkpoint. Nothing but small vectors is read; `stored` must stay open until the plan is done.
 *
 * @throws FakError the `MODEL_` codes of `configFromHf` and `bindHf`; `CONVERT_BAD_MTP` for a draft head that is not complete,
 *   `CONVERT_NOT_EXPRESSIBLE` for a configuration that GGUF has no keys for; the `TOK_`, `TEMPLATE_` and `MODEL_` codes of the other files
 */
export async function planCheckpoint(
  stored: SafetensorsFile,
  files: CheckpointFiles,
  type: FileType,
  options: CheckpointOptions = {},
): Promise<ConversionPlan> {
  const config = configFromHf(files.config, stored, files.configFile)
  requireExpressible(config, files.configFile)
  const weights = await bindHf(stored, config)
  const head = await draftHead(stored, config, weights, options.mtp ?? true)
  const blocks = config.layerKinds.length + (head === undefined ? 0 : 1)
  const parameters = [
    ...qwen35Parameters(config).map((p) => ({ parameter: p, gguf: p.gguf, weight: weights.get(p.label)! })),
    ...(head === undefined ? [] : mtpParameters(config)).map((p) => ({
      parameter: p,
      gguf: `blk.${config.layerKinds.length}.${p.gguf}`,
      weight: head!.get(p.label)!,
    })),
  ]
  const placeOf = sourcePlaces(stored)
  const inOrder = parameters
    .map((entry) => ({ ...entry, place: placeOf(entry.parameter) }))
    .sort((a, b) => a.place.at - b.place.at || a.place.within - b.place.within)
    .map(({ parameter, gguf, weight }) => planned(config, parameter, gguf, weight))
  const metadata = checkpointMetadata({ ...files, mtpBlocks: blocks - config.layerKinds.length }, config, inOrder, {
    fileType: fileTypes[type].id,
    ...(options.modelName !== undefined && { modelName: options.modelName }),
  })
  const experts = config.mlp.kind === 'moe' ? config.mlp.experts : 0
  const skipped = [...stored.tensors.values()].filter(
    ({ name }) => SKIPPED.test(name) || (head === undefined && MTP.test(name)),
  )
  const common = { skipped, notes: [] }
  if (['F32', 'F16', 'BF16', 'Q8_0'].includes(type)) {
    const dtype = fileTypes[type].dtype
    return { ...common, metadata, tensors: inOrder.map((tensor) => typed(tensor, floatFileType(tensor, dtype))) }
  }
  const sorted = inOrder.toSorted((a, b) => compareTensorNames(a.name, b.name))
  const types = chooseTypes(sorted, type, { blocks, experts })
  return {
    ...common,
    metadata: quantizedMetadata(metadata, type),
    tensors: sorted.map((tensor, i) => ({ ...typed(tensor, types[i]!), shape: squeezed(tensor.shape) })),
  }
}

const typed = (tensor: PlannedTensor, dtype: DType): PlannedTensor => ({ ...tensor, dtype })

/** The converter's own choice: everything that can be quantized gets the type of the file, in F16 where a row does not fit. */
const floatFileType = (tensor: PlannedTensor, dtype: DType): DType =>
  isQuantizable(tensor) ? fitting(dtype, tensor.shape.at(-1)!) : 'F32'

/** One tensor as the converter stores it in F32: value heads dealt out to the key heads in turn. */
function planned(config: Qwen35Config, parameter: Parameter, gguf: string, weight: WeightTensor): PlannedTensor {
  const { shape } = parameter
  const tiled: Qwen35Config = { ...config, deltaNet: { ...config.deltaNet, keyHead: 'tiled' } }
  const { Hk, Hv } = config.deltaNet
  const [, layer, name] = (Hk === Hv ? null : /^(.*\.linear_attn)\.(\w+)/.exec(parameter.label)) ?? []
  const orderOf = (activation: string) => valueHeadColumns(tiled, config)(`${layer}.${activation}`)
  const rowOrder = name === undefined || ROWS[name] === undefined ? undefined : orderOf(ROWS[name])
  const columnOrder = name === 'out_proj' ? orderOf('gated_delta') : undefined
  const columns = rowOrder !== undefined && shape.length === 1 ? 1 : (shape.at(-1) ?? 1)
  return {
    name: gguf,
    dtype: 'F32',
    shape,
    columns,
    from: weight.dtype,
    runs: rowRuns(weight, columns, rowOrder),
    ...(columnOrder && { columnOrder }),
  }
}

/** For each parameter of a DeltaNet layer whose rows are value heads, an activation whose columns are in the same order. */
const ROWS: Readonly<Record<string, string>> = {
  in_proj_qkv: 'in_proj_qkv',
  conv1d: 'conv1d',
  in_proj_z: 'in_proj_z',
  in_proj_a: 'in_proj_a',
  in_proj_b: 'in_proj_b',
  A: 'in_proj_a',
  dt_bias: 'in_proj_a',
}

async function draftHead(
  stored: SafetensorsFile,
  config: Qwen35Config,
  weights: Parameters<typeof findHfMtp>[2],
  wanted: boolean,
) {
  const first = [...stored.tensors.keys()].find((name) => MTP.test(name))
  if (!wanted || first === undefined) return undefined
  const search: MtpSearch = await findHfMtp(stored, config, weights)
  if ('mtp' in search) return search.mtp.weights
  const reason = `the draft head cannot be converted: ${search.mtpAbsence}; it can be left out`
  throw new FakError('CONVERT_BAD_MTP', { file: stored.name, reason, field: label(first) })
}

function requireExpressible({ deltaNet: { Dk, Dv } }: Qwen35Config, file: string | null): void {
  if (Dk === Dv) return
  const reason = `keys of ${Dk} and values of ${Dv} dimensions: GGUF has one key for both sizes`
  throw new FakError('CONVERT_NOT_EXPRESSIBLE', { file, reason, field: 'linear_value_head_dim' })
}

/** Where a tensor of the new file comes in the converter's order. */
interface Place {
  readonly at: number
  readonly within: number
}

/**
 * The converter goes through the files in the order of their names, and through the tensors of a file in that of theirs. Experts with a
 * matrix each are ready when the last one was seen.
 */
function sourcePlaces(stored: SafetensorsFile): (parameter: Parameter) => Place {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  const fileOf = (tensor: TensorInfo) => tensor.source.name ?? ''
  const names = [...stored.tensors.values()]
    .sort((a, b) => compare(fileOf(a), fileOf(b)) || compare(a.name, b.name))
    .map(({ name }) => name)
  const prefixes = ['model.language_model.', 'model.', '', 'model.language_model.mtp.', 'model.mtp.', 'mtp.']
  const places = new Map(names.map((name, i) => [name, i]))
  const find = (isDraft: boolean, hf: string): number | undefined => {
    for (const prefix of prefixes) {
      if (prefix.endsWith('mtp.') !== isDraft) continue
      const at = places.get(prefix + hf)
      if (at !== undefined) return at
    }
    return undefined
  }
  const lastExpert = new Map<string, number>()
  for (const [name, at] of places) {
    const layer = /^(.*\.experts)\.\d+\.\w+_proj\.weight$/.exec(name)?.[1]
    if (layer !== undefined) lastExpert.set(layer, at)
  }
  return ({ label, hf, form }) => {
    const isDraft = label.startsWith('mtp.')
    const own = find(isDraft, hf)
    if (own !== undefined && form !== 'experts') return { at: own, within: 0 }
    const [, experts, part] = /^(.*\.experts)\.(\w+)_proj\.weight$/.exec(hf)!
    const packed = `${experts}.${part === 'down' ? 'down' : 'gate_up'}_proj`
    const at = find(isDraft, packed) ?? find(isDraft, `${packed}.weight`)
    if (at !== undefined) return { at, within: part === 'up' ? 1 : 0 }
    const last = prefixes
      .filter((prefix) => prefix.endsWith('mtp.') === isDraft)
      .map((prefix) => lastExpert.get(prefix + experts))
      .find((place) => place !== undefined)!
    return { at: last, within: ['down', 'gate', 'up'].indexOf(part!) }
  }
}
