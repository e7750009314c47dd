// The command line as a function: arguments and streams in, exit code out. Commands register themselves here.

import { Command } from 'commander'
import { benchCommand } from './commands/bench.js'
import { chatCommand } from './commands/chat.js'
import { compareCommand } from './commands/compare.js'
import { completionCommand } from './commands/completion.js'
import { convertCommand } from './commands/convert.js'
import { editCommand } from './commands/edit.js'
import { evalCommand } from './commands/eval.js'
import { infoCommand } from './commands/info.js'
import { inspectCommand } from './commands/inspect.js'
import { listCommand } from './commands/list.js'
import { pullCommand } from './commands/pull.js'
import { rmCommand } from './commands/rm.js'
import { showCommand } from './commands/show.js'
import { tokenizeCommand } from './commands/tokenize.js'
import { type CommandContext, VERSION } from './context.js'
import { EXIT, explain } from './errors.js'
import type { CliIo } from './io.js'
import { Output } from './output.js'

const COMMANDS = [
  chatCommand,
  pullCommand,
  listCommand,
  showCommand,
  rmCommand,
  evalCommand,
  tokenizeCommand,
  inspectCommand,
  editCommand,
  convertCommand,
  infoCommand,
  benchCommand,
  compareCommand,
  completionCommand,
]

/** Headings of `fak --help`. */
const GROUPS: Readonly<Record<string, string>> = {
  chat: 'Use a model:',
  eval: 'Use a model:',
  tokenize: 'Use a model:',
  inspect: 'Model files:',
  edit: 'Model files:',
  convert: 'Model files:',
  pull: 'Model files:',
  list: 'Model files:',
  show: 'Model files:',
  rm: 'Model files:',
  info: 'This machine:',
  bench: 'This machine:',
  compare: 'This machine:',
  completion: 'This machine:',
}

/**
 * Runs one command to its end. Never throws: a failure is one line on stderr and an exit code.
 *
 * @param argv arguments after the program's name
 * @returns 0 done, 1 failed, 2 wrong usage, 130 or 143 interrupted
 */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const output = new Output(io)
  const program = buildProgram({ io, output })
  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(knownHelp(argv, program), { from: 'user' })
    await output.flush()
    return EXIT.done
  } catch (error) {
    await output.flush()
    const command = program.commands.find((c) => c.name() === argv.find((arg) => !arg.startsWith('-')))
    const { line, exitCode } = explain(error, command === undefined ? 'fak' : `fak ${command.name()}`)
    if (line !== null) output.note(line)
    if (line !== null && argv.includes('--debug')) output.note(String((error as Error).stack))
    return exitCode
  } finally {
    output.release()
  }
}

/** `help` with a name that is no command says so, as the name alone does. */
function knownHelp(argv: readonly string[], program: Command): readonly string[] {
  const [first, name] = argv
  if (first !== 'help' || name === undefined || name.startsWith('-')) return argv
  return name === 'help' || program.commands.some((command) => command.name() === name) ? argv : [name]
}

function buildProgram(context: CommandContext): Command {
  const { io } = context
  const program = new Command('fak')
    .description('Run Qwen3.5-family language models on this machine.')
    .version(VERSION, '-V, --version', 'print the version')
    .usage('<command> [options]')
    .addHelpText('after', EXAMPLES)
  for (const make of COMMANDS) {
    const command = make(context)
    program.addCommand(command.helpGroup(GROUPS[command.name()] ?? 'More:'))
  }
  const help = new Command('help').argument('[command]').description('show help for a command').helpOption(false)
  program.addHelpCommand(help.helpGroup('This machine:'))
  for (const command of [program, ...program.commands]) {
    command
      .helpOption('-h, --help', 'show help')
      .exitOverride()
      .option('--debug', 'show a stack when something fails')
      .configureOutput({
        writeOut: (text) => void io.stdout.write(text),
        // Errors are printed once, by `run`.
        writeErr: () => {},
        outputError: () => {},
        getOutHelpWidth: () => io.stdout.columns ?? 100,
        getOutHasColors: () => context.output.styled(),
      })
      .configureHelp({
        styleTitle: (title) => context.output.style('bold', title),
        styleCommandText: (name) => context.output.style('cyan', name),
        styleOptionTerm: (name) => context.output.style('cyan', name),
        styleSubcommandTerm: (name) => context.output.style('cyan', name),
      })
  }
  return program
}

const EXAMPLES = `
Examples:
  fak chat                                     talk to the demo model
  fak chat -p "What is the capital of France?" answer once, on stdout
  git diff | fak chat -m model.gguf -p "Review this change."
  fak pull 0.8B                                an official size; then: fak chat -m 0.8B
  fak inspect model.gguf                       metadata and tensors
  fak info                                     what this machine offers, and what is missing
  fak chat --help                              options and examples of a command

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`
