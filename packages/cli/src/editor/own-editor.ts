// The user's own editor for a long message: VISUAL or EDITOR on a file of its own.

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { oneLine } from '../errors.js'
import type { CliIo } from '../io.js'

/** Opens the editor and waits until it is closed. @returns the text it leaves, or why there is none */
export async function openOwnEditor(text: string, io: CliIo): Promise<{ text: string } | { reason: string }> {
  const command = io.env.VISUAL || io.env.EDITOR || (process.platform === 'win32' ? 'notepad' : 'vi')
  const folder = await mkdtemp(join(tmpdir(), 'fak-'))
  const file = join(folder, 'message.md')
  try {
    await writeFile(file, text, { mode: 0o600 })
    // The variable may hold arguments, as in `code --wait`; the shell takes them apart, and the file's name is an argument of its own.
    const child =
      process.platform === 'win32'
        ? spawn(`${command} "${file}"`, { stdio: 'inherit', shell: true })
        : spawn('sh', ['-c', `${command} "$1"`, 'sh', file], { stdio: 'inherit' })
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    })
    if (code !== 0)
      return { reason: `the editor ${oneLine(command)} ended with ${code ?? 'a signal'}; the message is as it was` }
    return { text: (await readFile(file, 'utf8')).replace(/\r\n?/g, '\n').replace(/\n$/, '') }
  } catch (error) {
    return { reason: `the editor ${oneLine(command)} cannot be started: ${oneLine((error as Error).message)}` }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
