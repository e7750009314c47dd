// Whose model it is and how to sample from it: the `general.` keys. Source: gguf/metadata.py (llama.cpp v0.5.0).

import { FakError } from '@fak/tensor'
import { nameParts, titleOf } from './model-name.js'
import { type Entry, f32, i32, type Json, own, text } from './values.js'

/** The files of a checkpoint that say such things. */
export interface GeneralFiles {
  /** Name of the directory, from which the model's name is made. */
  readonly directoryName: string
  /** The object of generation_config.json. */
  readonly generationConfig?: Json
  /** The object of config.json. */
  readonly config: unknown
}

/** Keys of generation_config.json and of GGUF, in the converter's order. */
const SAMPLING = [
  ['top_k', 'top_k', i32],
  ['top_p', 'top_p', f32],
  ['min_p', 'min_p', f32],
  ['xtc_probability', 'xtc_probability', f32],
  ['xtc_threshold', 'xtc_threshold', f32],
  ['temperature', 'temp', f32],
  ['penalty_last_n', 'penalty_last_n', i32],
  ['penalty_repeat', 'penalty_repeat', f32],
  ['mirostat', 'mirostat', i32],
  ['mirostat_tau', 'mirostat_tau', f32],
  ['mirostat_eta', 'mirostat_eta', f32],
] as const

/** Keys between `general.type` and those of the architecture. */
export function generalMetadata(
  files: GeneralFiles,
  parameters: { readonly total: number; readonly label: string },
  modelName: string | undefined,
): Entry[] {
  const path = own(files.config, '_name_or_path')
  const isModel = typeof path === 'string' && path.split('/').length <= 2
  // The first that says something wins.
  const said = [...(isModel ? [path] : []), files.directoryName].map((id) => nameParts(id, parameters.total))
  const first = (key: keyof (typeof said)[number]) => said.find((parts) => parts[key] !== undefined)?.[key]
  const optional = (key: string, value: string | undefined) => (value === undefined ? [] : [text(key, value)])
  const organization = first('organization')
  return [
    ...sampling(files.generationConfig),
    text('general.name', modelName ?? titleOf(first('name') ?? files.directoryName)),
    ...optional('general.version', first('version')),
    ...optional('general.organization', organization && titleOf(organization)),
    ...optional('general.finetune', first('finetune')),
    ...optional('general.basename', first('basename')),
    text('general.size_label', first('sizeLabel') ?? parameters.label),
  ]
}

function sampling(config: Json | undefined): Entry[] {
  const sequence = own(config, 'sequence')
  const entries = SAMPLING.flatMap(([from, to, entry]) => {
    const value = own(config, from) ?? (from === 'penalty_repeat' ? own(config, 'repetition_penalty') : undefined)
    if (value === undefined) return []
    if (typeof value !== 'number' || (entry === i32 && !Number.isInteger(value))) {
      const reason = `${from} must be a ${entry === i32 ? 'whole ' : ''}number, got ${JSON.stringify(value).slice(0, 40)}`
      throw new FakError('MODEL_BAD_CONFIG', { file: 'generation_config.json', reason, field: from })
    }
    return [entry(`general.sampling.${to}`, value)]
  })
  return [...(typeof sequence === 'string' ? [text('general.sampling.sequence', sequence)] : []), ...entries]
}
