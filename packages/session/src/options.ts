// What a caller may ask of one generation, and the checks. An option is used or refused, never ignored.

import { FakError, quote } from '@fak/tensor'
import { MAX_SEED } from './sampling/random.js'
import type { Sampling } from './sampling/sampler.js'

/** Most stop strings of one generation. */
export const MAX_STOP_STRINGS = 16
/** Longest stop string, in UTF-16 units. */
export const MAX_STOP_STRING_LENGTH = 256
/** Largest temperature. */
export const MAX_TEMPERATURE = 2

/** Options of one generation. Everything may be left out: the default is greedy, until a stop token or the context's end. */
export interface GenerateOptions extends Partial<Sampling> {
  /** Most tokens to generate, 1 or more. Default: as many as the context holds. */
  readonly maxTokens?: number
  /** Texts that end the generation and are not part of it: at most 16, each of 1 to 256 characters. */
  readonly stop?: readonly string[]
  /** Token ids that end the generation, in place of the session's own. */
  readonly stopTokens?: readonly number[]
  /** Give each token its natural log-probability under the model's own distribution. Default false. */
  readonly logprobs?: boolean
  /** Ends the generation within one step; what was generated stays. */
  readonly signal?: AbortSignal
}

/** {@link GenerateOptions} with every default filled in. */
export interface ResolvedOptions {
  readonly maxTokens: number
  readonly sampling: Sampling
  readonly stop: readonly string[]
  readonly stopTokens: ReadonlySet<number>
  readonly logprobs: boolean
  readonly signal: AbortSignal | undefined
}

const KNOWN = new Set<string>([
  'maxTokens',
  'temperature',
  'topK',
  'topP',
  'minP',
  'seed',
  'stop',
  'stopTokens',
  'logprobs',
  'signal',
] satisfies (keyof GenerateOptions)[])

/**
 * Checks options and fills in defaults: temperature 0, no cuts, a seed from the system's random source.
 *
 * @param defaults the session's stop tokens, and the vocabulary that bounds all of them
 * @throws FakError `UNKNOWN_OPTION`, `PARAM_OUT_OF_RANGE` naming the option, the value and what is allowed
 */
export function resolveOptions(
  options: GenerateOptions,
  defaults: { vocabSize: number; stopTokens: readonly number[] },
): ResolvedOptions {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name))
      throw new FakError('UNKNOWN_OPTION', { reason: `no option ${quote(name)}`, field: quote(name) })
  }
  const { signal, logprobs = false, maxTokens = Number.MAX_SAFE_INTEGER, stop = [] } = options
  const { temperature = 0, topK = 0, topP = 1, minP = 0, seed = randomSeed() } = options
  if (typeof logprobs !== 'boolean') throw outOfRange('logprobs', logprobs, 'true or false')
  return {
    maxTokens: integer('maxTokens', maxTokens, 1, Number.MAX_SAFE_INTEGER),
    sampling: {
      temperature: number('temperature', temperature, 0, MAX_TEMPERATURE),
      topK: integer('topK', topK, 0, Number.MAX_SAFE_INTEGER),
      topP: share('topP', topP),
      minP: number('minP', minP, 0, 1),
      seed: integer('seed', seed, 0, MAX_SEED),
    },
    stop: stopStrings(stop),
    stopTokens: new Set(tokenIds('stopTokens', options.stopTokens ?? defaults.stopTokens, defaults.vocabSize)),
    logprobs,
    signal,
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

function share(field: string, value: unknown): number {
  if (typeof value !== 'number' || !(value > 0 && value <= 1)) throw outOfRange(field, value, 'above 0 and at most 1')
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

const shown = (value: unknown) => (typeof value === 'string' ? quote(value) : quote(String(value)).slice(1, -1))
