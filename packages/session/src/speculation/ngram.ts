// Prompt lookup: what followed the last tokens when they stood there before will follow them again. Quotes, code and lists repeat.
// Source of the idea: A. Saxena, "Prompt Lookup Decoding" (2023).

import type { DraftContext, Drafter } from './drafter.js'

/** Choices for {@link ngramDrafter}. */
export interface NgramOptions {
  /** Fewest of the last tokens that must have stood together before. Default 2. */
  readonly shortest?: number
  /** As many are looked for; of several places, the one that agrees in more counts, then the later one. Default 8. */
  readonly longest?: number
  /** Most guesses at once. Default 7. */
  readonly most?: number
}

/** A drafter that looks the last tokens up among those before them. Needs nothing of the model. */
export function ngramDrafter({ shortest = 2, longest = 8, most = 7 }: NgramOptions = {}): Drafter {
  return {
    name: 'ngram',
    most,
    guess: ({ tokens }: DraftContext, wanted: number) => {
      const start = afterLastMatch(tokens, shortest, longest)
      return Uint32Array.from(start === null ? [] : tokens.slice(start, start + wanted))
    },
  }
}

/** Index behind the place that agrees with the end in the most tokens; `null` when fewer than `shortest` do. */
function afterLastMatch(tokens: readonly number[], shortest: number, longest: number): number | null {
  const last = tokens.length - 1
  let best = shortest - 1
  let found: number | null = null
  for (let end = last - 1; end >= shortest - 1 && best < longest; end--) {
    let length = 0
    while (length < longest && length <= end && tokens[end - length] === tokens[last - length]) length++
    if (length > best) {
      best = length
      found = end + 1
    }
  }
  return found
}
