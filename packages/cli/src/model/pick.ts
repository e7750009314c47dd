// Which model to chat with, asked of a person who has named none and has a choice.

import { isCancel, select } from '@clack/prompts'
import { demoModelName } from '@fak/demo-model'
import type { CommandContext } from '../context.js'
import { EXIT, Interrupted, oneLine, printable } from '../errors.js'
import { bytes } from '../output.js'
import { type ModelOptions, openStore } from './locate.js'

/**
 * Lets a person at a terminal choose among the stored models and the demo model.
 *
 * @returns the chosen name; `undefined` where nothing is stored, or the terminal cannot show a choice
 * @throws Interrupted at Ctrl-C; what `ModelStore.list` throws
 */
export async function pickModel(options: ModelOptions, context: CommandContext): Promise<string | undefined> {
  const { io, output } = context
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true || io.env.TERM === 'dumb') return undefined
  const stored = await openStore(context, options).list()
  if (stored.length === 0) return undefined
  const choices = stored.map(({ name, bytes: size, problem }) => ({
    value: name,
    label: printable(name),
    hint: problem === null ? bytes(size) : oneLine(problem),
    disabled: problem !== null,
  }))
  const chosen = await select({
    message: 'Which model? (-m NAME chooses without asking)',
    options: [...choices, { value: demoModelName, label: demoModelName, hint: 'the small model that comes along' }],
    input: io.stdin,
    output: io.stderr,
    signal: output.closed,
  })
  if (isCancel(chosen)) throw new Interrupted(EXIT.interrupted)
  return chosen
}
