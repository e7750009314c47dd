import { type Program, record, type WeightBindings, Weights } from '@fak/graph'
import type { WeightSource } from '@fak/tensor'
import type { Qwen35Config } from './config.js'
import { configFromGguf, type Qwen35Metadata } from './config-gguf.js'
import { configFromHf } from './config-hf.js'
import { decoder, decoderWithHidden } from './decoder.js'
import { draftHead } from './draft-head.js'
import { findGgufMtp, findHfMtp, type Qwen35Mtp } from './mtp.js'
import { bindGguf, bindHf } from './weights.js'

export type { LayerKind, MlpConfig, Qwen35Config } from './config.js'
export { configFromGguf, type Qwen35Metadata } from './config-gguf.js'
export { configFromHf } from './config-hf.js'
export { decoder, decoderLayer, decoderWithHidden, type Mixer, mixers } from './decoder.js'
export { draftHead } from './draft-head.js'
export { findHfMtp, type MtpSearch, type Qwen35Mtp } from './mtp.js'
export { type HfForm, mtpParameters, type Parameter, qwen35Parameters } from './parameters.js'
export { valueHeadColumns } from './value-heads.js'
export { bindGguf, bindHf } from './weights.js'

/**
 * Where the configuration stands: the parsed `config.json` of an HF checkpoint and what errors call it, or the metadata of a GGUF file.
 */
export type Qwen35Origin = { readonly config: unknown; readonly file?: string } | { readonly metadata: Qwen35Metadata }

/** A model ready to be prepared by an executor: `executor.prepare(model.program(), model.weights)`. */
export interface Qwen35Model {
  readonly config: Qwen35Config
  readonly weights: WeightBindings
  /** The draft head for multi-token prediction, if the file has a complete one. */
  readonly mtp?: Qwen35Mtp
  /** Why there is no draft head: one line for people. */
  readonly mtpAbsence?: string
  /** Records the decoder. Its output is `logits`, `[R, vocabulary]`; with `hidden`, also that, `[T, hidden]`, which a draft head and embeddings read. */
  program(options?: { readonly hidden?: boolean }): Program
  /** Records the draft head, to be prepared with the weights of {@link Qwen35Model.mtp}; see {@link draftHead}. Absent without one. */
  draftProgram?(): Program
}

/**
 * Loads a Qwen3.5 or Qwen3.6 text model, dense or with experts. Matrices are not read: they stay ranges of the file.
 *
 * @param stored The tensors, from a GGUF or safetensors reader. Keep it open while the model is in use.
 * @throws FakError `MODEL_…`: see {@link configFromHf}, {@link configFromGguf}, {@link bindHf}
 */
export async function loadQwen35(stored: WeightSource, origin: Qwen35Origin): Promise<Qwen35Model> {
  const fromGguf = 'metadata' in origin
  const config = fromGguf ? configFromGguf(origin.metadata, stored) : configFromHf(origin.config, stored, origin.file)
  const weights = await (fromGguf ? bindGguf : bindHf)(stored, config)
  const search = await (fromGguf ? findGgufMtp : findHfMtp)(stored, config, weights)
  return {
    config,
    weights,
    ...search,
    program: ({ hidden = false } = {}) =>
      record((g) => {
        const w = new Weights(weights)
        return hidden ? decoderWithHidden(g, w, config) : { logits: decoder(g, w, config) }
      }),
    ...('mtp' in search && {
      draftProgram: () => record((g) => draftHead(g, new Weights(search.mtp.weights), config)),
    }),
  }
}
