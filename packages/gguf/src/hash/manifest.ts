// Manifests: lists of hashes as text. Written and read are the lines of llama.cpp's gguf-hash, `sha256  HASH  FILE:TENSOR` and
// `sha256  HASH  FILE` for the content of all tensors, and those of sha256sum, `HASH  FILE` for a whole file. Each tool passes over
// the other's lines, so one manifest serves both.

import { decodeUtf8, FakError, invalidUtf8At, quote } from '@fak/tensor'
import { MAX_MANIFEST_BYTES } from '../limits.js'
import { type GgufHashAlgorithm, hexDigits } from './digest.js'
import type { GgufHashes } from './hash.js'

/** One line of a manifest. */
export interface GgufManifestEntry {
  /** Line in the manifest, from 1. */
  readonly line: number
  readonly algorithm: GgufHashAlgorithm | 'uuid'
  /** Small hexadecimal digits, or a UUID. */
  readonly hash: string
  /** The file as the manifest names it, often with a path. */
  readonly file: string
  /** What was hashed: one tensor, the content of all tensors, or the whole file. */
  readonly of: { readonly tensor: string } | 'content' | 'file'
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * Reads a manifest. Empty lines and lines that begin with `#` are passed over; every other line must be a hash.
 *
 * @param name how messages call it; `null` by default
 * @throws FakError `GGUF_BAD_MANIFEST` with the number of the line, for one that is none of the forms, a hash of the wrong length, or
 *   two lines that contradict each other; also for text that is not UTF-8, is longer than 64 MiB, or has no hash at all.
 */
export function parseGgufManifest(content: string | Uint8Array, name: string | null = null): GgufManifestEntry[] {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const fail = (reason: string, offset: number, line: number): never => {
    throw new FakError('GGUF_BAD_MANIFEST', { file: name, reason, offset, field: `line ${line}` })
  }
  if (bytes.length > MAX_MANIFEST_BYTES) {
    fail(`the manifest has ${bytes.length} bytes, at most ${MAX_MANIFEST_BYTES} are allowed`, 0, 1)
  }
  const bad = invalidUtf8At(bytes)
  if (bad >= 0) fail('the text is not UTF-8', bad, 1 + bytes.subarray(0, bad).filter((byte) => byte === 0x0a).length)
  const entries = new Map<string, GgufManifestEntry>()
  let offset = 0
  for (let line = 1; offset < bytes.length; line++) {
    const start = offset
    const end = bytes.indexOf(0x0a, start)
    offset = end < 0 ? bytes.length : end + 1
    const text = decodeUtf8(bytes.subarray(start, end < 0 ? bytes.length : end)).replace(/\r$/, '')
    if (text.trim() === '' || text.startsWith('#')) continue
    const entry = parseLine(text, line) ?? fail(`${quote(text)} is no hash of a known kind`, start, line)
    const key = JSON.stringify([entry.algorithm, entry.file, entry.of])
    const earlier = entries.get(key)
    if (earlier !== undefined && earlier.hash !== entry.hash) {
      fail(`the hash contradicts the one in line ${earlier.line}`, start, line)
    }
    if (earlier === undefined) entries.set(key, entry)
  }
  if (entries.size === 0) fail('the manifest has no hash', 0, 1)
  return [...entries.values()]
}

function parseLine(text: string, line: number): GgufManifestEntry | undefined {
  // sha256sum: two spaces, or a space and a star for binary mode.
  const [, sum, path] = /^([0-9a-fA-F]{64}) [ *](.+)$/.exec(text) ?? []
  if (sum !== undefined) return { line, algorithm: 'sha256', hash: sum.toLowerCase(), file: path!, of: 'file' }
  const [, algorithm, hash, where] = /^(sha256|sha1|xxh64|uuid) +(\S+) +(\S.*)$/.exec(text) ?? []
  if (algorithm === undefined) return undefined
  const known = algorithm as GgufManifestEntry['algorithm']
  const small = hash!.toLowerCase()
  const fits = known === 'uuid' ? UUID.test(small) : /^[0-9a-f]+$/.test(small) && small.length === hexDigits[known]
  const { file, tensor } = splitName(where!)
  if (!fits || (known === 'uuid' && tensor !== undefined)) return undefined
  return { line, algorithm: known, hash: small, file, of: tensor === undefined ? 'content' : { tensor } }
}

/** FILE:TENSOR or FILE. Both may hold colons, so the end of the file's usual name is looked for first. */
function splitName(where: string): { file: string; tensor?: string } {
  const usual = where.indexOf('.gguf:')
  const colon = usual >= 0 ? usual + '.gguf'.length : where.endsWith('.gguf') ? -1 : where.lastIndexOf(':')
  if (colon <= 0 || colon === where.length - 1) return { file: where }
  return { file: where.slice(0, colon), tensor: where.slice(colon + 1) }
}

/**
 * Hashes as a manifest, in the order of `gguf-hash`: tensors, then content, then whole files.
 *
 * @param name of the file in its lines. Whole files of a split set have names of their own, without their folders.
 */
export function formatGgufManifest({ tensors, content, files }: GgufHashes, name: string): string {
  const lines: string[] = []
  const add = (hashes: object, where: string): void => {
    for (const algorithm of ['xxh64', 'sha1', 'sha256', 'uuid']) {
      const hash = (hashes as Record<string, string | undefined>)[algorithm]
      if (hash !== undefined) lines.push(`${algorithm.padEnd(8)}  ${hash}  ${where}`)
    }
  }
  for (const [tensor, hashes] of tensors) add(hashes, `${name}:${tensor}`)
  add(content, name)
  for (const file of files) {
    const own = files.length > 1 && file.name !== null ? baseName(file.name) : name
    if (file.hashes.sha256 !== undefined) lines.push(`${file.hashes.sha256}  ${own}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** The last part of a path or URL. */
export const baseName = (path: string): string => path.replace(/^.*[/\\]/s, '')
