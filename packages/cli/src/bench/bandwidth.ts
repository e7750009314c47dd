// How fast JavaScript reads memory where there is no native executor: a search of a large buffer for a byte that is not there. The search
// is the C library's vectorized memchr, which does nothing but read, so its rate is the memory's.

import { setImmediate } from 'node:timers/promises'

/** Far more than caches hold, so that every pass comes from memory. */
const BUFFER_BYTES = 256 * 2 ** 20
const PASSES = 5

/** Bytes per second that this thread reads: the best of several passes. */
export async function measureBandwidth(): Promise<number> {
  // Written first: untouched pages would all be one page of zeros.
  const buffer = Buffer.alloc(BUFFER_BYTES, 1)
  let best = 0
  for (let pass = 0; pass < PASSES; pass++) {
    await setImmediate()
    const start = performance.now()
    buffer.indexOf(2)
    best = Math.max(best, (BUFFER_BYTES * 1000) / (performance.now() - start))
  }
  return best
}
