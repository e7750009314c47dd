// The native addon: where it is looked for, and its interface as TypeScript sees it (native/binding/ is the other side).

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** A weight file mapped for reading. */
export interface NativeMapping {
  readonly byteLength: number
}

/** The state of one sequence. */
export interface NativeState {
  readonly byteLength: number
  reset(): void
  dispose(): void
}

/** How a step ended: an index into the outcomes of `errors.ts`, and the op where it failed or -1. */
export interface NativeResult {
  readonly outcome: number
  readonly op: number
}

/** A prepared program. */
export interface NativePrepared {
  createState(): NativeState
  run(
    state: NativeState,
    position: number,
    tokens: Uint32Array,
    rows: number,
    pinned: Float32Array[],
    abort: Int32Array | undefined,
  ): Promise<NativeResult>
  dispose(): void
}

/** Where the bytes of a weight are. `copy` takes them over; otherwise `data` stays in use. */
export type NativeWeight =
  | { readonly mapping: NativeMapping; readonly offset: number }
  | { readonly data: Uint8Array; readonly copy: boolean }

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
  /** Op kinds likewise. */
  readonly ops: readonly string[]
}

/** Exports of the addon. */
export interface Addon {
  readonly Mapping: new (path: string) => NativeMapping
  readonly Executor: new (
    threads: number,
    isa: string,
  ) => { prepare(words: Float64Array, weights: (NativeWeight | undefined)[]): NativePrepared }
  describe(): NativeDescription
}

/** The addon that `scripts/build-native.mjs` builds; the same place from `src` and from `dist`. */
const ADDON = new URL('../build/Release/fak_native.node', import.meta.url)

/** The addon, or why it cannot be had. */
export type AddonLoad = { readonly addon: Addon } | { readonly addon?: never; readonly reason: string }

let loaded: AddonLoad | undefined

/** Loads the addon once per process. */
export function loadAddon(): AddonLoad {
  loaded ??= tryLoad()
  return loaded
}

function tryLoad(): AddonLoad {
  try {
    return { addon: createRequire(import.meta.url)(fileURLToPath(ADDON)) as Addon }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'MODULE_NOT_FOUND') return { reason: 'the native kernels have not been built' }
    return { reason: `the native kernels do not load: ${message.split('\n')[0]}` }
  }
}
