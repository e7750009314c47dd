// Completion for bash, from version 3.2 on, which is what macOS has.

import type { CommandShape, ValueKind } from './describe.js'

/** The script. */
export function bashCompletion(commands: readonly CommandShape[]): string {
  const names = commands.flatMap(({ name }) => (name === '' ? [] : [name]))
  const values = commands.flatMap(({ name, options }) =>
    options.flatMap(({ flags, value }) =>
      value.kind === 'none'
        ? []
        : [`    ${flags.map((flag) => `${name}:${flag}`).join('|')}) ${complete(value)}; return ;;`],
    ),
  )
  const options = commands.map(
    ({ name, options }) => `      '${name}') _fak_words ${quoted(options.flatMap(({ flags }) => flags))} ;;`,
  )
  const positional = commands.flatMap(({ name, arguments: taken }) =>
    taken.map((value, i) => `    ${name}:${i === taken.length - 1 ? '*' : i}) ${complete(value)} ;;`),
  )
  return `# Completion of fak for bash; made by: fak completion bash
_fak_words() {
  local word
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$*" -- "$cur")
}
_fak_files() {
  local file
  type compopt >/dev/null 2>&1 && compopt -o filenames
  while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$cur")
}
_fak() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command='' i taken=0
  COMPREPLY=()
  # --option=value comes in three words.
  if [ "$cur" = '=' ]; then cur=''; elif [ "$prev" = '=' ]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      -*) ;;
      ${names.join('|')}) if [ -z "$command" ]; then command="\${COMP_WORDS[i]}"; else taken=$((taken + 1)); fi ;;
      *) taken=$((taken + 1)) ;;
    esac
  done
  case "$command:$prev" in
${values.join('\n')}
  esac
  case "$cur" in
    -*) case "$command" in
${options.join('\n')}
    esac; return ;;
  esac
  case "$command:$taken" in
${positional.join('\n')}
  esac
}
complete -F _fak fak
`
}

function complete(value: ValueKind): string {
  if (value.kind === 'file') return '_fak_files'
  return value.kind === 'choice' ? `_fak_words ${quoted(value.names)}` : ':'
}

const quoted = (words: readonly string[]) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
