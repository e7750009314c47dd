// What changes single logits before any token is weighed: biases, and penalties for what was said already.

import { FakError } from '@fak/tensor'
import { type DrySampling, dryPenalties } from './dry.js'
import { BANNED } from './logits.js'

/** Penalties and biases of one generation. Checked values: see `resolveOptions`. */
export interface Penalties {
  /** By token id: added to the logit; `-Infinity` bans the token. */
  readonly logitBias: ReadonlyMap<number, number>
  /**
   * Divides the positive logits, and multiplies the negative ones, of every token of the prompt and the answer; 1 is off.
   * Above 0, at most 10. Source: Keskar et al. 2019, "CTRL", section 4.1; HF `RepetitionPenaltyLogitsProcessor`.
   */
  readonly repetitionPenalty: number
  /** Subtracted from every token that the answer holds already. -2 to 2. Source: the OpenAI API. */
  readonly presencePenalty: number
  /** Subtracted once for each time that the answer holds the token. -2 to 2. Source: the OpenAI API. */
  readonly frequencyPenalty: number
  /** The three penalties above look at this many of the last tokens; 0 looks at all. */
  readonly penaltyWindow: number
  /** Penalty for going on with a repetition; `null` is off. */
  readonly dry: DrySampling | null
}

/** The tokens that a choice comes after. */
export interface History {
  /** Prompt and answer so far. */
  readonly tokens: readonly number[]
  /** How many of them are the prompt. */
  readonly promptLength: number
}

/** Whether anything is asked for that changes a logit. */
export function changesLogits(p: Penalties): boolean {
  return (
    p.logitBias.size > 0 ||
    p.repetitionPenalty !== 1 ||
    p.presencePenalty !== 0 ||
    p.frequencyPenalty !== 0 ||
    p.dry !== null
  )
}

/**
 * A copy of `row` with biases and penalties, in this order: bias, repetition, presence and frequency, DRY.
 *
 * @param row logits of the real vocabulary, finite
 * @throws FakError `EVERY_TOKEN_BANNED`
 */
export function withPenalties(row: Float32Array, penalties: Penalties, history: History): Float32Array {
  const changed = row.slice()
  const change = (id: number, to: (logit: number) => number) => {
    if (changed[id] !== BANNED) changed[id] = Math.max(to(changed[id]!), BANNED)
  }
  for (const [id, bias] of penalties.logitBias) change(id, (logit) => logit + bias)
  if (penalties.logitBias.size > 0 && changed.every((logit) => logit === BANNED)) {
    throw new FakError('EVERY_TOKEN_BANNED', { reason: 'logitBias bans every token that may come', field: 'logitBias' })
  }

  const { repetitionPenalty, presencePenalty, frequencyPenalty, penaltyWindow } = penalties
  const { tokens, promptLength } = history
  const from = penaltyWindow === 0 ? 0 : Math.max(0, tokens.length - penaltyWindow)
  if (repetitionPenalty !== 1) {
    for (const id of new Set(tokens.slice(from))) {
      change(id, (logit) => (logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty))
    }
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    for (const [id, count] of occurrences(tokens.slice(Math.max(from, promptLength)))) {
      change(id, (logit) => logit - presencePenalty - count * frequencyPenalty)
    }
  }
  if (penalties.dry !== null) {
    for (const [id, penalty] of dryPenalties(tokens, penalties.dry)) change(id, (logit) => logit - penalty)
  }
  return changed
}

function occurrences(tokens: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const id of tokens) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}
