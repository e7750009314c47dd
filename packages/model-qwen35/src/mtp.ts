// The draft head for multi-token prediction: from a trunk's hidden row and the next token, a guess at the token after that. Here it is found,
// checked and bound; a model without one, or with a part of one, runs all the same.

import type { WeightBindings } from '@fak/graph'
import { FakError, type WeightSource, type WeightTensor } from '@fak/tensor'
import { Binder } from './binder.js'
import type { Qwen35Config } from './config.js'
import { mtpParameters } from './parameters.js'
import { bindGgufParameter, bindHfParameter } from './weights.js'

/**
 * The weights of a draft head, complete: what the file does not have of its own is bound to the trunk's. Labels:
 * `mtp.embed_tokens.weight` `[V, d]`, `mtp.pre_fc_norm_embedding.weight` and `mtp.pre_fc_norm_hidden.weight` `[d]`, `mtp.fc.weight`
 * `[d, 2d]` (embedding half first), one full-attention layer below `mtp.layers.0`, `mtp.norm.weight` `[d]`, `mtp.lm_head.weight` `[V, d]`.
 * Norms are in the form of the graph, `1 + w`.
 * Source: `qwen3_5_mtp.py` of vLLM; `graph_mtp` in `qwen35.cpp` of llama.cpp v0.5.0.
 */
export interface Qwen35Mtp {
  readonly weights: WeightBindings
}

/** A draft head, or why there is none. */
export type MtpSearch = { readonly mtp: Qwen35Mtp } | { readonly mtpAbsence: string }

/** Where an export may have put `mtp.`. */
const HF_PREFIXES = ['mtp.', 'model.mtp.', 'model.language_model.mtp.']

/** Finds the draft head of an HF checkpoint. `trunk` are the bound weights of the decoder. Whether there is one, the tensors say. */
export async function findHfMtp(stored: WeightSource, config: Qwen35Config, trunk: WeightBindings): Promise<MtpSearch> {
  const names = [...stored.tensors.keys()]
  const prefix = HF_PREFIXES.find((candidate) => names.some((name) => name.startsWith(candidate)))
  if (prefix === undefined) return { mtpAbsence: 'the checkpoint has no mtp tensors' }
  if (names.some((name) => name.startsWith(`${prefix}layers.1.`))) return severalLayers
  return orReason(async () => {
    const binder = new Binder(stored)
    for (const parameter of mtpParameters(config)) await bindHfParameter(binder, parameter, prefix + parameter.hf)
    binder.refuseOthers((name) => name.startsWith(prefix))
    return complete(binder.bindings, config, trunk)
  })
}

/**
 * Finds the draft head of a GGUF file: the block after the trunk's. It may have embeddings and a head of its own, and may lack the last
 * norm, which then is the trunk's.
 */
export async function findGgufMtp(
  stored: WeightSource,
  config: Qwen35Config,
  trunk: WeightBindings,
): Promise<MtpSearch> {
  const block = config.layerKinds.length
  const prefix = `blk.${block}.`
  const names = [...stored.tensors.keys()]
  if (!names.some((name) => name.startsWith(prefix))) return { mtpAbsence: 'the file has no nextn block' }
  if (names.some((name) => name.startsWith(`blk.${block + 1}.`))) return severalLayers
  return orReason(async () => {
    const binder = new Binder(stored)
    for (const parameter of mtpParameters(config)) {
      const gguf = prefix + parameter.gguf
      if (parameter.label === 'mtp.norm.weight' && !binder.has(gguf))
        binder.bind(parameter.label, trunk.get('norm.weight')!)
      else await bindGgufParameter(binder, { ...parameter, gguf }, config)
    }
    const table = [config.vocabularySize, config.hidden]
    const own = {
      'mtp.embed_tokens.weight': 'nextn.embed_tokens.weight',
      'mtp.lm_head.weight': 'nextn.shared_head_head.weight',
    }
    for (const [label, name] of Object.entries(own)) {
      if (binder.has(prefix + name)) binder.bind(label, binder.take(prefix + name, table))
    }
    binder.refuseOthers((name) => name.startsWith(prefix))
    return complete(binder.bindings, config, trunk)
  })
}

const severalLayers: MtpSearch = { mtpAbsence: 'the draft head has several layers, and one is supported' }

/** The trunk's embeddings and head where the draft head has none. */
function complete(
  own: ReadonlyMap<string, WeightTensor>,
  { tiedEmbeddings }: Qwen35Config,
  trunk: WeightBindings,
): MtpSearch {
  const shared: WeightBindings = new Map([
    ['mtp.embed_tokens.weight', trunk.get('embed_tokens.weight')!],
    ['mtp.lm_head.weight', trunk.get(tiedEmbeddings ? 'embed_tokens.weight' : 'lm_head.weight')!],
  ])
  return { mtp: { weights: new Map([...shared, ...own]) } }
}

/** The trunk gives right answers without a draft head, so one that cannot be used is a remark, not an error. */
async function orReason(find: () => Promise<MtpSearch>): Promise<MtpSearch> {
  try {
    return await find()
  } catch (error) {
    if (!FakError.isInstance(error) || !error.code.startsWith('MODEL_')) throw error
    return { mtpAbsence: `${error.field}: ${error.reason}` }
  }
}
