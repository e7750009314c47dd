// What this machine can do at most, measured: the ceilings that speeds are judged against.

import { FakError } from '@fak/tensor'
import { requireAddon } from './addon.js'
import { chooseIsa, chooseThreads, type NativeOptions } from './options.js'

/** Choices of {@link measureMachine}. */
export interface MeasureOptions extends NativeOptions {
  /** Ends the measurement within a fraction of a millisecond once it has begun. */
  signal?: AbortSignal
}

/** Ceilings of a machine with some threads and an instruction set. */
export interface MachineRates {
  /** Bytes that all threads together read from memory per second: four linear streams each, over several times the last-level cache. */
  readonly bandwidth: number
  /** int8 multiply-adds that all threads together do per second with the instructions of the linear kernels, from registers or L1. */
  readonly macRate: number
}

/**
 * Measures for about half a second each, on threads beside the event loop, the best of five stretches. Takes 256 MiB of memory, or
 * four times the last-level cache up to 1 GiB, for as long as it runs. Other work on the machine lowers what it finds.
 *
 * @throws FakError `NATIVE_UNAVAILABLE` without the addon, `NATIVE_BAD_THREADS`, `NATIVE_BAD_ISA`, `ABORTED`, `OUT_OF_MEMORY`
 */
export async function measureMachine(options: MeasureOptions = {}): Promise<MachineRates> {
  const addon = requireAddon()
  const machine = addon.describe()
  const team = new addon.Executor(chooseThreads(options, machine), chooseIsa(options, machine))
  const { signal } = options
  const flag = new Int32Array([signal?.aborted ? 1 : 0])
  const abort = () => Atomics.store(flag, 0, 1)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    const { outcome, bandwidth, macRate } = await team.measure(flag)
    if (outcome === 1) throw new FakError('ABORTED', { reason: 'the caller aborted', cause: signal?.reason })
    if (outcome === 2) throw new FakError('OUT_OF_MEMORY', { reason: 'no memory is left to measure with' })
    return { bandwidth, macRate }
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
