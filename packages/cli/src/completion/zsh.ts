// Completion for zsh, over _arguments and _describe.

import type { CommandShape, OptionShape, ValueKind } from './describe.js'

/** The script, for a file called `_fak` in a folder of `fpath`. */
export function zshCompletion(commands: readonly CommandShape[]): string {
  const [program, ...others] = commands
  const described = others.map(
    ({ name, description }) => `    ${quote(`${name}:${description.replaceAll(':', '\\:')}`)}`,
  )
  const cases = others.map((command) => {
    const positional = command.arguments.map((value, i) =>
      quote(`${i === command.arguments.length - 1 ? '*' : i + 1}:value:${action(value)}`),
    )
    const specs = [...command.options.map(spec), ...positional]
    return `    ${command.name}) _arguments -s ${specs.join(' ')} ;;`
  })
  return `#compdef fak
# Completion of fak for zsh; made by: fak completion zsh
_fak() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${described.join('\n')}
  )
  _arguments -C ${program!.options.map(spec).join(' ')} '1: :->command' '*:: :->rest'
  case "$state" in
  command) _describe command commands ;;
  rest) case "$words[1]" in
${cases.join('\n')}
    esac ;;
  esac
}
if [ "$funcstack[1]" = _fak ]; then _fak "$@"; else compdef _fak fak; fi
`
}

function spec({ flags, description, value, optional }: OptionShape): string {
  const text = description.replaceAll('\\', '\\\\').replaceAll('[', '\\[').replaceAll(']', '\\]').replaceAll(':', '\\:')
  const taken = value.kind === 'none' ? '' : `${optional ? '::' : ':'}value:${action(value)}`
  const rest = quote(`[${text}]${taken}`)
  if (flags.length === 1) return `${flags[0]}${rest}`
  return `'(${flags.join(' ')})'{${flags.join(',')}}${rest}`
}

function action(value: ValueKind): string {
  if (value.kind === 'file') return '_files'
  return value.kind === 'choice' ? `(${value.names.join(' ')})` : ' '
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
