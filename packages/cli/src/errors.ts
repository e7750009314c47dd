// How a command can end other than well, and the one line that says so.

import { editDistance, FakError } from '@fak/tensor'
import { CommanderError } from 'commander'

/** Exit codes of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const

/** The arguments or the environment are wrong: exit code 2. */
export class UsageError extends Error {}

/** A signal ended the command: exit code 128 + its number, and nothing to say. */
export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super('interrupted')
  }
}

/** Whoever read stdout has gone, as `| head -1` does. Nothing more is wanted, and nothing is wrong. */
export class OutputClosed extends Error {}

/** The command did its work, and what it found is not well: exit code 1, and nothing more to say. */
export class Unwell extends Error {}

/** Refusals of options by the layers below: the caller's arguments are wrong, not a file. */
const USAGE_CODES = new Set([
  'PARAM_OUT_OF_RANGE',
  'UNKNOWN_OPTION',
  'NATIVE_BAD_THREADS',
  'NATIVE_BAD_ISA',
  'UNKNOWN_TAP',
  'MODEL_BAD_REFERENCE',
  'BAD_ENVIRONMENT',
])

/** Longest line of an error; what a caller passed in can be a megabyte. */
const MAX_LINE = 500

/** What to print for an error, and the exit code. `command` is what `--help` would explain. */
export function explain(error: unknown, command: string): { line: string | null; exitCode: number } {
  if (error instanceof OutputClosed) return { line: null, exitCode: EXIT.done }
  if (error instanceof Interrupted) return { line: null, exitCode: error.exitCode }
  if (error instanceof Unwell) return { line: null, exitCode: EXIT.failed }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { line: null, exitCode: EXIT.done }
    return { line: usageLine(error.message.replace(/^error: /, ''), command), exitCode: EXIT.usage }
  }
  if (error instanceof UsageError) return { line: usageLine(error.message, command), exitCode: EXIT.usage }
  if (FakError.isInstance(error) && USAGE_CODES.has(error.code)) {
    const what = error.code.startsWith('NATIVE_') ? `${error.field} ${error.reason}` : error.reason
    return { line: usageLine(what, command), exitCode: EXIT.usage }
  }
  if (FakError.isInstance(error)) return { line: oneLine(error.message), exitCode: EXIT.failed }
  const what = error instanceof Error ? error.message : String(error)
  return { line: oneLine(`unexpected failure: ${what}; --debug shows where [INTERNAL]`), exitCode: EXIT.failed }
}

function usageLine(what: string, command: string): string {
  return `fak: ${oneLine(what.replace(/\.$/, ''))} (try: ${command} --help)`
}

/** One line without control characters, so that nothing in an argument or a file name acts on the terminal. */
export function oneLine(text: string): string {
  const flat = text.replace(/\s*\n\s*(?=\()/g, ' ')
  const cut = flat.length > MAX_LINE ? `${flat.slice(0, MAX_LINE - 100)}…${flat.slice(-99)}` : flat
  return printable(cut)
}

/** Text with control characters and direction overrides shown as escapes. */
export function printable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Changes that still count as a slip of the finger. */
const MAX_SLIPS = 2

/** ` (did you mean NAME?)` for the name that a word is a misspelling of, or nothing. */
export function nearest(word: string, names: readonly string[]): string {
  const found = names
    .map((name) => ({ name, slips: name.startsWith(word) && word.length > 1 ? 0 : slipsBetween(word, name) }))
    .sort((a, b) => a.slips - b.slips)[0]
  return found !== undefined && found.slips <= Math.min(MAX_SLIPS, word.length - 1)
    ? ` (did you mean ${found.name}?)`
    : ''
}

/** Letters to change, add or leave out; long words are not compared. */
function slipsBetween(a: string, b: string): number {
  const comparable = Math.abs(a.length - b.length) <= MAX_SLIPS && a.length <= 40
  return comparable ? editDistance(a, b) : Number.POSITIVE_INFINITY
}
