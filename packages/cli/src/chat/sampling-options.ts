// The options of `fak chat` that decide how a token is chosen: their flags, and what they say to the session.

import { type GenerateOptions, MAX_SEED, MAX_TEMPERATURE } from '@fak/session'
import { type Command, InvalidArgumentError } from 'commander'
import { integerFrom, numberFrom, repeated } from '../values.js'

/** Values of the flags of {@link addSamplingOptions}. */
export interface SamplingFlags {
  readonly temperature?: number
  readonly topK?: number
  readonly typicalP?: number
  readonly topP?: number
  readonly minP?: number
  readonly seed?: number
  readonly repeatPenalty?: number
  readonly presencePenalty?: number
  readonly frequencyPenalty?: number
  readonly penaltyWindow?: number
  readonly dry?: number
  readonly logitBias?: readonly (readonly [id: number, bias: number])[]
}

const MAX_INT = Number.MAX_SAFE_INTEGER
const MAX_ID = 2 ** 32 - 1
const bias = numberFrom(-100, 100)

/** Adds the flags to a command. */
export function addSamplingOptions(command: Command): Command {
  const share = numberFrom(0, 1, { open: true })
  return command
    .optionsGroup('Sampling:')
    .option(
      '--temp, --temperature <t>',
      'temperature; 0 always takes the most probable token',
      numberFrom(0, MAX_TEMPERATURE),
    )
    .option('--top-k <n>', 'sample from the n most probable tokens; 0 is off', integerFrom(0, MAX_INT))
    .option('--typical-p <p>', 'sample from the most typical tokens that together reach p', share)
    .option('--top-p <p>', 'sample from the most probable tokens that together reach p', share)
    .option('--min-p <p>', 'sample from tokens at least p times as probable as the first', numberFrom(0, 1))
    .option('--repeat-penalty <x>', 'weaken every token said before; 1 is off', numberFrom(0, 10, { open: true }))
    .option('--presence-penalty <x>', 'subtract from every token of the answer so far', numberFrom(-2, 2))
    .option('--frequency-penalty <x>', 'subtract for each time the answer said the token', numberFrom(-2, 2))
    .option('--penalty-window <n>', 'penalties look at the last n tokens; 0 is all', integerFrom(0, MAX_INT))
    .option('--dry <x>', 'DRY: penalty for going on with a repetition', numberFrom(0, 100, { open: true }))
    .option('--logit-bias <id=x>', 'add x to a token, or -inf to ban it; may be repeated', repeated(tokenBias))
    .option('--seed <n>', 'makes sampling repeatable', integerFrom(0, MAX_SEED))
}

/** What the flags ask of a generation; what was not given is left out. */
export function samplingChoices(flags: SamplingFlags): GenerateOptions {
  const { temperature, topK, typicalP, topP, minP, seed, presencePenalty, frequencyPenalty, penaltyWindow } = flags
  const given = {
    temperature,
    topK,
    typicalP,
    topP,
    minP,
    seed,
    presencePenalty,
    frequencyPenalty,
    penaltyWindow,
    repetitionPenalty: flags.repeatPenalty,
    dry: flags.dry === undefined ? undefined : { multiplier: flags.dry },
    logitBias: flags.logitBias === undefined ? undefined : new Map(flags.logitBias),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function tokenBias(text: string): readonly [number, number] {
  const [, id, value] = /^(\d{1,10})=(.+)$/.exec(text) ?? []
  if (id === undefined || value === undefined || Number(id) > MAX_ID) {
    throw new InvalidArgumentError('Allowed: a token id and a number, such as 42=-1.5 or 42=-inf.')
  }
  return [Number(id), value === '-inf' ? -Infinity : bias(value)]
}
