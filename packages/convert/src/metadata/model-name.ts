// What a name such as `Qwen3.5-27B-Instruct` says about a model. Source: `get_model_id_components` and `id_to_title` of
// gguf/metadata.py (llama.cpp v0.5.0), whose rules for naming these are.

/** Parts of a name; absent where the name has none. */
export interface NameParts {
  readonly name?: string
  readonly organization?: string
  readonly basename?: string
  readonly finetune?: string
  readonly version?: string
  readonly sizeLabel?: string
}

type Kind = 'basename' | 'size_label' | 'finetune' | 'version' | 'type'

const VERSION = /^(v|iter)?\d+([.]\d+)*$/i
const TYPE = /^(i?q\d(_\w)*|b?fp?(16|32))$/i
const SIZE = /^((A|\d+x)?\d+([._]\d+)?[KMBT]\d?|small|mini|medium|large|x?xl)$/i
const FINETUNE = /^(chat|instruct|vision|lora)$/i

/** Takes a name apart. `parameters` is how many the model has: a size far from it is something else, such as a context length. */
export function nameParts(id: string, parameters: number): NameParts {
  if (id.includes(' ')) return { name: id }
  const slash = id.indexOf('/')
  const organization = slash < 0 || id.startsWith('.') ? undefined : id.slice(0, slash)
  const name = id.slice(slash + 1)
  const parts = name
    .split('-')
    .filter((text) => text !== '')
    .map((text, i) => annotated(text, i, parameters))

  // Where a size is given in numbers, one in words is something else.
  if (parts.some(({ text, kinds }) => kinds.has('size_label') && /\d/.test(text))) {
    for (const { text, kinds } of parts) if (/^\p{L}+$/u.test(text)) kinds.delete('size_label')
  }
  let atStart = true
  for (const { text, kinds } of parts) {
    if (atStart && ((kinds.size === 0 && /^\p{L}/u.test(text)) || kinds.has('version'))) kinds.add('basename')
    else {
      atStart = false
      if (kinds.size === 0) kinds.add('finetune')
    }
  }
  for (const { kinds } of parts.toReversed()) {
    if (!kinds.has('basename') || kinds.size === 1) break
    kinds.delete('basename')
  }
  const those = (wanted: (kinds: Set<Kind>) => boolean) =>
    parts.filter(({ kinds }) => wanted(kinds)).map(({ text }) => text)
  const basename = those((kinds) => kinds.has('basename')).join('-')
  const sizeLabel = [...new Set(those((kinds) => kinds.has('size_label')))].join('-')
  const finetune = those((kinds) => kinds.has('finetune')).join('-')
  const version = those((kinds) => kinds.has('version') && !kinds.has('basename')).join('-')
  const ambiguous = sizeLabel === '' && finetune === '' && version === ''
  return {
    name,
    ...(organization && { organization }),
    ...(basename !== '' && !ambiguous && { basename }),
    ...(finetune !== '' && { finetune }),
    ...(version !== '' && { version }),
    ...(sizeLabel !== '' && { sizeLabel }),
  }
}

function annotated(part: string, index: number, parameters: number): { text: string; kinds: Set<Kind> } {
  const kinds = new Set<Kind>()
  if (VERSION.test(part)) return { text: part, kinds: kinds.add('version') }
  if (TYPE.test(part)) return { text: part.toUpperCase(), kinds: kinds.add('type') }
  if (index > 0 && SIZE.test(part)) {
    let text = part.replaceAll('_', '.')
    // The notation 7b1 for 7.1b.
    if (/\d$/.test(text)) text = `${text.slice(0, -2)}.${text.at(-1)}${text.at(-2)}`
    if (/\d[kmbt]$/.test(text)) text = text.slice(0, -1) + text.at(-1)!.toUpperCase()
    const number = /^(\d+(?:\.\d+)?)([KMBT])$/.exec(text)
    if (number !== null && parameters !== 0) {
      const said = Number(number[1]) * 1000 ** ' KMBT'.indexOf(number[2]!)
      if (Math.abs(said - parameters) > Math.floor((7 * parameters) / 8)) {
        kinds.add('finetune')
        text = text.slice(0, -1) + text.at(-1)!.toLowerCase()
      }
    }
    if (kinds.size === 0) kinds.add('size_label')
    return { text, kinds }
  }
  if (index > 0 && FINETUNE.test(part)) kinds.add('finetune')
  return { text: part, kinds }
}

/** A name as a title: hyphens become spaces, and words in small letters get a capital, but for versions. */
export function titleOf(id: string): string {
  const isSmall = (word: string) => word === word.toLowerCase() && word !== word.toUpperCase()
  return id
    .trim()
    .replaceAll('-', ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) =>
      isSmall(word) && !/^(v\d+(?:\.\d+)*|\d.*)$/.test(word)
        ? word.replaceAll(/\p{L}+/gu, (run) => run[0]!.toUpperCase() + run.slice(1))
        : word,
    )
    .join(' ')
}
