// What this machine can do at most, measured: the ceilings that speeds are judged against.

import { FakError } from '@fak/tensor'
import { requireAddon } from './addon.js'
import { chooseIsa, chooseThreads, type NativeOptions } from './options.js'

/** Choices of {@link measureMachine}. */
export interface MeasureOptions extends NativeOptions {
  /** Ends the measurement within a fraction of a millisecond once it has begun. */
  signal?: AbortSignal
  /** Milliseconds for each of the two rates, 10 to 10,000. Default 500. */
  milliseconds?: number
}

const DEFAULT_MILLISECONDS = 500

/** Ceilings of a machine with some threads and an instruction set. */
export interface MachineRates {
  /**
   * Bytes that all threads together read from memory per second, over several times the last-level cache: the best of one, two and four
   * linear streams each, by the widest loads of the machine and with large pages where the system gives them.
   */
  readonly bandwidth: number
  /** int8 multiply-adds that all threads together do per second with the instructions of the linear kernels, from registers or L1. */
  readonly macRate: number
}

/**
 * Measures on threads beside the event loop, the best of six stretches each. Takes 256 MiB of memory, or four times the last-level cache
 * up to 1 GiB, for as long as it runs. Other work lowers what it finds, that of neighbours on the same processor included, which can halve
 * the bandwidth of a rented machine from one second to the next: compare a speed with what is found right before and after it.
 *
 * @throws FakError `NATIVE_UNAVAILABLE` without the addon, `NATIVE_BAD_THREADS`, `NATIVE_BAD_ISA`, `NATIVE_BAD_OPTION`, `ABORTED`,
 * `OUT_OF_MEMORY`
 */
export async function measureMachine(options: MeasureOptions = {}): Promise<MachineRates> {
  const addon = requireAddon()
  const machine = addon.describe()
  const team = new addon.Executor(chooseThreads(options, machine), chooseIsa(options, machine))
  const { signal, milliseconds = DEFAULT_MILLISECONDS } = options
  if (!(milliseconds >= 10 && milliseconds <= 10_000)) {
    throw new FakError('NATIVE_BAD_OPTION', {
      reason: `must be from 10 to 10000, got ${milliseconds}`,
      field: 'milliseconds',
    })
  }
  const flag = new Int32Array([signal?.aborted ? 1 : 0])
  const abort = () => Atomics.store(flag, 0, 1)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    const { outcome, bandwidth, macRate } = await team.measure(flag, Math.round(milliseconds))
    if (outcome === 1) throw new FakError('ABORTED', { reason: 'the caller aborted', cause: signal?.reason })
    if (outcome === 2) throw new FakError('OUT_OF_MEMORY', { reason: 'no memory is left to measure with' })
    return { bandwidth, macRate }
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
