// How far two runs of one value are apart. The one measure of this repository: comparisons, conformance and parity tests use it.

import { FakError } from '@fak/tensor'

/** One element of a matrix in two runs. */
export interface DifferingElement {
  readonly row: number
  readonly column: number
  readonly expected: number
  readonly actual: number
}

/** Distance of two matrices of one shape. */
export interface Difference {
  /**
   * Over all rows, the largest `max |actual - expected| / max |expected|` of a row: a row is measured against its own magnitude, because
   * one token's activations can be thousands of times those of the next. Infinity where a number meets NaN or infinity, or a row of
   * zeros does not stay one.
   */
  readonly error: number
  /** Over all elements, `‖actual - expected‖ / ‖expected‖`: not the worst place, but what is usual. */
  readonly rms: number
  /** Elements that are not the same number; 0 and -0 are not, NaN and NaN are. */
  readonly differing: number
  /** The largest difference in the row that `error` comes from; absent when nothing differs. */
  readonly at?: DifferingElement
}

/**
 * Measures how far `actual` is from `expected`.
 *
 * @param expected Row-major, rows of `columns` elements; `actual` likewise.
 * @throws FakError `COMPARE_MISMATCH` for unlike lengths
 */
export function difference(expected: Float32Array, actual: Float32Array, columns: number): Difference {
  if (expected.length !== actual.length) {
    const reason = `${actual.length} elements cannot be compared with ${expected.length}`
    throw new FakError('COMPARE_MISMATCH', { reason })
  }
  let [error, differing, worst, squares, total] = [0, 0, -1, 0, 0]
  for (let start = 0; start < expected.length; start += columns) {
    const row = rowDifference(expected, actual, start, start + columns)
    differing += row.differing
    squares += row.squares
    total += row.total
    if (row.at >= 0 && (worst < 0 || row.error > error)) [error, worst] = [row.error, row.at]
  }
  if (worst < 0) return { error, rms: 0, differing }
  const rms = squares === 0 ? 0 : error === Infinity || total === 0 ? Infinity : Math.sqrt(squares / total)
  const at = {
    row: Math.floor(worst / columns),
    column: worst % columns,
    expected: expected[worst]!,
    actual: actual[worst]!,
  }
  return { error, rms, differing, at }
}

function rowDifference(expected: Float32Array, actual: Float32Array, start: number, end: number) {
  let [largest, magnitude, differing, at, squares, total] = [0, 0, 0, -1, 0, 0]
  for (let i = start; i < end; i++) {
    const [e, a] = [expected[i]!, actual[i]!]
    magnitude = Math.max(magnitude, Math.abs(e))
    total += e * e
    if (Object.is(e, a)) continue
    differing++
    const distance = Math.abs(a - e)
    // A number against NaN or infinity is as far as can be; a plain maximum would pass over NaN.
    const delta = Number.isFinite(distance) ? distance : Infinity
    squares += delta * delta
    if (at < 0 || delta > largest) [largest, at] = [delta, i]
  }
  const error = largest === 0 ? 0 : largest === Infinity || magnitude === 0 ? Infinity : largest / magnitude
  return { error, differing, at, squares, total }
}
