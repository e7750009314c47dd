// Hashes of what a file stores. All that are wanted are made while the bytes pass by once, in the order in which they lie.

import { FakError, label, readInPieces } from '@fak/tensor'
import type { GgufFile, GgufTensor } from '../open.js'
import type { Digest } from './blocks.js'
import { type GgufHashAlgorithm, hexDigits, type MakeDigest, portableDigest, uuidDigest } from './digest.js'

/** Hashes by algorithm, as small hexadecimal digits. */
export type GgufHashValues = Partial<Record<GgufHashAlgorithm, string>>

/** Hashes of a file, or of a split set. */
export interface GgufHashes {
  /** Of the stored bytes of each tensor, in file order. */
  readonly tensors: ReadonlyMap<string, GgufHashValues>
  /**
   * Of the stored bytes of all tensors, one after the other without padding: what llama.cpp's `gguf-hash` calls the hash of the
   * model. Another metadata, alignment or split does not change it. `uuid` is the id it derives from the same bytes.
   */
  readonly content: GgufHashValues & { readonly uuid?: string }
  /** Of each whole file, every byte of it, as `sha256sum` has it; one for a file that is not split. */
  readonly files: readonly { readonly name: string | null; readonly size: number; readonly hashes: GgufHashValues }[]
}

/** Options of everything that reads a file to hash it. */
export interface GgufReadOptions {
  /** Ends reading; its reason is thrown. */
  signal?: AbortSignal
  /** Hears of progress: bytes done of bytes in all. */
  onProgress?: (done: number, total: number) => void
  /** Makes the digests instead of this package's own. The `/node` entry point gives Node's, which are several times faster. */
  makeDigest?: MakeDigest
}

/** Options of {@link hashGguf}. */
export interface GgufHashOptions extends GgufReadOptions {
  /** `['sha256']` by default. */
  algorithms?: readonly GgufHashAlgorithm[]
  /** Which of the three kinds to make; all by default. */
  of?: readonly ('tensors' | 'content' | 'files')[]
  /** Whether `content` gets a `uuid`; not by default. */
  uuid?: boolean
}

/**
 * Hashes tensors, their content as a whole, and whole files, reading everything once.
 *
 * @throws FakError `PARAM_OUT_OF_RANGE` for an algorithm that is not known; the errors of the source, e.g. `FILE_CHANGED`. An
 *   aborted signal throws its own reason.
 */
export async function hashGguf(file: GgufFile, options: GgufHashOptions = {}): Promise<GgufHashes> {
  const { algorithms = ['sha256'], of = ['tensors', 'content', 'files'], uuid = false } = options
  for (const algorithm of algorithms) {
    if (Object.hasOwn(hexDigits, algorithm)) continue
    const reason = `${label(String(algorithm))} is not one of ${Object.keys(hexDigits).join(', ')}`
    throw new FakError('PARAM_OUT_OF_RANGE', { reason, field: 'algorithms' })
  }
  const hashing = new Hashing(file, options)
  const all = (target: Target) => algorithms.map((algorithm) => [algorithm, hashing.want(target, algorithm)] as const)
  const tensors = of.includes('tensors')
    ? [...file.tensors.values()].map((tensor) => [tensor.name, all({ tensor })] as const)
    : []
  const content = of.includes('content') ? all({ content: file }) : []
  const id = uuid && of.includes('content') ? hashing.want({ content: file }, 'uuid') : undefined
  const files = of.includes('files') ? partsOf(file).map((part) => ({ part, made: all({ file: part }) })) : []
  await hashing.run()
  const values = (made: readonly (readonly [GgufHashAlgorithm, Wanted])[]): GgufHashValues =>
    Object.fromEntries(made.map(([algorithm, wanted]) => [algorithm, wanted.hash]))
  return {
    tensors: new Map(tensors.map(([name, made]) => [name, values(made)])),
    content: { ...values(content), ...(id && { uuid: id.hash }) },
    files: files.map(({ part, made }) => ({ name: part.name, size: part.size, hashes: values(made) })),
  }
}

/** The files of a set, or the one file. */
export const partsOf = (file: GgufFile): readonly GgufFile[] => (file.parts.length > 0 ? file.parts : [file])

/** What a digest covers: one tensor, the tensors of a file or set, or every byte of a file. */
export type Target = { readonly tensor: GgufTensor } | { readonly content: GgufFile } | { readonly file: GgufFile }

/** A hash that was asked for; it is there after the run. */
export interface Wanted {
  readonly hash: string
}

/** A range of a file that is read in one go: a tensor's data, or what lies between. */
interface Range {
  readonly offset: number
  readonly length: number
  readonly tensor: GgufTensor | null
}

/** One reading of some ranges, with the digests that each of them goes to. */
interface Pass {
  readonly part: GgufFile
  readonly ranges: readonly Range[]
  readonly digestsOf: (tensor: GgufTensor | null) => readonly Digest[]
}

/** One pass over a file that makes any number of hashes. */
export class Hashing {
  readonly #file: GgufFile
  readonly #options: GgufReadOptions
  readonly #digests = new Map<GgufTensor | GgufFile, Digest[]>()
  readonly #whole = new Map<GgufFile, Digest[]>()

  constructor(file: GgufFile, options: GgufReadOptions) {
    this.#file = file
    this.#options = options
  }

  /** Asks for a hash. */
  want(target: Target, algorithm: GgufHashAlgorithm | 'uuid'): Wanted {
    const { makeDigest = portableDigest } = this.#options
    const digest = algorithm === 'uuid' ? uuidDigest(makeDigest) : makeDigest(algorithm)
    if ('file' in target) add(this.#whole, target.file, digest)
    else add(this.#digests, 'tensor' in target ? target.tensor : target.content, digest)
    let hash: string | undefined
    return {
      get hash() {
        hash ??= digest.hex()
        return hash
      },
    }
  }

  /** Reads what is needed and feeds it to the digests. */
  async run(): Promise<void> {
    const { signal, onProgress } = this.#options
    signal?.throwIfAborted()
    const passes = this.#passes()
    const total = passes.reduce((sum, { ranges }) => sum + ranges.reduce((bytes, { length }) => bytes + length, 0), 0)
    let done = 0
    for (const { part, ranges, digestsOf } of passes) {
      for (const { offset, length, tensor } of ranges) {
        const digests = digestsOf(tensor)
        for await (const piece of readInPieces(part.source, offset, length, signal === undefined ? {} : { signal })) {
          for (const digest of digests) digest.update(piece)
          done += piece.length
          onProgress?.(done, total)
        }
      }
    }
  }

  #passes(): Pass[] {
    const passes: Pass[] = []
    for (const part of partsOf(this.#file)) {
      const whole = this.#whole.get(part) ?? []
      const described = [...part.tensors.values()]
      const placed = described.toSorted((a, b) => a.offset - b.offset)
      // A set of one file is the file itself: its content is asked for once, and fed once.
      const content = [...new Set([part, this.#file])].flatMap((of) => this.#digests.get(of) ?? [])
      // Content is hashed in the order of the descriptions. Files whose data lies in another are rare, and read twice.
      const inOrder = described.filter(holdsData).every((tensor, i) => placed.filter(holdsData)[i] === tensor)
      const own = (tensor: GgufTensor): Digest[] => this.#digests.get(tensor) ?? []
      passes.push({
        part,
        ranges: rangesOf(part, placed, whole.length > 0).filter(
          ({ tensor }) => whole.length > 0 || (inOrder && content.length > 0) || (tensor && own(tensor).length > 0),
        ),
        digestsOf: (tensor) => (tensor === null ? whole : [...whole, ...own(tensor), ...(inOrder ? content : [])]),
      })
      if (inOrder || content.length === 0) continue
      passes.push({ part, ranges: described.map(rangeOf), digestsOf: () => content })
    }
    return passes
  }
}

const holdsData = ({ byteLength }: GgufTensor): boolean => byteLength > 0
const rangeOf = (tensor: GgufTensor): Range => ({ offset: tensor.offset, length: tensor.byteLength, tensor })

function rangesOf(part: GgufFile, placed: readonly GgufTensor[], between: boolean): Range[] {
  if (!between) return placed.map(rangeOf)
  const ranges: Range[] = []
  let at = 0
  const skipTo = (offset: number): void => {
    if (offset > at) ranges.push({ offset: at, length: offset - at, tensor: null })
  }
  for (const tensor of placed.filter(holdsData)) {
    skipTo(tensor.offset)
    ranges.push(rangeOf(tensor))
    at = tensor.offset + tensor.byteLength
  }
  skipTo(part.size)
  return ranges
}

function add<K>(map: Map<K, Digest[]>, key: K, digest: Digest): void {
  const there = map.get(key)
  if (there === undefined) map.set(key, [digest])
  else there.push(digest)
}
