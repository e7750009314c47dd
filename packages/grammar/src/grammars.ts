// Grammars from what a caller has: a list of choices, a regular expression, a JSON schema.

import { FakError } from '@fak/tensor'
import { type Grammar, GrammarBuilder } from './grammar.js'
import { wholeMatches } from './regex.js'

export { type JsonOptions, jsonSchemaGrammar } from './schema/compile.js'
export type { JsonSchema } from './schema/keywords.js'

/**
 * One of these texts.
 *
 * @throws FakError `GRAMMAR_BAD_CHOICES` when there are none, or one is empty or no well-formed text
 */
export function choiceGrammar(choices: readonly string[]): Grammar {
  if (!Array.isArray(choices) || choices.length === 0) throw badChoice('there must be at least one choice', 'choices')
  for (const [i, choice] of choices.entries()) {
    const field = `choices[${i}]`
    if (typeof choice !== 'string' || choice === '')
      throw badChoice('a choice must be a string that is not empty', field)
    if (/\p{Surrogate}/u.test(choice))
      throw badChoice('a choice must be well-formed text without lone surrogates', field)
  }
  const builder = new GrammarBuilder()
  const rule = builder.rule()
  builder.texts(rule.start, choices).final = true
  return builder.finish(rule)
}

/**
 * Texts that a regular expression matches from beginning to end, with JavaScript's syntax and the meaning of its flag `u`.
 *
 * @param pattern a source, or an expression with no flags but `u` and `s`
 * @throws FakError `GRAMMAR_BAD_REGEX` with the byte where it is not well-formed, `GRAMMAR_UNSUPPORTED` for look-around, references,
 * word boundaries and other flags, `GRAMMAR_EMPTY` when nothing matches, `GRAMMAR_TOO_LARGE`
 */
export function regexGrammar(pattern: string | RegExp): Grammar {
  const { source, flags } = typeof pattern === 'string' ? { source: pattern, flags: 'u' } : pattern
  const other = /[^us]/.exec(flags)
  if (other !== null) {
    throw new FakError('GRAMMAR_UNSUPPORTED', { reason: `the flag ${other[0]} is not supported`, field: 'regex' })
  }
  const builder = new GrammarBuilder()
  return builder.finish(builder.automaton('regex', wholeMatches(source, { dotAll: flags.includes('s') })))
}

function badChoice(reason: string, field: string): FakError {
  return new FakError('GRAMMAR_BAD_CHOICES', { reason, field })
}
