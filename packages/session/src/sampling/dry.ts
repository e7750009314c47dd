// DRY: the longer the end of the text repeats an earlier passage, the less welcome is the token that went on with it then.
// Source: p-e-w, "DRY: A modern repetition penalty", text-generation-webui pull request 5677.

/** Options of the DRY penalty, as a caller gives them. */
export interface DryOptions {
  /** The penalty of the shortest repetition that counts. Above 0, at most 100. */
  readonly multiplier: number
  /** Each further repeated token multiplies the penalty by this. 1 to 8. Default 1.75. */
  readonly base?: number
  /** Repetitions up to one token shorter than this are free. 1 to 1,000. Default 2. */
  readonly allowedLength?: number
  /** Look at this many of the last tokens; 0, the default, looks at all. */
  readonly window?: number
  /**
   * A token whose text holds one of these ends every repetition, and so does a token without any text, such as a control token. Needs a
   * session with a tokenizer. Default: line feed, colon, double quote and asterisk.
   */
  readonly breakers?: readonly string[]
}

/** {@link DryOptions} with everything filled in. */
export interface DrySampling {
  readonly multiplier: number
  readonly base: number
  readonly allowedLength: number
  readonly window: number
  /** Whether a token ends every repetition. */
  readonly breaks: (id: number) => boolean
}

/** More than any difference of two logits: beyond it a larger penalty changes nothing. */
const LARGEST_PENALTY = 1e6

/**
 * What to subtract from the logits, by token id: for every token that once followed what now stands at the end of `tokens`,
 * `multiplier · base^(length - allowedLength)` with the length of the longest such repetition, if it is at least `allowedLength`.
 */
export function dryPenalties(tokens: readonly number[], dry: DrySampling): Map<number, number> {
  const recent = dry.window === 0 ? tokens : tokens.slice(-dry.window)
  // Only what follows the last breaker can be repeated.
  let start = recent.length
  while (start > 0 && !dry.breaks(recent[start - 1]!)) start--
  const longest = recent.length - start
  const lengthOf = new Map<number, number>()
  if (longest >= dry.allowedLength) {
    for (const [end, length] of repetitions(recent).entries()) {
      const next = recent[end + 1]
      const counted = Math.min(length, longest)
      if (next === undefined || counted < dry.allowedLength || dry.breaks(next)) continue
      lengthOf.set(next, Math.max(counted, lengthOf.get(next) ?? 0))
    }
  }
  return new Map([...lengthOf].map(([id, length]) => [id, penaltyOf(length, dry)]))
}

/** Products alone: Math.pow may round differently from engine to engine. */
function penaltyOf(length: number, { multiplier, base, allowedLength }: DrySampling): number {
  let penalty = multiplier
  for (let n = allowedLength; n < length && base > 1 && penalty < LARGEST_PENALTY; n++) penalty *= base
  return Math.min(penalty, LARGEST_PENALTY)
}

/**
 * By index: how many tokens up to and including it are the same as those at the end. The last entry stands for the end itself and is 0.
 * The Z function of the reversed text, so the cost is linear.
 */
function repetitions(tokens: readonly number[]): Uint32Array {
  const last = tokens.length - 1
  const lengths = new Uint32Array(tokens.length)
  const at = (i: number) => tokens[last - i]!
  // [left, right) is the known match that reaches furthest, counted from the end.
  let [left, right] = [0, 0]
  for (let i = 1; i <= last; i++) {
    let length = i < right ? Math.min(right - i, lengths[last - (i - left)]!) : 0
    while (i + length <= last && at(length) === at(i + length)) length++
    lengths[last - i] = length
    if (i + length > right) [left, right] = [i, i + length]
  }
  return lengths
}
