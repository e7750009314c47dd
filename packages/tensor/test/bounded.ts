// What refusing an input may cost, for the tests of every reader: they share this file, it is part of no package.

import { expect } from 'vitest'

/** Most processor time in milliseconds, and most memory above what was there before, in bytes. */
const MAX_TIME = 1000
const MAX_MEMORY = 64 * 2 ** 20

/** Runs `act` and fails when it took more than a second or 64 MiB. */
export function bounded<T>(act: () => T): T {
  // Processor time, because a busy machine says nothing about the code. External memory holds every typed array.
  const time = (): number => process.cpuUsage().user / 1000
  const memory = (): number => process.memoryUsage().heapUsed + process.memoryUsage().external
  const before = { time: time(), memory: memory() }
  try {
    return act()
  } finally {
    expect(time() - before.time).toBeLessThan(MAX_TIME)
    expect(memory() - before.memory).toBeLessThan(MAX_MEMORY)
  }
}
