// The native addon: where it is looked for, and its interface as TypeScript sees it (native/binding/ is the other side).

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FakError, quote } from '@fak/tensor'
import { findPackaged, platformName } from './packaged.js'

/** A weight file mapped for reading. */
export interface NativeMapping {
  readonly byteLength: number
}

/** The state of one sequence. */
export interface NativeState {
  readonly byteLength: number
  readonly lost: boolean
  fork(position: number): NativeState
  /** Room for the cache rows of so many positions. */
  reserve(position: number): void
  /** Copies an array out to, or in from, exactly as many bytes as it takes at this position, which must be reserved. */
  read(index: number, position: number, bytes: Uint8Array): void
  write(index: number, position: number, bytes: Uint8Array): void
  reset(): void
  dispose(): void
}

/** What one sequence takes of a step. */
export interface NativeRequest {
  readonly state: NativeState
  readonly position: number
  readonly tokens: Uint32Array
  readonly rows: number
  readonly abort: Int32Array | undefined
}

/** How a step ended. */
export interface NativeResult {
  /** Of each sequence in turn: an index into the outcomes of `errors.ts`, and the op where it failed or -1. */
  readonly outcomes: Int32Array
  /** Of a step that was clocked, if a sequence succeeded; `profile.ts` reads it. */
  readonly profile?: Float64Array
}

/** A prepared program. */
export interface NativePrepared {
  readonly stateBytes: number
  createState(): NativeState
  /**
   * One step of several sequences. `pinned`: room for the rows of all of them; those of a sequence that never began (errors.ts, `neverBegan`)
   * are left out, and the rows of the next ones move up.
   */
  run(requests: readonly NativeRequest[], pinned: readonly Float32Array[], profiled: boolean): Promise<NativeResult>
  dispose(): void
}

/** Where the bytes of a weight are. `copy` takes them over; otherwise `data` stays in use. */
export type NativeWeight =
  | { readonly mapping: NativeMapping; readonly offset: number }
  | { readonly data: Uint8Array; readonly copy: boolean }

/** What stands for a value: nothing unless it is a weight, and one place for every matrix of a weight of rank 3. */
export type NativeBinding = NativeWeight | readonly NativeWeight[] | undefined

/** How a measurement ended: 0 done, 1 aborted, 2 out of memory; and what it found, per second. */
export interface NativeMeasurement {
  readonly outcome: number
  readonly bandwidth: number
  readonly macRate: number
}

/** A team of threads with one instruction set. */
export interface NativeTeam {
  prepare(words: Float64Array, weights: NativeBinding[]): NativePrepared
  measure(abort: Int32Array, milliseconds: number): Promise<NativeMeasurement>
}

/** What the addon says of itself and the machine. */
export interface NativeDescription {
  /** Physical cores that affinity and quota leave to this process. */
  readonly cores: number
  /** Instruction sets present, slowest first, with the kernel that serves `linear` for each stored type. */
  readonly isas: readonly { readonly name: string; readonly linear: Readonly<Record<string, string>> }[]
  /** Every instruction set that some machine may have. */
  readonly knownIsas: readonly string[]
  /** Stored types by the number that stands for them in an encoded program. */
  readonly dtypes: readonly string[]
  /** Those of them that no kernel works on directly. */
  readonly dequantized: readonly string[]
  /** Op kinds likewise. */
  readonly ops: readonly string[]
}

/** Exports of the addon. */
export interface Addon {
  readonly Mapping: new (path: string) => NativeMapping
  readonly Executor: new (threads: number, isa: string) => NativeTeam
  describe(): NativeDescription
}

/** The folder of this package; the same from `src` and from `dist`. */
const ROOT = new URL('../', import.meta.url)
/** What `scripts/build-native.mjs` builds in a clone. */
const BUILT = fileURLToPath(new URL('build/Release/fak_native.node', ROOT))
const BUILDER = fileURLToPath(new URL('scripts/build-native.mjs', ROOT))
const BUILD = `install a C++17 compiler and CMake 3.18 or newer, then run: node "${BUILDER}"`

/** The addon; or why it cannot be had and what to do about it, each one line. */
export type AddonLoad =
  | { readonly addon: Addon }
  | {
      readonly addon?: never
      readonly reason: string
      readonly fix: string
      /** Whether there is an addon, but one that does not load. */
      readonly broken: boolean
    }

let loaded: AddonLoad | undefined

/** Loads the addon once per process. */
export function loadAddon(): AddonLoad {
  loaded ??= tryLoad()
  return loaded
}

/** The addon. @throws FakError `NATIVE_UNAVAILABLE` with the reason and the fix */
export function requireAddon(): Addon {
  const load = loadAddon()
  if (load.addon !== undefined) return load.addon
  throw new FakError('NATIVE_UNAVAILABLE', { reason: `${load.reason}; to fix it, ${load.fix}` })
}

function tryLoad(): AddonLoad {
  const given = process.env.FAK_NATIVE_ADDON
  if (given !== undefined && given !== '') {
    const fix = 'unset FAK_NATIVE_ADDON or let it name an addon of this version'
    if (existsSync(given)) return load(resolve(given), fix)
    return { reason: `there is no addon at FAK_NATIVE_ADDON (${quote(given)})`, fix, broken: true }
  }
  // A clone has the script, an installed package does not; what a developer has built comes first.
  if (existsSync(BUILT)) return load(BUILT, BUILD)
  if (existsSync(BUILDER)) return { reason: 'the native kernels have not been built', fix: BUILD, broken: false }
  const packaged = findPackaged({
    from: import.meta.url,
    platform: platformName(),
    version: readJson('package.json').version as string,
    hashes: readJson('addons.json') as Record<string, string>,
  })
  return packaged.path === undefined ? packaged : load(packaged.path, 'install the package again')
}

function load(path: string, fix: string): AddonLoad {
  try {
    return { addon: createRequire(import.meta.url)(path) as Addon }
  } catch (cause) {
    const { message } = cause as Error
    return { reason: `the native kernels do not load: ${message.split('\n')[0]}`, fix, broken: true }
  }
}

/** A file of this package; `{}` where it is not there, which lacks every hash. */
function readJson(name: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(new URL(name, ROOT), 'utf8'))
  } catch {
    return {}
  }
}
