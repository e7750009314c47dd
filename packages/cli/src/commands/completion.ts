// fak completion: a script that makes a shell complete commands, options, choices and files.

import { Argument, Command } from 'commander'
import { bashCompletion } from '../completion/bash.js'
import { describeCommands } from '../completion/describe.js'
import { fishCompletion } from '../completion/fish.js'
import { zshCompletion } from '../completion/zsh.js'
import type { CommandContext } from '../context.js'

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }

/** Makes the command. */
export function completionCommand({ output }: CommandContext): Command {
  return new Command('completion')
    .summary('a completion script for your shell')
    .description('Print a script that makes a shell complete commands, options, their values, and files.')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .addHelpText('after', EXAMPLES)
    .action(async (shell: keyof typeof SHELLS, _options: unknown, command: Command) => {
      await output.write(SHELLS[shell](describeCommands(command.parent!)))
    })
}

const EXAMPLES = `
Examples:
  source <(fak completion bash)                                  # now; in ~/.bashrc for always
  fak completion zsh > "\${fpath[1]}/_fak"                        # then start a new shell
  fak completion fish > ~/.config/fish/completions/fak.fish`
