// From one row of logits to one token. The order is fixed:
//   temperature -> top-k -> top-p -> min-p -> draw
// Each cut works on what the one before it left. Sums run in a fixed order in double precision, so the same logits,
// options and position give the same token on every machine.

import { expNegative } from './exp.js'
import { argmax, topIds } from './logits.js'
import { uniform } from './random.js'

/** How to choose a token. Checked values: see `resolveOptions`. */
export interface Sampling {
  /** 0 takes the most probable token; larger is more varied. 0 to 2. */
  readonly temperature: number
  /** Keep this many of the most probable tokens; 0 keeps all. */
  readonly topK: number
  /** Keep the fewest of the most probable tokens that together reach this share; 1 keeps all. Above 0, at most 1. */
  readonly topP: number
  /** Keep tokens at least this fraction as probable as the most probable one; 0 keeps all. 0 to 1. */
  readonly minP: number
  /** With the position it fixes the draw. 0 to 2^53 - 1. */
  readonly seed: number
}

/** How many leaders top-p looks at first when top-k has not already cut the row; grown when their mass is too small. */
const FIRST_LEADERS = 64

/**
 * Chooses the token that will stand at `position`.
 *
 * @param row logits of the real vocabulary, `[vocab]`
 * @throws FakError `NON_FINITE`
 */
export function sample(row: Float32Array, sampling: Sampling, position: number): number {
  const best = argmax(row)
  if (sampling.temperature === 0) return best
  const max = row[best]!
  const weight = (id: number) => expNegative((row[id]! - max) / sampling.temperature)
  const ids = nucleus(row, sampling, weight)?.sort() ?? everyone(row.length)
  const kept = (id: number) => {
    const w = weight(id)
    return w >= sampling.minP ? w : 0
  }
  return draw(ids, kept, uniform(sampling.seed, position))
}

/** What top-k and top-p leave, most probable first; `null` when neither cuts anything. */
function nucleus(row: Float32Array, { topK, topP }: Sampling, weight: (id: number) => number): Uint32Array | null {
  const byCount = topK > 0 && topK < row.length ? topIds(row, topK) : null
  if (topP === 1) return byCount
  let mass = 0
  for (const id of byCount ?? everyone(row.length)) mass += weight(id)
  for (let count = FIRST_LEADERS; ; count *= 8) {
    const leaders = byCount ?? topIds(row, count)
    let reached = 0
    for (let i = 0; i < leaders.length; i++) {
      reached += weight(leaders[i]!)
      if (reached >= topP * mass) return leaders.subarray(0, i + 1)
    }
    if (byCount !== null || leaders.length === row.length) return leaders
  }
}

/** Walks the ids in order until the running sum passes `at` of the whole. */
function draw(ids: Uint32Array, weight: (id: number) => number, at: number): number {
  let total = 0
  for (const id of ids) total += weight(id)
  let sum = 0
  let last = 0
  for (const id of ids) {
    const w = weight(id)
    if (w === 0) continue
    sum += w
    last = id
    if (sum > at * total) return id
  }
  return last
}

// Grown once and shared: a full vocabulary is a megabyte that would otherwise be made anew for every token.
let ids = new Uint32Array(0)

/** 0, 1, 2, … below `count`. */
function everyone(count: number): Uint32Array {
  if (ids.length < count) ids = Uint32Array.from({ length: count }, (_, id) => id)
  return ids.subarray(0, count)
}
