// Choices of the native executor: threads and instruction set, from the caller, the environment, or the machine.

import { FakError, quote } from '@fak/tensor'
import type { NativeDescription } from './addon.js'

/** Choices of a `NativeExecutor`. */
export interface NativeOptions {
  /** Threads that work on a step, 1 to 1024. Default: `FAK_THREADS`, else the physical cores that affinity and quota allow; more only wait for each other. */
  threads?: number
  /** Instruction set: `scalar`, `avx2`, `avxvnni`, `avx512`, `neon` or `i8mm`. Default: `FAK_ISA`, else the fastest present. All give the same bits. */
  isa?: string
}

/** Most threads that make sense anywhere. */
const MAX_THREADS = 1024

/** The thread count to use. @throws FakError `NATIVE_BAD_THREADS` */
export function chooseThreads({ threads }: NativeOptions, machine: NativeDescription): number {
  const asked = process.env.FAK_THREADS
  if (threads === undefined && (asked === undefined || asked === '')) return Math.min(machine.cores, MAX_THREADS)
  const [field, given] = threads === undefined ? ['FAK_THREADS', asked!] : ['threads', String(threads)]
  const count = /^[0-9]{1,4}$/.test(given) ? Number(given) : 0
  if (count < 1 || count > MAX_THREADS) {
    const reason = `must be a whole number from 1 to ${MAX_THREADS}, got ${quote(given)}`
    throw new FakError('NATIVE_BAD_THREADS', { reason, field })
  }
  return count
}

/** The instruction set to use. @throws FakError `NATIVE_BAD_ISA` for an unknown one, or one that this machine lacks. */
export function chooseIsa({ isa }: NativeOptions, machine: NativeDescription): string {
  const present = machine.isas.map(({ name }) => name)
  const asked = isa ?? (process.env.FAK_ISA || undefined)
  if (asked === undefined) return present.at(-1)!
  if (present.includes(asked)) return asked
  const known = machine.knownIsas.includes(asked)
  const reason = known
    ? `this machine or build has no ${asked}; it has ${present.join(', ')}`
    : `must be one of ${machine.knownIsas.join(', ')}, got ${quote(asked)}`
  throw new FakError('NATIVE_BAD_ISA', { reason, field: isa === undefined ? 'FAK_ISA' : 'isa' })
}
