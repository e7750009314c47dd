// The outside world as the commands see it. Tests pass streams in memory; the program passes the process's own.

import type { Readable, Writable } from 'node:stream'

/** A stream to write to that may be a terminal. */
export type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }

/** Everything that a command may touch beside files. */
export interface CliIo {
  readonly stdin: Readable & {
    readonly isTTY?: boolean
    readonly fd?: number
    /** Of a terminal: whether keys come as they are pressed. */
    setRawMode?(raw: boolean): unknown
  }
  readonly stdout: Terminal
  readonly stderr: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Calls `listener` at each such signal until the returned function is called. */
  onSignal(signal: 'SIGINT' | 'SIGTERM', listener: () => void): () => void
}

/** The process's own streams, environment and signals. */
export function processIo(): CliIo {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onSignal(signal, listener) {
      process.on(signal, listener)
      return () => void process.off(signal, listener)
    },
  }
}
