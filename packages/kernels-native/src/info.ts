// What `fak info` prints about the native executor.

import { loadAddon } from './addon.js'
import { chooseIsa, chooseThreads, type NativeOptions } from './options.js'

/** What the native executor offers on this machine. */
export interface NativeInfo {
  /** Instruction sets present, slowest first. */
  readonly isas: readonly string[]
  /** Every one that some machine may have, in the same order. */
  readonly knownIsas: readonly string[]
  /** Physical cores that affinity and quota leave to this process. */
  readonly cores: number
  /** The one that would be used. */
  readonly isa: string
  /** Threads that would be used. */
  readonly threads: number
  /** Op kinds with a native kernel. */
  readonly ops: readonly string[]
  /** For each stored weight type, the kernel that would serve `linear`. */
  readonly linear: Readonly<Record<string, string>>
  /** Those types that no kernel works on directly: their rows are expanded to float32 block by block at each use, which is slow. */
  readonly dequantized: readonly string[]
}

/**
 * What would run here with these options; undefined without the addon.
 *
 * @throws FakError `NATIVE_BAD_THREADS`, `NATIVE_BAD_ISA`
 */
export function nativeInfo(options: NativeOptions = {}): NativeInfo | undefined {
  const { addon } = loadAddon()
  if (addon === undefined) return undefined
  const machine = addon.describe()
  const isa = chooseIsa(options, machine)
  return {
    isas: machine.isas.map(({ name }) => name),
    knownIsas: machine.knownIsas,
    cores: machine.cores,
    isa,
    threads: chooseThreads(options, machine),
    ops: machine.ops,
    linear: machine.isas.find(({ name }) => name === isa)!.linear,
    dequantized: machine.dequantized,
  }
}
