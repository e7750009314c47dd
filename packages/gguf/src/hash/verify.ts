// A file beside a manifest: which hashes hold, which do not, and what was not looked at.

import { FakError, label } from '@fak/tensor'
import type { GgufFile } from '../open.js'
import { type GgufReadOptions, Hashing, partsOf, type Target, type Wanted } from './hash.js'
import { baseName, type GgufManifestEntry } from './manifest.js'

/** A hash of the manifest that does not hold. */
export interface GgufMismatch {
  readonly entry: GgufManifestEntry
  /** The hash found; `null` where the file has no such tensor, or the set no such file. */
  readonly found: string | null
}

/** What {@link verifyGguf} found. */
export interface GgufVerification {
  /** Hashes that were compared. */
  readonly checked: number
  /** Those that differ, in the order of the manifest. Empty when the file is what the manifest says. */
  readonly mismatches: readonly GgufMismatch[]
  /** Tensors of the file that no line speaks of, when neither a line for their content nor one for the whole file does. */
  readonly unlisted: readonly string[]
  /** The first mismatch as an error, `GGUF_HASH_MISMATCH`, for callers who want to throw; `null` without one. */
  readonly error: FakError | null
}

/**
 * Compares a file with a manifest; every line that speaks of the file is checked, with one reading. Folders in the manifest's names
 * are ignored, and so are the names when it speaks of one file only: it may have been renamed since.
 *
 * @param manifest from `parseGgufManifest`
 * @throws FakError `GGUF_MANIFEST_OTHER_FILE` when the manifest speaks of several files and this is none of them; the errors of the
 *   source. Mismatches are no exception: they are in the result.
 */
export async function verifyGguf(
  file: GgufFile,
  manifest: readonly GgufManifestEntry[],
  options: GgufReadOptions = {},
): Promise<GgufVerification> {
  const hashing = new Hashing(file, options)
  const checks = relevant(file, manifest).map((entry) => {
    const target = targetOf(file, entry)
    return { entry, wanted: target === undefined ? undefined : hashing.want(target, entry.algorithm) }
  })
  await hashing.run()
  const mismatches = checks
    .filter(({ entry, wanted }) => wanted?.hash !== entry.hash)
    .map(({ entry, wanted }): GgufMismatch => ({ entry, found: wanted?.hash ?? null }))
  const [first] = mismatches
  return {
    checked: checks.length,
    mismatches,
    unlisted: unlistedOf(file, checks),
    error: first === undefined ? null : mismatchError(file, first),
  }
}

function relevant(file: GgufFile, manifest: readonly GgufManifestEntry[]): readonly GgufManifestEntry[] {
  const own = new Set([file, ...file.parts].flatMap(({ name }) => (name === null ? [] : [baseName(name)])))
  const named = manifest.filter((entry) => own.has(baseName(entry.file)))
  const names = new Set(manifest.map((entry) => baseName(entry.file)))
  if (names.size === 1) return manifest
  if (named.length > 0) return named
  const some = [...names].slice(0, 3).map(label).join(', ')
  const reason = `the manifest has hashes of ${names.size} files (${some}, …), and none of this one`
  throw new FakError('GGUF_MANIFEST_OTHER_FILE', { file: file.name, reason, field: 'manifest' })
}

function targetOf(file: GgufFile, { of, file: named }: GgufManifestEntry): Target | undefined {
  const part = partsOf(file).find(({ name }) => name !== null && baseName(name) === baseName(named))
  if (of === 'file') {
    // A file that was renamed is still the only one.
    const whole = part ?? (file.parts.length === 0 ? file : undefined)
    return whole === undefined ? undefined : { file: whole }
  }
  if (of === 'content') return { content: part ?? file }
  const tensor = (part ?? file).tensors.get(of.tensor)
  return tensor === undefined ? undefined : { tensor }
}

function unlistedOf(
  file: GgufFile,
  checks: readonly { entry: GgufManifestEntry; wanted: Wanted | undefined }[],
): readonly string[] {
  const known = checks.filter(({ wanted }) => wanted !== undefined)
  const covered = new Set<GgufFile>()
  const listed = new Set<string>()
  for (const { entry } of known) {
    const target = targetOf(file, entry)!
    if ('tensor' in target) listed.add(target.tensor.name)
    else covered.add('content' in target ? target.content : target.file)
  }
  if (covered.has(file)) return []
  return partsOf(file)
    .filter((part) => !covered.has(part))
    .flatMap((part) => [...part.tensors.keys()].filter((name) => !listed.has(name)))
}

function mismatchError(file: GgufFile, { entry, found }: GgufMismatch): FakError {
  const { of, algorithm, hash, line } = entry
  const tensor = typeof of === 'object' ? file.tensors.get(of.tensor) : undefined
  const what = typeof of === 'object' ? 'the tensor' : of === 'content' ? 'the content of all tensors' : 'the file'
  const seen = found === null ? 'is not there' : `has ${algorithm} ${found}`
  return new FakError('GGUF_HASH_MISMATCH', {
    file: tensor?.source.name ?? file.name,
    reason: `${what} ${seen}, line ${line} of the manifest says ${hash}`,
    offset: tensor?.offset ?? null,
    field: typeof of === 'object' ? label(of.tensor) : of,
  })
}
