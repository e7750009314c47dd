// What a caller may ask of one generation, and the checks. An option is used or refused, never ignored.

import { FakError, quote } from '@fak/tensor'
import type { Constraint } from './constraint.js'
import type { Reasoning, ReasoningOptions } from './reasoning.js'
import type { DryOptions, DrySampling } from './sampling/dry.js'
import { MAX_SEED } from './sampling/random.js'
import type { Sampling } from './sampling/sampler.js'

/** Most stop strings of one generation. */
export const MAX_STOP_STRINGS = 16
/** Longest stop string, in UTF-16 units. */
export const MAX_STOP_STRING_LENGTH = 256
/** Largest temperature. */
export const MAX_TEMPERATURE = 2
/** Most alternatives that each token can come with. */
export const MAX_TOP_LOGPROBS = 1024
/** Most guesses of one step. */
const MAX_GUESSES = 64
const MAX_REPETITION_PENALTY = 10
const MAX_ADDED_PENALTY = 2
const MAX_BIAS = 100
const DRY_DEFAULTS = { base: 1.75, allowedLength: 2, window: 0, breakers: ['\n', ':', '"', '*'] }
const MAX_DRY = { multiplier: 100, base: 8, allowedLength: 1000 }

/** Options of one generation. Everything may be left out: the default is greedy, until a stop token or the context's end. */
export interface GenerateOptions extends Partial<Omit<Sampling, 'logitBias' | 'dry'>> {
  /** By token id: added to its logit, -100 to 100; `-Infinity` bans the token. */
  readonly logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number>
  /** Penalty for going on with a repetition. Default off. */
  readonly dry?: DryOptions
  /** Most tokens to generate, 1 or more. Default: as many as the context holds. */
  readonly maxTokens?: number
  /** Texts that end the generation and are not part of it: at most 16, each of 1 to 256 characters. */
  readonly stop?: readonly string[]
  /** Token ids that end the generation, in place of the session's own. */
  readonly stopTokens?: readonly number[]
  /**
   * The form that the answer must have: `TokenGrammar` of @fak/grammar makes them. Tokens that do not fit are banned before anything else is
   * done to the logits, and stop tokens where the answer may not end; a thought goes before it where there is `reasoning`. The generation
   * ends by itself where nothing can follow. Probabilities stay the model's own.
   */
  readonly grammar?: Constraint
  /** How the thought ends that the prompt leaves open, and how long it may be. */
  readonly reasoning?: ReasoningOptions
  /** Give each token its natural log-probability under the model's own distribution: no temperature, penalty or cut. Default false. */
  readonly logprobs?: boolean
  /** Also give so many of the most probable tokens with each token, under the same distribution. 0, the default, to 1,024. */
  readonly topLogprobs?: number
  /**
   * Most tokens that the session's drafter may guess for each step, 0 to 64; 0 is off. The answer is the same whatever this is. Default: what
   * the drafter thinks best, and 0 without one.
   */
  readonly speculate?: number
  /** Ends the generation within one step; what was generated stays. */
  readonly signal?: AbortSignal
}

/** {@link GenerateOptions} with every default filled in. */
export interface ResolvedOptions {
  readonly maxTokens: number
  readonly sampling: Sampling
  readonly stop: readonly string[]
  readonly stopTokens: ReadonlySet<number>
  readonly grammar: Constraint | null
  readonly reasoning: Reasoning | null
  readonly logprobs: boolean
  readonly topLogprobs: number
  readonly speculate: number
  readonly signal: AbortSignal | undefined
}

const KNOWN = new Set<string>([
  'maxTokens',
  'logitBias',
  'repetitionPenalty',
  'presencePenalty',
  'frequencyPenalty',
  'penaltyWindow',
  'dry',
  'temperature',
  'topK',
  'typicalP',
  'topP',
  'minP',
  'seed',
  'stop',
  'stopTokens',
  'grammar',
  'reasoning',
  'logprobs',
  'topLogprobs',
  'speculate',
  'signal',
] satisfies (keyof GenerateOptions)[])

/** What the checks have to know of the session. */
export interface OptionContext {
  readonly vocabSize: number
  /** The session's own stop tokens. */
  readonly stopTokens: readonly number[]
  /** The text of one token alone; `undefined` for a session without a tokenizer. */
  readonly textOf: ((id: number) => string) | undefined
  /** {@link Drafter.most} of the session's drafter; 0 for a session without one. */
  readonly guesses: number
}

/**
 * Checks options and fills in defaults: temperature 0, no cuts or penalties, a seed from the system's random source.
 *
 * @throws FakError `UNKNOWN_OPTION`, `PARAM_OUT_OF_RANGE` naming the option, the value and what is allowed, `TOKEN_OUT_OF_RANGE`
 */
export function resolveOptions(options: GenerateOptions, context: OptionContext): ResolvedOptions {
  refuseUnknown(options, KNOWN, '')
  const { signal, logprobs = false, topLogprobs = 0, maxTokens = Number.MAX_SAFE_INTEGER, stop = [] } = options
  if (typeof logprobs !== 'boolean') throw outOfRange('logprobs', logprobs, 'true or false')
  const stops = stopStrings(stop)
  if (stops.length > 0 && context.textOf === undefined) throw needsTokenizer('stop strings', 'stop')
  return {
    maxTokens: integer('maxTokens', maxTokens, 1, Number.MAX_SAFE_INTEGER),
    sampling: samplingOf(options, context),
    stop: stops,
    stopTokens: new Set(tokenIds('stopTokens', options.stopTokens ?? context.stopTokens, context.vocabSize)),
    grammar: constraint(options.grammar),
    reasoning: options.reasoning === undefined ? null : reasoningOf(options.reasoning, context.vocabSize),
    logprobs,
    topLogprobs: integer('topLogprobs', topLogprobs, 0, MAX_TOP_LOGPROBS),
    speculate: guesses(options.speculate, context.guesses),
    signal,
  }
}

function guesses(given: number | undefined, drafter: number): number {
  if (given === undefined) return drafter
  integer('speculate', given, 0, MAX_GUESSES)
  if (given === 0 || drafter > 0) return given
  throw new FakError('PARAM_OUT_OF_RANGE', { reason: 'guesses need a session with a drafter', field: 'speculate' })
}

function samplingOf(options: GenerateOptions, context: OptionContext): Sampling {
  const { temperature = 0, topK = 0, typicalP = 1, topP = 1, minP = 0, seed = randomSeed() } = options
  const {
    logitBias = {},
    repetitionPenalty = 1,
    presencePenalty = 0,
    frequencyPenalty = 0,
    penaltyWindow = 0,
  } = options
  return {
    logitBias: biases(logitBias, context.vocabSize),
    repetitionPenalty: aboveZero('repetitionPenalty', repetitionPenalty, MAX_REPETITION_PENALTY),
    presencePenalty: number('presencePenalty', presencePenalty, -MAX_ADDED_PENALTY, MAX_ADDED_PENALTY),
    frequencyPenalty: number('frequencyPenalty', frequencyPenalty, -MAX_ADDED_PENALTY, MAX_ADDED_PENALTY),
    penaltyWindow: integer('penaltyWindow', penaltyWindow, 0, Number.MAX_SAFE_INTEGER),
    dry: options.dry === undefined ? null : drySampling(options.dry, context),
    temperature: number('temperature', temperature, 0, MAX_TEMPERATURE),
    topK: integer('topK', topK, 0, Number.MAX_SAFE_INTEGER),
    typicalP: aboveZero('typicalP', typicalP, 1),
    topP: aboveZero('topP', topP, 1),
    minP: number('minP', minP, 0, 1),
    seed: integer('seed', seed, 0, MAX_SEED),
  }
}

function constraint(given: Constraint | undefined): Constraint | null {
  if (given === undefined) return null
  if (typeof given === 'object' && given !== null && typeof given.begin === 'function') return given
  throw outOfRange('grammar', given, 'an object with a method begin')
}

function reasoningOf(given: ReasoningOptions, vocabSize: number): Reasoning {
  if (typeof given !== 'object' || given === null) throw outOfRange('reasoning', given, 'an object with an end token')
  refuseUnknown(given, new Set(['end', 'before', 'after', 'budget']), 'reasoning.')
  const { end, before = [], after = [], budget } = given
  return {
    end: tokenIds('reasoning.end', [end], vocabSize)[0]!,
    before: tokenIds('reasoning.before', before, vocabSize),
    after: tokenIds('reasoning.after', after, vocabSize),
    budget: budget === undefined ? Infinity : integer('reasoning.budget', budget, 0, Number.MAX_SAFE_INTEGER),
  }
}

function biases(given: NonNullable<GenerateOptions['logitBias']>, vocabSize: number): ReadonlyMap<number, number> {
  if (typeof given !== 'object' || given === null) throw outOfRange('logitBias', given, 'biases by token id')
  const entries =
    given instanceof Map ? [...given] : Object.entries(given).map(([id, bias]) => [Number(id), bias] as const)
  const ids = tokenIds(
    'logitBias',
    entries.map(([id]) => id),
    vocabSize,
  )
  return new Map(
    entries.map(([, bias], i) => {
      const field = `logitBias[${ids[i]}]`
      return [ids[i]!, bias === -Infinity ? bias : number(field, bias, -MAX_BIAS, MAX_BIAS)]
    }),
  )
}

function drySampling(given: DryOptions, { textOf }: OptionContext): DrySampling {
  if (typeof given !== 'object' || given === null) throw outOfRange('dry', given, 'an object with a multiplier')
  refuseUnknown(given, new Set(['multiplier', ...Object.keys(DRY_DEFAULTS)]), 'dry.')
  const { multiplier, base, allowedLength, window, breakers } = { ...DRY_DEFAULTS, ...given }
  if (!Array.isArray(breakers) || !breakers.every((text) => typeof text === 'string' && text !== '')) {
    throw outOfRange('dry.breakers', breakers, 'a list of texts that are not empty')
  }
  if (breakers.length > 0 && textOf === undefined) throw needsTokenizer('breakers', 'dry.breakers')
  const known = new Map<number, boolean>()
  const breaks = (id: number) => {
    let answer = known.get(id)
    if (answer === undefined) {
      const text = textOf?.(id)
      answer = text !== undefined && (text === '' || breakers.some((breaker) => text.includes(breaker)))
      known.set(id, answer)
    }
    return answer
  }
  return {
    multiplier: aboveZero('dry.multiplier', multiplier, MAX_DRY.multiplier),
    base: number('dry.base', base, 1, MAX_DRY.base),
    allowedLength: integer('dry.allowedLength', allowedLength, 1, MAX_DRY.allowedLength),
    window: integer('dry.window', window, 0, Number.MAX_SAFE_INTEGER),
    breaks,
  }
}

function refuseUnknown(options: object, known: ReadonlySet<string>, prefix: string): void {
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue
    throw new FakError('UNKNOWN_OPTION', { reason: `no option ${quote(prefix + name)}`, field: quote(prefix + name) })
  }
}

/**
 * Checks a list of token ids.
 *
 * @throws FakError `TOKEN_OUT_OF_RANGE` naming the index of the first one that is not an integer from 0 to `vocabSize - 1`
 */
export function tokenIds(field: string, ids: ArrayLike<number>, vocabSize: number): Uint32Array {
  const checked = new Uint32Array(ids.length)
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      const reason = `token id ${shown(id)} is not an integer from 0 to ${vocabSize - 1}`
      throw new FakError('TOKEN_OUT_OF_RANGE', { reason, field: `${field}[${i}]` })
    }
    checked[i] = id
  }
  return checked
}

/** Checks an integer option. @throws FakError `PARAM_OUT_OF_RANGE` */
export function integer(field: string, value: unknown, from: number, to: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < from || (value as number) > to) {
    throw outOfRange(field, value, `an integer from ${from} to ${to}`)
  }
  return value as number
}

function number(field: string, value: unknown, from: number, to: number): number {
  if (typeof value !== 'number' || !(value >= from && value <= to)) throw outOfRange(field, value, `${from} to ${to}`)
  return value
}

function aboveZero(field: string, value: unknown, to: number): number {
  if (typeof value !== 'number' || !(value > 0 && value <= to)) {
    throw outOfRange(field, value, `above 0 and at most ${to}`)
  }
  return value
}

function stopStrings(strings: readonly string[]): readonly string[] {
  if (!Array.isArray(strings)) throw outOfRange('stop', strings, 'a list of strings')
  if (strings.length > MAX_STOP_STRINGS)
    throw outOfRange('stop', `${strings.length} strings`, `at most ${MAX_STOP_STRINGS}`)
  for (const [i, text] of strings.entries()) {
    if (typeof text !== 'string') throw outOfRange(`stop[${i}]`, text, 'a string')
    if (text.length < 1 || text.length > MAX_STOP_STRING_LENGTH) {
      throw outOfRange(`stop[${i}]`, `${text.length} characters`, `1 to ${MAX_STOP_STRING_LENGTH} characters`)
    }
    // Decoded text holds no lone surrogates, but half an emoji would match inside a whole one and cut it in two.
    if (/\p{Surrogate}/u.test(text)) throw outOfRange(`stop[${i}]`, text, 'well-formed text without lone surrogates')
  }
  return strings
}

function randomSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2))
  return (high! >>> 11) * 2 ** 32 + low!
}

function outOfRange(field: string, value: unknown, allowed: string): FakError {
  return new FakError('PARAM_OUT_OF_RANGE', { reason: `${field} is ${shown(value)}, allowed: ${allowed}`, field })
}

function needsTokenizer(what: string, field: string): FakError {
  return new FakError('PARAM_OUT_OF_RANGE', { reason: `${what} need a session with a tokenizer`, field })
}

const shown = (value: unknown) => (typeof value === 'string' ? quote(value) : quote(String(value)).slice(1, -1))
