// Option values: text to number, checked, with the allowed range in the message. The environment goes through the same.

import { InvalidArgumentError } from 'commander'
import { UsageError } from './errors.js'

/** Most threads that can be asked for. */
export const MAX_THREADS = 1024

/** A parser for integers from `min` to `max`. */
export function integerFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Allowed: an integer from ${min} to ${max}.`)
    }
    return value
  }
}

/** A parser for decimal numbers from `min` to `max`; `open` leaves `min` itself out. */
export function numberFrom(min: number, max: number, { open = false } = {}): (text: string) => number {
  return (text) => {
    const value = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
    if (!(value <= max && (open ? value > min : value >= min))) {
      throw new InvalidArgumentError(`Allowed: ${open ? `above ${min}, at most ${max}` : `${min} to ${max}`}.`)
    }
    return value
  }
}

/** A parser for lists of token ids, `1,2,3`. */
export function idList(text: string): number[] {
  const ids = text.split(',').map((part) => part.trim())
  if (!ids.every((id) => /^\d{1,10}$/.test(id))) {
    throw new InvalidArgumentError('Allowed: token ids with commas between them, such as 1,2,3.')
  }
  return ids.map(Number)
}

/** A parser for names out of a list, which shells complete. */
export function oneOf(names: readonly string[]): ((text: string) => string) & { readonly names: readonly string[] } {
  const parse = (text: string) => {
    if (!names.includes(text)) throw new InvalidArgumentError(`Allowed: ${names.join(', ')}.`)
    return text
  }
  return Object.assign(parse, { names })
}

/** Adds up the values of an option that may be given several times. */
export function repeated<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), parse(text)]
}

/**
 * The value of an environment variable through the parser of the option it stands for; `undefined` when it is not set.
 *
 * @throws UsageError naming the variable
 */
export function fromEnv<T>(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  parse: (text: string) => T,
): T | undefined {
  const text = env[name]
  if (text === undefined || text === '') return undefined
  try {
    return parse(text)
  } catch (error) {
    throw new UsageError(`environment variable ${name} is ${JSON.stringify(text)}. ${(error as Error).message}`)
  }
}
