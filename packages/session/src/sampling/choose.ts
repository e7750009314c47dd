// Where a token is chosen: everything between the model's logits and an id happens here.

import { FakError } from '@fak/tensor'
import type { Course } from '../reasoning.js'
import { argmax, BANNED } from './logits.js'
import type { History } from './penalties.js'
import { type Sampling, sample } from './sampler.js'

/** What a choice has to keep to. */
export interface Choice {
  readonly sampling: Sampling
  readonly course: Pick<Course, 'constraint' | 'mayStop'>
  readonly stopTokens: ReadonlySet<number>
}

/**
 * Chooses the token that comes after `history`: what the constraint refuses is banned before anything else.
 *
 * @param row logits of the real vocabulary, `[vocab]`; not changed
 * @throws FakError `NON_FINITE`, `EVERY_TOKEN_BANNED`, `CONSTRAINT_DEAD_END`
 */
export function choose(row: Float32Array, { sampling, course, stopTokens }: Choice, history: History): number {
  const { constraint, mayStop } = course
  if (constraint === null && mayStop) return sample(row, sampling, history)
  const logits = constraint === null ? row.slice() : held(row, constraint.allowed())
  let stops = 0
  for (const id of stopTokens) {
    if (mayStop && row[id] !== BANNED) stops++
    logits[id] = mayStop ? row[id]! : BANNED
  }
  if (constraint !== null && stops === 0 && logits.every((logit) => logit === BANNED)) {
    const reason = 'no token of the vocabulary goes on with what the constraint asks for'
    throw new FakError('CONSTRAINT_DEAD_END', { reason, field: 'grammar' })
  }
  return sample(logits, sampling, history)
}

/** A copy of a row in which every token is banned that the mask leaves out; 32 tokens at once where it is the same for all. */
function held(row: Float32Array, mask: Uint32Array): Float32Array {
  // Looks at every logit: one that is no number must not hide behind a ban.
  argmax(row)
  const logits = row.slice()
  for (let start = 0; start < row.length; start += 32) {
    const word = mask[start >> 5] ?? 0
    if (word === 0) logits.fill(BANNED, start, start + 32)
    else if (word !== 0xffffffff) {
      const end = Math.min(start + 32, row.length)
      for (let id = start; id < end; id++) if (((word >>> (id & 31)) & 1) === 0) logits[id] = BANNED
    }
  }
  return logits
}
