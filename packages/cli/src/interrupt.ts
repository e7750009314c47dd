// SIGINT and SIGTERM as one AbortSignal with the exit code that belongs to it.

import { EXIT, Interrupted } from './errors.js'
import type { CliIo } from './io.js'

/**
 * Runs work that SIGINT or SIGTERM, or the end of `until`, aborts. Work that ends after a signal, in whatever way, counts as
 * interrupted.
 *
 * @throws Interrupted with exit code 130 or 143
 */
export async function interruptible<T>(
  io: CliIo,
  until: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  let exitCode: number | null = null
  const stop = (code: number) => () => {
    exitCode ??= code
    controller.abort()
  }
  const release = [io.onSignal('SIGINT', stop(EXIT.interrupted)), io.onSignal('SIGTERM', stop(EXIT.terminated))]
  try {
    const result = await work(AbortSignal.any([controller.signal, until]))
    if (exitCode !== null) throw new Interrupted(exitCode)
    return result
  } catch (error) {
    throw exitCode === null ? error : new Interrupted(exitCode)
  } finally {
    for (const off of release) off()
  }
}
