// e^x for x <= 0 from additions and multiplications alone. Engines may round Math.exp differently, and a draw that falls on
// the border of two tokens would then differ between machines; these operations are the same bits everywhere.

// ln 2 in two parts: the first has trailing zeros, so that k times it is exact for every k used here.
const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10
/** Below this the result would be subnormal; no weight that small can win a draw. */
const UNDERFLOW = -708

const HALVES = Float64Array.from({ length: 1024 }, () => 1)
for (let k = 1; k < HALVES.length; k++) HALVES[k] = HALVES[k - 1]! / 2

// Taylor coefficients 1/n!; on |r| <= ln(2)/2 the first one left out contributes 4e-18.
const COEFFICIENTS = Float64Array.from({ length: 14 }, () => 1)
for (let n = 1; n < COEFFICIENTS.length; n++) COEFFICIENTS[n] = COEFFICIENTS[n - 1]! / n

/** e^x for x <= 0, to about one unit in the last place; 0 below -708. */
export function expNegative(x: number): number {
  if (x < UNDERFLOW) return 0
  const k = Math.round(x * Math.LOG2E)
  const r = x - k * LN2_HIGH - k * LN2_LOW
  let sum = COEFFICIENTS[13]!
  for (let n = 12; n >= 0; n--) sum = sum * r + COEFFICIENTS[n]!
  return sum * HALVES[-k]!
}
