// The search for the scale of a group inside a super-block: several candidates are tried, for each the levels are rounded and the
// scale that fits those levels best is computed by weighted least squares, and the one with the smallest error stays.
// Formulas and the order of every float32 operation: make_qx_quants and make_qkx2_quants of ggml-quants.c (llama.cpp v0.5.0).

import { nearest } from './block.js'

const { abs, fround } = Math

/** Below this a group counts as zeros: a scale for it would be lost in rounding. */
export const NO_SCALE = fround(1e-15)

/** The scale and the (negated) minimum that a search found; one object for all calls, as there is one per 32 values. */
export const found = { scale: 0, minimum: 0 }

const GROUP = 32
const weights = new Float32Array(GROUP)
const tried = new Uint8Array(GROUP)

/**
 * `x ≈ scale · q - minimum` with `q` in `0..most` and `minimum >= 0`, for 32 values. Errors count by `|x|` plus the root mean square.
 *
 * @param candidates {@link risingCandidates}
 * @returns in {@link found}; the levels in `levels`
 */
export function searchScaleAndMinimum(
  values: Float32Array,
  from: number,
  levels: Uint8Array,
  to: number,
  most: number,
  candidates: Float32Array,
): void {
  let squares = 0
  for (let i = 0; i < GROUP; i++) squares = fround(squares + fround(values[from + i]! * values[from + i]!))
  const mean = fround(Math.sqrt(fround(squares / GROUP)))
  let least = values[from]!
  let greatest = least
  let sumW = 0
  let sumX = 0
  for (let i = 0; i < GROUP; i++) {
    const x = values[from + i]!
    const w = fround(mean + abs(x))
    weights[i] = w
    if (x < least) least = x
    if (x > greatest) greatest = x
    sumW = fround(sumW + w)
    sumX = fround(sumX + fround(w * x))
  }
  if (least > 0) least = 0
  if (greatest === least) {
    levels.fill(0, to, to + GROUP)
    found.scale = 0
    found.minimum = -least
    return
  }
  const range = fround(greatest - least)
  let inverse = fround(most / range)
  let scale = fround(1 / inverse)
  let minimum = least
  let best = 0
  for (let i = 0; i < GROUP; i++) {
    const x = values[from + i]!
    const q = clamp(nearest(fround(inverse * fround(x - least))), most)
    levels[to + i] = q
    const difference = fround(fround(fround(scale * q) + least) - x)
    best = fround(best + fround(weights[i]! * fround(difference * difference)))
  }
  for (let step = 0; step < candidates.length; step++) {
    // `minimum` moves with every better candidate, and the next one starts from it.
    inverse = fround(candidates[step]! / fround(greatest - minimum))
    let sumQ = 0
    let sumQ2 = 0
    let sumXQ = 0
    for (let i = 0; i < GROUP; i++) {
      const x = values[from + i]!
      const q = clamp(nearest(fround(inverse * fround(x - minimum))), most)
      tried[i] = q
      const wq = fround(weights[i]! * q)
      sumQ = fround(sumQ + wq)
      sumQ2 = fround(sumQ2 + fround(wq * q))
      sumXQ = fround(sumXQ + fround(wq * x))
    }
    const determinant = fround(fround(sumW * sumQ2) - fround(sumQ * sumQ))
    if (!(determinant > 0)) continue
    let candidate = fround(fround(fround(sumW * sumXQ) - fround(sumX * sumQ)) / determinant)
    let offset = fround(fround(fround(sumQ2 * sumX) - fround(sumQ * sumXQ)) / determinant)
    if (offset > 0) {
      offset = 0
      candidate = fround(sumXQ / sumQ2)
    }
    let error = 0
    for (let i = 0; i < GROUP; i++) {
      const difference = fround(fround(fround(candidate * tried[i]!) + offset) - values[from + i]!)
      error = fround(error + fround(weights[i]! * fround(difference * difference)))
    }
    if (error < best) {
      levels.set(tried, to)
      best = error
      scale = candidate
      minimum = offset
    }
  }
  found.scale = scale
  found.minimum = -minimum
}

const TENTH = fround(0.1)

/**
 * What the searches divide by the range of the values, or by the extreme one, for each candidate of the inverse of the scale.
 *
 * @param first Added to `most` in the first candidate; each next one has 0.1 more.
 * @param steps Index of the last candidate.
 */
export const risingCandidates = (most: number, first: number, steps: number): Float32Array =>
  Float32Array.from({ length: steps + 1 }, (_, step) => fround(fround(first + fround(TENTH * step)) + most))

/** `most` itself first: the extreme value at the end of the range. Then nine steps below it and nine above. */
export const candidatesAround = (most: number): Float32Array =>
  Float32Array.from({ length: 19 }, (_, step) => {
    const shift = step === 0 ? 0 : step < 10 ? step - 10 : step - 9
    return fround(most + fround(TENTH * shift))
  })

/**
 * `x ≈ scale · (q - most)` with `q` in `0 .. 2·most - 1`, for `count` values. Errors count by `x²`.
 *
 * @param candidates {@link candidatesAround}
 * @returns the scale; the levels in `levels`
 */
export function searchScale(
  values: Float32Array,
  from: number,
  levels: Uint8Array,
  to: number,
  most: number,
  count: number,
  candidates: Float32Array,
): number {
  let extreme = 0
  for (let i = 0; i < count; i++) if (abs(values[from + i]!) > abs(extreme)) extreme = values[from + i]!
  if (abs(extreme) < NO_SCALE) {
    levels.fill(0, to, to + count)
    return 0
  }
  let scale = 0
  let best = 0
  for (let step = 0; step < candidates.length; step++) {
    const inverse = fround(-candidates[step]! / extreme)
    let sumXQ = 0
    let sumQ2 = 0
    for (let i = 0; i < count; i++) {
      const x = values[from + i]!
      const q = clampSigned(nearest(fround(inverse * x)), most)
      if (step === 0) levels[to + i] = q + most
      const w = fround(x * x)
      sumXQ = fround(sumXQ + fround(fround(w * x) * q))
      sumQ2 = fround(sumQ2 + fround(fround(w * q) * q))
    }
    if (step === 0) {
      scale = sumQ2 === 0 ? 0 : fround(sumXQ / sumQ2)
      best = fround(scale * sumXQ)
    } else if (sumQ2 > 0 && fround(sumXQ * sumXQ) > fround(best * sumQ2)) {
      for (let i = 0; i < count; i++) {
        levels[to + i] = most + clampSigned(nearest(fround(inverse * values[from + i]!)), most)
      }
      scale = fround(sumXQ / sumQ2)
      best = fround(scale * sumXQ)
    }
  }
  return scale
}

export const clamp = (q: number, most: number): number => (q < 0 ? 0 : Math.min(q, most))
export const clampSigned = (q: number, most: number): number => (q < -most ? -most : q >= most ? most - 1 : q)
