// Whether the files that were inspected make a model that runs here, in one line. Only metadata and small vectors are read for it.

import { loadQwen35, type Qwen35Model, type Qwen35Origin } from '@fak/model-qwen35'
import { FakError, type WeightSource } from '@fak/tensor'

/** What `fak inspect` says of a file as a model. */
export interface Verdict {
  readonly runs: boolean
  /** Layers and experts of what runs, or why it does not. */
  readonly text: string
  /** Whether there is a draft head for multi-token prediction; `null` for what does not run. */
  readonly draftHead: boolean | null
}

/** @param origin The configuration; `undefined` where tensors stand alone. */
export async function verdictOn(stored: WeightSource, origin: Qwen35Origin | undefined): Promise<Verdict> {
  if (origin === undefined) return refused('there is no config.json beside these tensors')
  try {
    const model = await loadQwen35(stored, origin)
    return { runs: true, text: told(model), draftHead: model.mtp !== undefined }
  } catch (error) {
    if (!FakError.isInstance(error)) throw error
    return refused(error.field === null ? error.reason : `${error.field}: ${error.reason}`)
  }
}

const refused = (text: string): Verdict => ({ runs: false, text, draftHead: null })

function told({ config, mtp, mtpAbsence }: Qwen35Model): string {
  const { layerKinds, mlp, contextLength } = config
  const full = layerKinds.filter((kind) => kind === 'full_attention').length
  const parts = [`${layerKinds.length} layers, ${full} of them full attention`, `context ${contextLength} tokens`]
  if (mlp.kind === 'moe') parts.push(`${mlp.topK} of ${mlp.experts} experts and a shared one`)
  return `${parts.join('; ')}; ${mtp === undefined ? `no draft head: ${mtpAbsence}` : 'a draft head'}`
}
