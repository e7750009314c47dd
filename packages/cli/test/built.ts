// The built program as a process of its own. `npm test` builds before it runs the tests; by hand, run `npm run fak -- info` first.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The program. */
export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** Starts `fak …argv` as a process of its own. */
export function start(
  argv: readonly string[],
  env: Record<string, string> = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  if (!existsSync(MAIN)) throw new Error('the command line is not built: run `npm run fak -- info` at the root')
  return spawn(process.execPath, [MAIN, ...argv], {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
}

/** Runs to the end; `onOutput` sees stdout as it comes. */
export function finish(child: ChildProcess, onOutput: (text: string) => void = () => {}) {
  return new Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>((resolve) => {
    const text = { stdout: '', stderr: '' }
    child.stdout!.on('data', (chunk) => {
      text.stdout += chunk
      onOutput(text.stdout)
    })
    child.stderr!.on('data', (chunk) => {
      text.stderr += chunk
    })
    child.on('close', (code, signal) => resolve({ code, signal, ...text }))
  })
}
