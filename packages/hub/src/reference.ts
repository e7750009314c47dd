// What a model is called. Only the text is looked at here: no file, no network.

import { FakError, quote } from '@fak/tensor'
import { isQuant } from './quant.js'
import { OFFICIAL } from './short-names.js'

/** A model on the hub. */
export interface HubReference {
  readonly kind: 'hub'
  /** `owner/name`. */
  readonly repo: string
  /** Branch, tag or commit; `undefined` is the repository's main branch. */
  readonly revision: string | undefined
  /** A GGUF file of the repository. */
  readonly file: string | undefined
  /** The stored type of the wanted GGUF file, in capitals, e.g. `Q4_K_M`. */
  readonly quant: string | undefined
  /** The reference written out, e.g. `hf:unsloth/Qwen3.5-0.8B-GGUF:Q4_K_M`. */
  readonly text: string
}

/** A path, or a name that only the store or the file system can know. */
export interface LocalReference {
  /** `path` where the text can be nothing else, `name` where it may be a stored name too. */
  readonly kind: 'path' | 'name'
  readonly text: string
}

/** What a text that names a model can mean. */
export type ModelReference = HubReference | LocalReference

/** Longest reference that is looked at. */
const MAX_REFERENCE_CHARACTERS = 4096
/** Names of owners and repositories, as the hub allows them. */
const SEGMENT = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?$/
/** What git allows in the name of a branch or tag, as far as anyone uses it. */
const REVISION = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,254}[A-Za-z0-9])?$/
const HOSTS = ['huggingface.co', 'www.huggingface.co', 'hf.co']
const FORMS =
  'hf:owner/repo, hf:owner/repo:Q4_K_M, hf:owner/repo:file.gguf, each also with @revision after the repository'

/**
 * Reads what a user calls a model.
 *
 * - `hf:owner/repo` (safetensors), `hf:owner/repo:Q4_K_M` (a stored type), `hf:owner/repo:file.gguf`; `@revision` follows the
 *   repository or stands at the end. `hf.co/owner/repo…`, `https://huggingface.co/owner/repo…` and the address of a file mean the same.
 * - An official size: `0.8B`, `Qwen3.5-4B`, `Qwen3.6-27B`; with a stored type, `0.8B:Q4_K_M`, the GGUF file of it.
 * - Anything else is a path or a stored name.
 *
 * @throws FakError `MODEL_BAD_REFERENCE` with what was understood and the forms that work
 */
export function parseModelReference(text: string): ModelReference {
  if (text === '') throw bad(text, 'the name of the model is empty')
  if (text.length > MAX_REFERENCE_CHARACTERS) throw bad(text, `has ${text.length} characters, no model is called that`)
  const scheme = /^(hf:(?:\/\/)?|hf\.co\/|https?:\/\/)/i.exec(text)?.[0]
  if (scheme === undefined) return parseOfficial(text) ?? { kind: looksLikePath(text) ? 'path' : 'name', text }
  return /^https?:/i.test(scheme) ? parseUrl(text) : parseHub(text, text.slice(scheme.length))
}

/** Writes a reference out in the form that {@link parseModelReference} reads. */
export function hubReference(parts: Omit<HubReference, 'kind' | 'text'>): HubReference {
  const { repo, revision, file, quant } = parts
  const what = file ?? quant
  const text = `hf:${repo}${revision === undefined ? '' : `@${revision}`}${what === undefined ? '' : `:${what}`}`
  return { kind: 'hub', repo, revision, file, quant, text }
}

function parseHub(text: string, rest: string): HubReference {
  const colon = rest.indexOf(':')
  const [head, tail] = colon < 0 ? [rest, undefined] : [rest.slice(0, colon), rest.slice(colon + 1)]
  const at = head.indexOf('@')
  const repo = at < 0 ? head : head.slice(0, at)
  let revision = at < 0 ? undefined : head.slice(at + 1)
  let what = tail
  // Names of files may hold an @; then the revision stands behind the repository.
  const late = tail === undefined ? null : /^([^@]*(?:\.gguf)?|.*\.gguf)@([^@]+)$/i.exec(tail)
  if (late !== null && !/\.gguf$/i.test(late[2]!)) {
    if (revision !== undefined) throw bad(text, 'names a revision twice')
    ;[, what, revision] = late
  }
  checkRepo(text, repo)
  if (revision !== undefined) checkRevision(text, revision)
  if (what === undefined) return hubReference({ repo, revision, file: undefined, quant: undefined })
  if (/\.gguf$/i.test(what)) {
    if (!isPlainPath(what)) throw bad(text, `${quote(what)} is not a plain path inside a repository`)
    return hubReference({ repo, revision, file: what, quant: undefined })
  }
  if (!isQuant(what)) {
    const reason = `names the repository ${repo}, but ${quote(what)} is neither a stored type such as Q4_K_M nor a .gguf file`
    throw bad(text, reason)
  }
  return hubReference({ repo, revision, file: undefined, quant: what.toUpperCase() })
}

/** `https://huggingface.co/owner/repo[/tree/revision | /blob/revision/file | /resolve/revision/file]` */
function parseUrl(text: string): HubReference {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !HOSTS.includes(url.hostname)) {
    throw bad(text, 'is an address that models are not downloaded from; download the file and give its path, or write')
  }
  const colon = url.pathname.indexOf(':')
  if (colon >= 0) return parseHub(text, decode(text, url.pathname.slice(1)))
  const [owner, name, form, revision, ...path] = url.pathname
    .split('/')
    .filter(Boolean)
    .map((part) => decode(text, part))
  const repo = `${owner ?? ''}/${name ?? ''}`
  checkRepo(text, repo)
  if (form === undefined) return hubReference({ repo, revision: undefined, file: undefined, quant: undefined })
  const file = path.length > 0 ? path.join('/') : undefined
  if (
    !['tree', 'blob', 'resolve'].includes(form) ||
    revision === undefined ||
    (form === 'tree') !== (file === undefined)
  ) {
    throw bad(text, `names the repository ${repo}, but the rest of the address is not understood`)
  }
  checkRevision(text, revision)
  if (file !== undefined && (!isPlainPath(file) || !/\.gguf$/i.test(file))) {
    throw bad(text, `names ${quote(file)} in ${repo}, which is no .gguf file`)
  }
  return hubReference({ repo, revision: revision === 'main' ? undefined : revision, file, quant: undefined })
}

function parseOfficial(text: string): HubReference | undefined {
  const [, name = '', quant] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  const official = OFFICIAL.get(name.toLowerCase())
  if (official === undefined) return undefined
  if (quant === undefined) return hubReference({ repo: official.repo, revision: undefined, file: undefined, quant })
  if (!isQuant(quant)) throw bad(text, `names ${official.repo}, but ${quote(quant)} is no stored type such as Q4_K_M`)
  return hubReference({ repo: official.ggufRepo, revision: undefined, file: undefined, quant: quant.toUpperCase() })
}

/** Windows paths, hidden and home folders, and what ends like a model file can only be paths; `a/b` may be a stored name too. */
const looksLikePath = (text: string): boolean =>
  /^([./~\\]|[A-Za-z]:[\\/])/.test(text) || text.includes('\\') || /(^|[^:])\.(gguf|safetensors|json)$/i.test(text)

/** Whether a path is relative and stays inside the folder it is used in, on every system. */
export function isPlainPath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  if (path.length > 1024 || /[\u0000-\u001f\u007f\\:]/.test(path)) return false
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

function checkRepo(text: string, repo: string): void {
  const parts = repo.split('/')
  if (parts.length !== 2)
    throw bad(text, `${quote(repo)} is no repository: an owner and a name are needed, such as Qwen/Qwen3.5-0.8B`)
  const wrong = parts.find((part) => !SEGMENT.test(part) || /--|\.\./.test(part))
  if (wrong !== undefined) throw bad(text, `${quote(wrong)} is no name of an owner or a repository`)
}

function checkRevision(text: string, revision: string): void {
  if (!REVISION.test(revision) || /\.\.|\/\/|\/\./.test(revision)) throw bad(text, `${quote(revision)} is no revision`)
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw bad(text, 'is an address with a broken escape')
  }
}

function bad(text: string, what: string): FakError {
  const reason = `${quote(text)} ${what}: ${FORMS}`
  return new FakError('MODEL_BAD_REFERENCE', { reason })
}
