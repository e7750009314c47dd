// Hands this process over to the built command line, so that signals, the terminal and the exit code are the command's own.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureReady, root } from './setup.mjs'

export async function runCli(args) {
  ensureReady()
  const main = join(root, 'packages', 'cli', 'dist', 'main.js')
  process.argv = [process.argv[0], main, ...args]
  await import(pathToFileURL(main).href)
}
