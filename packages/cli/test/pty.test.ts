// The built program on a pseudo terminal of the system, which the other tests only imitate: raw mode, signals and sizes are the real ones.

import { createRequire } from 'node:module'
import type { spawn } from '@lydell/node-pty'
import { expect, it } from 'vitest'
import { MAIN } from './built.js'
import { emulator } from './screen.js'

const pty: { spawn: typeof spawn } = createRequire(import.meta.url)('@lydell/node-pty')
const PATIENCE_MS = 30_000

function onPty(argv: readonly string[]) {
  const screen = emulator()
  const { HOME: _, ...env } = process.env
  const child = pty.spawn(process.execPath, [MAIN, ...argv], { cols: 80, rows: 24, env: { ...env, TERM: 'xterm' } })
  let wake = () => {}
  child.onData((text) => void screen.write(text).then(() => wake()))
  const exit = new Promise<number>((resolve) => child.onExit(({ exitCode }) => resolve(exitCode)))
  const until = async (what: RegExp) => {
    const late = Date.now() + PATIENCE_MS
    while (!what.test(screen.text())) {
      if (Date.now() > late) throw new Error(`the screen shows\n${screen.text()}`)
      await new Promise<void>((resume) => {
        wake = resume
        setTimeout(resume, 100)
      })
    }
  }
  return { child, exit, until, screen }
}

it('talks, stops, is resized and leaves on a real terminal', async () => {
  const { child, exit, until, screen } = onPty(['chat', '--no-history'])
  await until(/> Send a message/)
  child.write('\u001b[200~What is the capital\nof France?\u001b[201~')
  await until(/> What is the capital\n\. of France\?$/)
  screen.resize(40, 24)
  child.resize(40, 24)
  child.write('\r')
  await until(/7 tokens|tok\/s[\s\S]*> Send/)
  child.write('\u0003')
  expect(await exit).toBe(130)
})

it('gives the terminal back when it is terminated from outside', async () => {
  const { child, exit, until } = onPty(['chat', '--no-history'])
  await until(/> Send a message/)
  child.kill('SIGTERM')
  expect(await exit).toBe(143)
})

it('shows one answer as Markdown on a terminal', async () => {
  const { exit, screen } = onPty(['chat', '-p', 'What is the capital of France?'])
  expect(await exit).toBe(0)
  expect(screen.text()).toMatch(/^Paris is the capital of France\.\nmodel +demo/)
})
