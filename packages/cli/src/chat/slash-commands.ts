// The commands of an interactive chat.

import { printable } from '../errors.js'
import { type Output, table } from '../output.js'
import type { Conversation } from './conversation.js'

/** What a slash command may touch. */
export interface SlashContext {
  readonly output: Output
  readonly conversation: Conversation
}

interface SlashCommand {
  readonly help: string
  run(context: SlashContext): Promise<'exit' | undefined>
}

const COMMANDS: Readonly<Record<string, SlashCommand>> = {
  '/help': {
    help: 'this list',
    async run({ output }) {
      const rows = Object.entries(COMMANDS).map(([name, { help }]) => [name, help])
      for (const line of table(rows)) await output.line(line)
      await output.line()
      await output.line('A line that ends in \\ goes on in the next one. The arrow keys bring back earlier lines.')
      await output.line('Ctrl-C stops an answer; at the prompt it leaves, as Ctrl-D does.')
      return undefined
    },
  },
  '/clear': {
    help: 'forget the conversation',
    async run({ output, conversation }) {
      await conversation.clear()
      await output.line('The conversation is forgotten.')
      return undefined
    },
  },
  '/exit': { help: 'leave', run: async () => 'exit' },
}

/** Runs a slash command; anything else that starts with a slash is named as unknown. */
export async function runSlashCommand(text: string, context: SlashContext): Promise<'exit' | undefined> {
  const name = text.split(/\s/, 1)[0]!
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command !== undefined) return command.run(context)
  await context.output.line(`There is no command ${printable(name.slice(0, 40))}; /help lists them.`)
  return undefined
}
