// The options of `fak chat` that decide how a token is chosen: their flags, and what they say to the session.

import { type GenerateOptions, MAX_SEED, MAX_TEMPERATURE } from '@fak/session'
import { type Command, InvalidArgumentError } from 'commander'
import { integerFrom, numberFrom, repeated } from '../values.js'

const MAX_INT = Number.MAX_SAFE_INTEGER
const MAX_ID = 2 ** 32 - 1
const bias = numberFrom(-100, 100)

const share = numberFrom(0, 1, { open: true })

/** One of the options. */
interface SamplingOption {
  /** As a flag without dashes; the first of several names is the short one. */
  readonly names: readonly string[]
  /** What stands for the value. */
  readonly value: string
  readonly help: string
  readonly parse: (text: string) => unknown
  /** Its name in the session's options. */
  readonly key: keyof GenerateOptions
  /** The session's value for what was parsed. */
  readonly make?: (value: never) => unknown
  /** May be given several times: values add up. */
  readonly repeats?: true
}

/** Every option, as flags and as what `/set` knows. */
export const SAMPLING_OPTIONS: readonly SamplingOption[] = [
  {
    names: ['temp', 'temperature'],
    value: 't',
    help: 'temperature; 0 always takes the most probable token',
    parse: numberFrom(0, MAX_TEMPERATURE),
    key: 'temperature',
  },
  {
    names: ['top-k'],
    value: 'n',
    help: 'sample from the n most probable tokens; 0 is off',
    parse: integerFrom(0, MAX_INT),
    key: 'topK',
  },
  {
    names: ['typical-p'],
    value: 'p',
    help: 'sample from the most typical tokens that together reach p',
    parse: share,
    key: 'typicalP',
  },
  {
    names: ['top-p'],
    value: 'p',
    help: 'sample from the most probable tokens that together reach p',
    parse: share,
    key: 'topP',
  },
  {
    names: ['min-p'],
    value: 'p',
    help: 'sample from tokens at least p times as probable as the first',
    parse: numberFrom(0, 1),
    key: 'minP',
  },
  {
    names: ['repeat-penalty'],
    value: 'x',
    help: 'weaken every token said before; 1 is off',
    parse: numberFrom(0, 10, { open: true }),
    key: 'repetitionPenalty',
  },
  {
    names: ['presence-penalty'],
    value: 'x',
    help: 'subtract from every token of the answer so far',
    parse: numberFrom(-2, 2),
    key: 'presencePenalty',
  },
  {
    names: ['frequency-penalty'],
    value: 'x',
    help: 'subtract for each time the answer said the token',
    parse: numberFrom(-2, 2),
    key: 'frequencyPenalty',
  },
  {
    names: ['penalty-window'],
    value: 'n',
    help: 'penalties look at the last n tokens; 0 is all',
    parse: integerFrom(0, MAX_INT),
    key: 'penaltyWindow',
  },
  {
    names: ['dry'],
    value: 'x',
    help: 'DRY: penalty for going on with a repetition',
    parse: numberFrom(0, 100, { open: true }),
    key: 'dry',
    make: (multiplier: number) => ({ multiplier }),
  },
  {
    names: ['logit-bias'],
    value: 'id=x',
    help: 'add x to a token, or -inf to ban it; may be repeated',
    parse: tokenBias,
    key: 'logitBias',
    make: (biases: readonly (readonly [number, number])[]) => new Map(biases),
    repeats: true,
  },
  {
    names: ['seed'],
    value: 'n',
    help: 'makes sampling repeatable',
    parse: integerFrom(0, MAX_SEED),
    key: 'seed',
  },
]

/** Adds the flags to a command. */
export function addSamplingOptions(command: Command): Command {
  command.optionsGroup('Sampling:')
  for (const { names, value, help, parse, repeats } of SAMPLING_OPTIONS) {
    const flags = `${names.map((name) => `--${name}`).join(', ')} <${value}>`
    const take = repeats === true ? repeated(parse) : (text: string) => parse(text)
    command.option(flags, help, take as (text: string) => unknown)
  }
  return command
}

/** What the values of flags ask of a generation; what was not given is left out. */
export function samplingChoices(values: object): GenerateOptions {
  const given = values as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    SAMPLING_OPTIONS.flatMap(({ names, key, make = (value: unknown) => value }) => {
      const value = given[attribute(names.at(-1)!)]
      return value === undefined ? [] : [[key, make(value as never)]]
    }),
  )
}

/** How the command line calls the value of a flag. */
const attribute = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

function tokenBias(text: string): readonly [number, number] {
  const [, id, value] = /^(\d{1,10})=(.+)$/.exec(text) ?? []
  if (id === undefined || value === undefined || Number(id) > MAX_ID) {
    throw new InvalidArgumentError('Allowed: a token id and a number, such as 42=-1.5 or 42=-inf.')
  }
  return [Number(id), value === '-inf' ? -Infinity : bias(value)]
}
