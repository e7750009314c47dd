// Completion for fish: one line for each option of each command.

import type { CommandShape, OptionShape, ValueKind } from './describe.js'

/** The script. */
export function fishCompletion(commands: readonly CommandShape[]): string {
  const [program, ...others] = commands
  const names = others.map(
    ({ name, description }) => `complete -c fak -n __fish_use_subcommand -f -a ${name} -d ${quote(description)}`,
  )
  const rest = others.flatMap(({ name, options, arguments: taken }) => {
    const when = `-n '__fish_seen_subcommand_from ${name}'`
    const positional = taken.map((value) => `complete -c fak ${when} ${values(value)}`)
    return [...options.map((option) => line(option, when)), ...new Set(positional)]
  })
  return [
    '# Completion of fak for fish; made by: fak completion fish',
    'complete -c fak -e',
    ...names,
    ...program!.options.map((option) => line(option, '-n __fish_use_subcommand')),
    ...rest,
    '',
  ].join('\n')
}

function line({ flags, description, value, optional }: OptionShape, when: string): string {
  const named = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  // An optional value is not waited for.
  const taken = value.kind === 'none' ? '' : ` ${optional ? '' : '-r '}${values(value)}`
  return `complete -c fak ${when} ${named.join(' ')}${taken} -d ${quote(description)}`
}

function values(value: ValueKind): string {
  if (value.kind === 'file') return '-F'
  return value.kind === 'choice' ? `-f -a ${quote(value.names.join(' '))}` : '-f'
}

const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
