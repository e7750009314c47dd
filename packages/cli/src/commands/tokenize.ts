// fak tokenize: the ids and pieces of a text.

import { Command } from 'commander'
import type { CommandContext } from '../context.js'
import { interruptible } from '../interrupt.js'
import { addModelOptions, locateModel, MODEL_HELP, type ModelOptions } from '../model/locate.js'
import { openTokenizer } from '../model/open.js'
import { plural, table } from '../output.js'
import { oneOf } from '../values.js'

interface TokenizeOptions extends ModelOptions {
  readonly model: string
  readonly special: 'none' | 'all'
  readonly json?: boolean
}

/** Makes the command. */
export function tokenizeCommand(context: CommandContext): Command {
  const { io, output } = context
  const command = new Command('tokenize')
    .summary('ids and pieces of a text')
    .description('Show how a text is split into tokens.')
    .argument('<text>', 'the text')
    .option('-m, --model <model>', MODEL_HELP, 'demo')
    .option(
      '--special <which>',
      'all: control tokens in the text count as such; none: they are text',
      oneOf(['none', 'all']),
      'none',
    )
    .option('--json', 'print one JSON object')
  return addModelOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (text: string, options: TokenizeOptions) => {
      const located = await interruptible(io, output.closed, (signal) =>
        locateModel(options.model, options, { ...context, signal }),
      )
      const tokenizer = await openTokenizer(located)
      const ids = [...tokenizer.encode(text, { special: options.special })]
      // Half a character is shown as U+FFFD here; the bytes are exact.
      const pieces = ids.map((id) => tokenizer.decode([id], { skipSpecial: false }))
      if (options.json === true) {
        const bytes = ids.map((id) => Buffer.from(tokenizer.tokenBytes(id)).toString('hex'))
        return output.json({ count: ids.length, ids, pieces, bytes })
      }
      for (const line of table(ids.map((id, i) => [id, JSON.stringify(pieces[i])]))) await output.line(line)
      output.note(plural(ids.length, 'token'))
    })
}

const EXAMPLES = `
Examples:
  fak tokenize "Hello, world"
  fak tokenize -m model.gguf "<|im_start|>user" --special all --json`
