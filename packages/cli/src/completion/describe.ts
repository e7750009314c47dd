// The commands as completion scripts need them: read off the parser itself, so that no list can fall behind.

import type { Argument, Command, Option } from 'commander'

/** What may stand for a value. */
export type ValueKind =
  | { readonly kind: 'none' }
  | { readonly kind: 'free' }
  | { readonly kind: 'file' }
  | { readonly kind: 'choice'; readonly names: readonly string[] }

/** An option. */
export interface OptionShape {
  /** e.g. `['-m', '--model']`. */
  readonly flags: readonly string[]
  readonly description: string
  readonly value: ValueKind
  /** Whether the value may be left away. */
  readonly optional: boolean
}

/** A command; the program itself has the name `''`. */
export interface CommandShape {
  readonly name: string
  readonly description: string
  readonly options: readonly OptionShape[]
  /** Of its arguments in order; the last may be repeated where the command takes several. */
  readonly arguments: readonly ValueKind[]
}

/** Names of placeholders, as help shows them, that stand for files. */
const FILES = new Set([
  'file',
  'files',
  'source',
  'model',
  'manifest',
  'path',
  'directory',
  'folder',
  'input',
  'output',
  'out',
])
const HELP: OptionShape = {
  flags: ['-h', '--help'],
  description: 'show help',
  value: { kind: 'none' },
  optional: false,
}

/** Describes a program: itself first, then its commands. */
export function describeCommands(program: Command): readonly CommandShape[] {
  const names = program.commands.map((command) => command.name())
  const help: CommandShape = {
    name: 'help',
    description: 'show help for a command',
    options: [],
    arguments: [{ kind: 'choice', names }],
  }
  const own: CommandShape = {
    name: '',
    description: '',
    options: [...program.options.map(option), HELP],
    arguments: [{ kind: 'choice', names: [...names, 'help'] }],
  }
  const commands = program.commands.map((command) => ({
    name: command.name(),
    description: command.summary() || command.description(),
    options: [...command.options.map(option), HELP],
    arguments: command.registeredArguments.map((argument) => valueKind(argument.name(), argument)),
  }))
  return [own, ...commands, help]
}

function option(given: Option): OptionShape {
  const placeholder = /[<[]([^>\].,=]+)/.exec(given.flags)?.[1]
  return {
    flags: [given.short, given.long].filter((flag) => flag !== undefined),
    description: given.description,
    value: placeholder === undefined ? { kind: 'none' } : valueKind(placeholder, given),
    optional: given.optional,
  }
}

function valueKind(placeholder: string, { argChoices, parseArg }: Option | Argument): ValueKind {
  const names = argChoices ?? (parseArg as { names?: readonly string[] } | undefined)?.names
  if (names !== undefined) return { kind: 'choice', names }
  return { kind: FILES.has(placeholder) ? 'file' : 'free' }
}
