// Whose model it is and how to sample from it: the `general.` keys. Source: gguf/metadata.py (llama.cpp v0.5.0).

import { FakError } from '@fak/tensor'
import { readModelCard } from './model-card.js'
import { nameParts, titleOf } from './model-name.js'
import { type Entry, f32, i32, type Json, own, text, texts, u32 } from './values.js'

/** The files of a checkpoint that say such things. */
export interface GeneralFiles {
  /** Name of the directory, from which the model's name is made. */
  readonly directoryName: string
  /** The object of generation_config.json. */
  readonly generationConfig?: Json
  /** The object of config.json. */
  readonly config: unknown
  /** README.md, whose front matter is the model's card. */
  readonly modelCard?: string
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
  const card = readModelCard(files.modelCard, 'README.md', parameters.total)
  const path = own(files.config, '_name_or_path')
  const isModel = typeof path === 'string' && path.split('/').length <= 2
  // The first that says something wins: the card, then the names.
  const said = [...(isModel ? [path] : []), files.directoryName].map((id) => nameParts(id, parameters.total))
  const { fields } = card
  const first = (key: keyof (typeof said)[number]) => said.find((parts) => parts[key] !== undefined)?.[key]
  const named = first('name')
  const organization = first('organization')
  const keys: [string, string | undefined][] = [
    ['name', modelName ?? fields.name ?? (named === undefined ? files.directoryName : titleOf(named))],
    ['author', fields.author],
    ['version', fields.version ?? first('version')],
    ['organization', fields.organization ?? (organization && titleOf(organization))],
    ['finetune', fields.finetune ?? first('finetune')],
    ['basename', fields.basename ?? first('basename')],
    ['description', fields.description],
    ['size_label', fields.sizeLabel ?? first('sizeLabel') ?? parameters.label],
    ['license', fields.license],
    ['license.name', fields.licenseName],
    ['license.link', fields.licenseLink],
    ['source.url', fields.sourceUrl],
    ['source.doi', fields.sourceDoi],
    ['source.uuid', fields.sourceUuid],
    ['source.repo_url', fields.sourceRepoUrl],
  ]
  return [
    ...sampling(files.generationConfig),
    ...keys.flatMap(([key, value]) => (value === undefined ? [] : [text(`general.${key}`, value)])),
    ...sources('general.base_model', card.baseModels),
    ...sources('general.dataset', card.datasets),
    ...(card.tags.length > 0 ? [texts('general.tags', card.tags)] : []),
    ...(card.languages.length > 0 ? [texts('general.languages', card.languages)] : []),
  ]
}

const SOURCE = ['name', 'author', 'version', 'organization', 'description', 'url', 'doi', 'uuid', 'repo_url']

function sources(key: string, list: readonly Json[] | undefined): Entry[] {
  if (list === undefined) return []
  const entries = list.flatMap((source, i) =>
    SOURCE.flatMap((name) => {
      const value = own(source, name)
      return value === undefined ? [] : [text(`${key}.${i}.${name}`, String(value))]
    }),
  )
  return [u32(`${key}.count`, list.length), ...entries]
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
