// Which strings and numbers a shape allows, as automata.

import { FakError } from '@fak/tensor'
import { both, type Dfa, lengths } from '../dfa.js'
import { anyInteger, anyNumber, comparable, integersBetween, multiplesOf, numbersBetween } from '../numbers.js'
import { partialMatches, wholeMatches } from '../regex.js'
import { unsupported } from './keywords.js'
import type { Shape } from './shapes.js'

const MAX_DIVISOR = 10_000

const DATE = [
  '\\d{4}-(0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])',
  '\\d{4}-(0[469]|11)-(0[1-9]|[12]\\d|30)',
  '\\d{4}-02-(0[1-9]|1\\d|2[0-8])',
  '(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29',
].join('|')
const TIME = '([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)'
const BYTE = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const LABEL = '[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?'

/** What is written for a format: not every text that the format allows, but none that it does not. Sources: RFC 3339, 4122, 5321, 1034, 3986, 4291. */
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `(${DATE})T${TIME}`,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  email: `[A-Za-z0-9_%+-]{1,30}(\\.[A-Za-z0-9_%+-]{1,30})?@(${LABEL}\\.){1,3}[A-Za-z]{2,10}`,
  hostname: `(${LABEL}\\.){0,3}[A-Za-z]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?`,
  ipv4: `${BYTE}(\\.${BYTE}){3}`,
  ipv6: '([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}',
  uri: "[a-z][a-z0-9+.-]{0,15}://[A-Za-z0-9.-]{1,60}(:\\d{1,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@%-]{0,0}[A-Za-z0-9._~!$&'()*+,;=:@-]{0,60}){0,8}",
}

/** The strings that a shape allows. @param formats whether formats count: they leave out texts that are allowed */
export function stringsOf(shape: Shape, { formats = true } = {}): Dfa {
  const { minLength, maxLength } = shape
  const parts: Dfa[] = shape.patterns.map(({ value, path }) => at(path, () => partialMatches(value)))
  if (formats) parts.push(...shape.formats.map(({ value, path }) => formatOf(value, path)))
  if (parts.length === 0 || minLength > 0 || maxLength < Infinity) parts.push(lengths(minLength, maxLength))
  return parts.reduce(both)
}

/** A name for {@link stringsOf}. */
export function stringsKey({ minLength, maxLength, patterns, formats }: Shape): string {
  return JSON.stringify([
    minLength,
    String(maxLength),
    patterns.map(({ value }) => value),
    formats.map(({ value }) => value),
  ])
}

function formatOf(format: string, path: string): Dfa {
  if (!Object.hasOwn(FORMATS, format)) {
    throw unsupported(
      `the format ${JSON.stringify(format.slice(0, 40))} (supported: ${Object.keys(FORMATS).join(', ')})`,
      path,
    )
  }
  return wholeMatches(FORMATS[format]!)
}

/** The numbers that a shape allows. */
export function numbersOf(shape: Shape): Dfa {
  const { min, max, multiples, whole, boundsPath } = shape
  for (const bound of [min, max]) {
    if (bound === null || comparable(bound.value)) continue
    throw unsupported(`the bound ${bound.value}, which takes more than 15 digits or an exponent,`, boundsPath)
  }
  const integers = whole || multiples.length > 0
  const bounded = min !== null || max !== null
  const parts = [
    bounded ? (integers ? integersBetween(min, max) : numbersBetween(min, max)) : integers ? anyInteger() : anyNumber(),
    ...multiples.map(({ value, path }) => {
      if (Number.isInteger(value) && value <= MAX_DIVISOR) return multiplesOf(value)
      throw unsupported(`a multiple of something else than an integer up to ${MAX_DIVISOR}`, path)
    }),
  ]
  return parts.reduce(both)
}

/** A name for {@link numbersOf}. */
export function numbersKey({ min, max, multiples, whole }: Shape): string {
  return JSON.stringify([min, max, multiples.map(({ value }) => value), whole])
}

/** Errors of a pattern say in which schema it stands. */
function at<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!FakError.isInstance(error)) throw error
    const { code, reason, offset } = error
    throw new FakError(code, { reason, field: path, offset, cause: error })
  }
}
