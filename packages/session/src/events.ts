// What a generation tells its reader.

import type { Thought } from './reasoning.js'
import type { TokenLogprob } from './sampling/logits.js'
import type { SpeculationFigures } from './speculation/drafter.js'
import type { PrefixReuse } from './timeline.js'

/** Why a generation ended. `context`: the context is full. */
export type FinishReason = 'stop' | 'length' | 'stop-string' | 'aborted' | 'context'

/** Wall time of one generation; the reader's own time between events is not in it. */
export interface Timings {
  /** Milliseconds of computing the prompt's new tokens. */
  readonly prefillMs: number
  /** Prompt tokens computed per second; `null` when none was. */
  readonly prefillTokensPerSecond: number | null
  /** Milliseconds of the steps after the prompt, sampling included. */
  readonly decodeMs: number
  /**
   * Steps after the prompt, and guesses that came, per second; `null` when there was none. The first token comes from the prompt's own
   * step.
   */
  readonly tokensPerSecond: number | null
}

/** Some of the prompt was computed: `done` of `total` tokens that were not cached. */
export interface PrefillEvent {
  readonly type: 'prefill'
  readonly done: number
  readonly total: number
}

/** A token was chosen, or set. `text` is what it adds to the decoded stream, before stop strings; empty inside a character. */
export interface TokenEvent {
  readonly type: 'token'
  readonly id: number
  readonly text: string
  /** It was set, not chosen: it ends a thought whose budget is spent, or stands between the thought and the answer. It has no probabilities. */
  readonly forced?: true
  /** Natural log-probability under the model's own distribution, when `logprobs` was asked for. */
  readonly logprob?: number
  /** The most probable tokens at this place, most probable first, when `topLogprobs` was asked for. */
  readonly topLogprobs?: readonly TokenLogprob[]
}

/** Text that is certainly part of the answer. */
export interface TextEvent {
  readonly type: 'text'
  readonly text: string
}

/** The last event of every generation. */
export interface DoneEvent {
  readonly type: 'done'
  readonly finishReason: FinishReason
  /** The stop token or stop string that was met; `null` also where a grammar left nothing but the end. */
  readonly matched: number | string | null
  /** Generated tokens, without the stop token; those that were set are among them. */
  readonly tokens: readonly number[]
  /** What the thought came to that the prompt left open; `null` without the option `reasoning`. */
  readonly thought: Thought | null
  /** All text of the `text` events. */
  readonly text: string
  /** Tokens before the first generated one. */
  readonly promptTokens: number
  /** How many of those were already held and not computed again. */
  readonly cachedTokens: number
  /** Where those came from, and where the prompt left what was held. */
  readonly reuse: PrefixReuse
  /** The seed in use, so that a sampled answer can be had again. */
  readonly seed: number
  /** What guessing came to; `null` without. */
  readonly speculation: SpeculationFigures | null
  readonly timings: Timings
}

/** Events of {@link Session.generate}, in order: prefill*, (token, text?)*, text?, done. */
export type SessionEvent = PrefillEvent | TokenEvent | TextEvent | DoneEvent
