// Questions about one row of logits: is it sane, which ids lead, how probable are they. No randomness here.

import { FakError } from '@fak/tensor'
import { expNegative } from './exp.js'

/** A token with its natural log-probability under the model's own distribution (temperature 1, nothing cut). */
export interface TokenLogprob {
  readonly id: number
  readonly logprob: number
}

/** What a banned token's logit becomes: finite, and far below any logit that a model gives. */
export const BANNED = -3.4028234663852886e38

/** Bans ids of a row of logits, in place: whatever is chosen or listed from it then, it is not these. */
export function banTokens(row: Float32Array, ids: Iterable<number>): void {
  for (const id of ids) row[id] = BANNED
}

/**
 * The id with the largest logit; ties go to the lower id.
 *
 * @param row logits of the real vocabulary, `[vocab]`
 * @throws FakError `NON_FINITE` when any logit is NaN or infinite
 */
export function argmax(row: Float32Array): number {
  let best = 0
  for (let id = 0; id < row.length; id++) {
    const logit = row[id]!
    if (logit - logit !== 0) throw nonFinite(id, logit)
    if (logit > row[best]!) best = id
  }
  return best
}

/**
 * The `count` ids with the largest logits, largest first; ties in order of id. Costs n log count.
 *
 * @throws FakError `NON_FINITE`
 */
export function topIds(row: Float32Array, count: number): Uint32Array {
  const size = Math.min(count, row.length)
  // A heap whose root is the worst id kept: an id that cannot beat it is dropped after one comparison.
  const heap = new Uint32Array(size)
  const worse = (a: number, b: number) => row[a]! < row[b]! || (row[a]! === row[b]! && a > b)
  const sift = (from: number, id: number) => {
    let hole = from
    for (;;) {
      let child = 2 * hole + 1
      if (child >= size) break
      if (child + 1 < size && worse(heap[child + 1]!, heap[child]!)) child++
      if (!worse(heap[child]!, id)) break
      heap[hole] = heap[child]!
      hole = child
    }
    heap[hole] = id
  }
  for (let id = 0; id < size; id++) heap[id] = id
  for (let i = (size >> 1) - 1; i >= 0; i--) sift(i, heap[i]!)
  for (let id = 0; id < row.length; id++) {
    const logit = row[id]!
    if (logit - logit !== 0) throw nonFinite(id, logit)
    if (id >= size && size > 0 && worse(heap[0]!, id)) sift(0, id)
  }
  return heap.sort((a, b) => row[b]! - row[a]! || a - b)
}

/** log of the sum of e^logit over the row: what to subtract from a logit to get its log-probability. */
export function logSumExp(row: Float32Array): number {
  const max = row[argmax(row)]!
  let sum = 0
  for (let id = 0; id < row.length; id++) sum += expNegative(row[id]! - max)
  return max + Math.log(sum)
}

/**
 * The `count` most probable tokens of a row, most probable first; ties in order of id.
 *
 * @param row logits of the real vocabulary, `[vocab]`
 * @throws FakError `NON_FINITE`
 */
export function topLogprobs(row: Float32Array, count: number): TokenLogprob[] {
  const total = logSumExp(row)
  return Array.from(topIds(row, count), (id) => ({ id, logprob: row[id]! - total }))
}

function nonFinite(id: number, logit: number): FakError {
  return new FakError('NON_FINITE', { reason: `the logit of token ${id} is ${logit}`, field: 'logits' })
}
