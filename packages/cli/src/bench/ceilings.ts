// What the machine could do, for the executor that was measured.

import { measureMachine } from '@fak/kernels-native'
import { plural } from '../output.js'
import { measureBandwidth } from './bandwidth.js'

/** Ceilings of the machine with as many threads as the executor uses, found at one moment. */
export interface Ceilings {
  /** Bytes read from memory per second. Bounds decode. */
  readonly bandwidth: number
  /** Multiply-adds per second. Bounds prefill. `null` where it is not known. */
  readonly macRate: number | null
}

/** How ceilings are found. */
export interface CeilingNotes {
  readonly bandwidth: string
  readonly macRate: string
}

/** Long enough for six stretches of reading a gigabyte each; short enough to do between runs. */
const MILLISECONDS = 150

/** Measures for a moment. @throws FakError `ABORTED`, `OUT_OF_MEMORY` */
export async function measureCeilings(
  { isa, threads }: { isa: string | null; threads: number },
  signal: AbortSignal,
): Promise<Ceilings> {
  if (isa === null) return { bandwidth: await measureBandwidth(), macRate: null }
  return measureMachine({ isa, threads, signal, milliseconds: MILLISECONDS })
}

/** What {@link measureCeilings} does, in words. */
export function describeCeilings({ isa, threads }: { isa: string | null; threads: number }): CeilingNotes {
  const when = 'best of what was found beside each run'
  if (isa === null) {
    return {
      bandwidth: `bytes per second that one thread reads from memory; ${when}`,
      macRate: 'not measured: the reference executor has no instructions of its own to measure',
    }
  }
  const together = plural(threads, 'thread')
  return {
    bandwidth: `bytes per second that ${together} read from memory, in one to four streams each; ${when}`,
    macRate: `int8 multiply-adds per second that ${together} do with ${isa}; ${when}`,
  }
}
