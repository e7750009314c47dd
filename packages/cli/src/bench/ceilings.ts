// What the machine could do, for the executor that was measured.

import { measureMachine } from '@fak/kernels-native'
import { measureBandwidth } from './bandwidth.js'

/** Ceilings of the machine with as many threads as the executor uses, and how they were found. */
export interface Ceilings {
  /** Bytes read from memory per second. Bounds decode. */
  readonly bandwidth: number
  /** Multiply-adds per second. Bounds prefill. `null` where it is not known. */
  readonly macRate: number | null
  readonly notes: { readonly bandwidth: string; readonly macRate: string }
}

/** Measures for about a second. @throws FakError `ABORTED`, `OUT_OF_MEMORY` */
export async function measureCeilings(
  { isa, threads }: { isa: string | null; threads: number },
  signal: AbortSignal,
): Promise<Ceilings> {
  if (isa === null) {
    return {
      bandwidth: await measureBandwidth(),
      macRate: null,
      notes: {
        bandwidth: 'bytes per second that one thread reads from memory, best of 5 passes',
        macRate: 'not measured: the reference executor has no instructions of its own to measure',
      },
    }
  }
  const found = await measureMachine({ isa, threads, signal })
  const together = `${threads} thread${threads === 1 ? '' : 's'}`
  return {
    ...found,
    notes: {
      bandwidth: `bytes per second that ${together} read from memory, four streams each, best of 5 stretches`,
      macRate: `int8 multiply-adds per second that ${together} do with ${isa}, best of 5 stretches`,
    },
  }
}
