// From one row of logits to one token. The order is fixed:
//   (constraint, in choose.ts) -> bias -> repetition -> presence and frequency -> DRY -> temperature -> top-k -> typical -> top-p -> min-p -> draw
// Each cut works on what the one before it left. Sums run in a fixed order in double precision, so the same logits,
// options and tokens before give the same token on every machine.

import { expNegative } from './exp.js'
import { argmax, topIds } from './logits.js'
import { changesLogits, type History, type Penalties, withPenalties } from './penalties.js'
import { uniform } from './random.js'

/** How to choose a token. Checked values: see `resolveOptions`. */
export interface Sampling extends Penalties {
  /** 0 takes the token with the largest logit; larger is more varied. 0 to 2. */
  readonly temperature: number
  /** Keep this many of the most probable tokens; 0 keeps all. */
  readonly topK: number
  /**
   * Keep the fewest tokens that together reach this share, those first whose information is nearest to the expected one; 1 keeps all.
   * Above 0, at most 1. Source: Meister et al. 2022, "Locally Typical Sampling".
   */
  readonly typicalP: number
  /** Keep the fewest of the most probable tokens that together reach this share; 1 keeps all. Above 0, at most 1. */
  readonly topP: number
  /** Keep tokens at least this fraction as probable as the most probable one; 0 keeps all. 0 to 1. */
  readonly minP: number
  /** With the position it fixes the draw. 0 to 2^53 - 1. */
  readonly seed: number
}

/** How many leaders a cut by share looks at first; grown when their mass is too small. */
const FIRST_LEADERS = 64

/**
 * Chooses the token that comes after `history`.
 *
 * @param row logits of the real vocabulary, `[vocab]`
 * @throws FakError `NON_FINITE`, `EVERY_TOKEN_BANNED`
 */
export function sample(row: Float32Array, sampling: Sampling, history: History): number {
  const first = argmax(row)
  const changes = changesLogits(sampling)
  const logits = changes ? withPenalties(row, sampling, history) : row
  const best = changes ? argmax(logits) : first
  if (sampling.temperature === 0) return best
  const max = logits[best]!
  const weight = (id: number) => expNegative((logits[id]! - max) / sampling.temperature)
  const all = everyone(logits.length)

  let kept = sampling.topK > 0 && sampling.topK < all.length ? topIds(logits, sampling.topK) : all
  if (sampling.typicalP < 1) kept = typical(logits, kept, sampling.typicalP, weight)
  if (sampling.topP < 1) kept = leadersOf(kept, logits, sampling.topP, weight)
  // By id, so that a draw does not depend on how the cuts ordered what they left.
  const ids = kept === all ? all : kept.slice().sort()
  const leader = kept === all ? 1 : ids.reduce((most, id) => Math.max(most, weight(id)), 0)
  const minimum = sampling.minP * leader
  const probable = (id: number) => {
    const w = weight(id)
    return w >= minimum ? w : 0
  }
  return draw(ids, probable, uniform(sampling.seed, history.tokens.length))
}

type Weight = (id: number) => number

/**
 * The fewest of `ids`, largest key first, whose mass reaches `share` of all.
 *
 * @param keys by id
 */
function leadersOf(ids: Uint32Array, keys: Float32Array, share: number, weight: Weight): Uint32Array {
  let mass = 0
  for (const id of ids) mass += weight(id)
  // Keys of the candidates alone; their places follow the ids, so that ties still go to the lower id.
  const places = ids.length === keys.length ? ids : ids.slice().sort()
  const ranks = places === ids ? keys : Float32Array.from(places, (id) => keys[id]!)
  for (let count = FIRST_LEADERS; ; count *= 8) {
    const leaders = topIds(ranks, count).map((place) => places[place]!)
    let reached = 0
    for (let i = 0; i < leaders.length; i++) {
      reached += weight(leaders[i]!)
      if (reached >= share * mass) return leaders.subarray(0, i + 1)
    }
    if (leaders.length === ids.length) return leaders
  }
}

/**
 * What locally typical sampling keeps. The information of a token is `log Z - logit / temperature` and the expected one its mean, so
 * `log Z` cancels in their distance.
 */
function typical(logits: Float32Array, ids: Uint32Array, share: number, weight: Weight): Uint32Array {
  let [mass, sum] = [0, 0]
  for (const id of ids) {
    const w = weight(id)
    mass += w
    if (w > 0) sum += w * logits[id]!
  }
  const mean = sum / mass
  const nearness = new Float32Array(logits.length)
  for (const id of ids) nearness[id] = -Math.abs(logits[id]! - mean)
  return leadersOf(ids, nearness, share, weight)
}

/** Walks the ids in order until the running sum passes `at` of the whole. */
function draw(ids: Uint32Array, weight: Weight, at: number): number {
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
