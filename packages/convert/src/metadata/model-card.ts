// The front matter of README.md, which says whose model it is. Source: `load_model_card` and `apply_metadata_heuristic` of
// gguf/metadata.py (llama.cpp v0.5.0).

import { FakError } from '@fak/tensor'
import { parse } from 'yaml'
import { nameParts, titleOf } from './model-name.js'
import { isObject, type Json, own } from './values.js'

/** Fields of a card that become keys of their own, each with the names that cards have for it, the first that is there wins. */
const FIELDS = {
  name: ['name', 'model_name'],
  author: ['author', 'model_author', 'model_creator'],
  version: ['version', 'model_version'],
  organization: ['organization', 'model_organization'],
  description: ['description', 'model_description'],
  finetune: ['finetune', 'model_finetune'],
  basename: ['basename', 'model_basename', 'model_type'],
  sizeLabel: ['size_label', 'model_size_label'],
  sourceUrl: ['url', 'model_url'],
  sourceDoi: ['doi', 'model_doi'],
  sourceUuid: ['uuid', 'model_uuid'],
  sourceRepoUrl: ['repo_url', 'model_repo_url'],
  license: ['license'],
  licenseName: ['license_name'],
  licenseLink: ['license_link'],
} as const

/** What a card says. */
export interface ModelCard {
  readonly fields: Readonly<Partial<Record<keyof typeof FIELDS, string>>>
  readonly baseModels: readonly Json[] | undefined
  readonly datasets: readonly Json[] | undefined
  readonly tags: readonly string[]
  readonly languages: readonly string[]
}

/** @throws FakError `MODEL_BAD_CARD` for front matter that is not YAML */
export function readModelCard(readme: string | undefined, file: string, parameters: number): ModelCard {
  const card = frontMatter(readme ?? '', file)
  const firstOf = (keys: readonly string[]) => keys.map((key) => own(card, key)).find((value) => value !== undefined)
  const fields = Object.entries(FIELDS).flatMap(([field, keys]) => {
    const value = firstOf(keys)
    return value === undefined ? [] : [[field, Array.isArray(value) ? value.join(',') : String(value)]]
  })
  const sources = (...keys: string[]) => {
    if (!keys.some((key) => Object.hasOwn(card, key))) return undefined
    return listOf(firstOf(keys)).flatMap((entry) => sourceOf(entry, parameters))
  }
  const texts = (...keys: string[]) => keys.flatMap((key) => listOf(own(card, key)).map(String))
  return {
    fields: Object.fromEntries(fields),
    baseModels: sources('base_model', 'base_models', 'base_model_sources'),
    datasets: sources('datasets', 'dataset', 'dataset_sources'),
    tags: texts('tags', 'pipeline_tag'),
    languages: texts('languages', 'language'),
  }
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : typeof value === 'string' ? [value] : [])

/** A model or data set that this one comes from: an id, an address, or fields. */
function sourceOf(entry: unknown, parameters: number): Json[] {
  if (isObject(entry)) return [entry]
  if (typeof entry !== 'string') return []
  const isUrl = /^(https?|ssh):\/\//.test(entry)
  const id = isUrl ? /^https?:\/\/huggingface\.co\/([^/]+\/[^/]+)$/.exec(entry)?.[1] : entry
  const parts = id === undefined ? {} : nameParts(id, parameters)
  const { name, organization, version } = parts
  const address = organization && name && `https://huggingface.co/${organization}/${name}`
  return [
    {
      ...(name && { name: titleOf(name) }),
      ...(organization && { organization: titleOf(organization) }),
      ...(version && { version }),
      ...(isUrl ? { repo_url: entry } : address && { repo_url: address }),
    },
  ]
}

function frontMatter(readme: string, file: string): Json {
  const [first, ...lines] = readme.split(/\r\n|\r|\n/)
  if (first !== '---') return {}
  const end = lines.indexOf('---')
  // A bare `no` is the language, not the truth value that YAML 1.1 reads; tabs are a common slip.
  const text = `${lines.slice(0, end < 0 ? undefined : end).join('\n')}\n`
    .replaceAll('- no\n', '- "no"\n')
    .replaceAll('\t', '  ')
  try {
    const value: unknown = parse(text, { version: '1.1' })
    return isObject(value) ? value : {}
  } catch (cause) {
    throw new FakError('MODEL_BAD_CARD', { file, reason: 'the front matter is not YAML', cause })
  }
}
