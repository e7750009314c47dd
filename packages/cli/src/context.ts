// What every command gets, and the version that the program states.

import { createRequire } from 'node:module'
import type { CliIo } from './io.js'
import type { Output } from './output.js'

/** The version of this package. */
export const VERSION: string = createRequire(import.meta.url)('../package.json').version

/** What a command works with beside its own options. */
export interface CommandContext {
  readonly io: CliIo
  readonly output: Output
}
