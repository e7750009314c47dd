// How far two runs are apart.

/** Distance of two sets of logits. */
export interface LogitsComparison {
  readonly rows: number
  /** Mean over rows of KL(expected ‖ actual), in nats. */
  readonly meanKl: number
  readonly maxKl: number
  /** Largest |difference| of two logits. */
  readonly maxDelta: number
  /** Rows in which the most likely token is not the same. */
  readonly top1Differences: number
}

/**
 * Compares logits row by row.
 *
 * @param expected, actual `[rows, vocabulary]` row-major, of one length.
 */
export function compareLogits(expected: Float32Array, actual: Float32Array, vocabulary: number): LogitsComparison {
  if (expected.length !== actual.length || expected.length % vocabulary !== 0) {
    throw new Error(`cannot compare ${expected.length} with ${actual.length} logits in rows of ${vocabulary}`)
  }
  const rows = expected.length / vocabulary
  let [sumKl, maxKl, maxDelta, top1Differences] = [0, 0, 0, 0]
  for (let row = 0; row < rows; row++) {
    const e = expected.subarray(row * vocabulary, (row + 1) * vocabulary)
    const a = actual.subarray(row * vocabulary, (row + 1) * vocabulary)
    const [logZe, logZa] = [logSumExp(e), logSumExp(a)]
    let kl = 0
    for (let i = 0; i < vocabulary; i++) {
      const logP = e[i]! - logZe
      kl += Math.exp(logP) * (logP - (a[i]! - logZa))
      const delta = Math.abs(e[i]! - a[i]!)
      // A NaN is as far away as can be; a plain maximum would pass over it.
      maxDelta = delta <= maxDelta ? maxDelta : Number.isNaN(delta) ? Infinity : delta
    }
    sumKl += kl
    maxKl = kl <= maxKl ? maxKl : Number.isNaN(kl) ? Infinity : kl
    if (indexOfMax(e) !== indexOfMax(a)) top1Differences++
  }
  return { rows, meanKl: sumKl / rows, maxKl, maxDelta, top1Differences }
}

function logSumExp(values: Float32Array): number {
  const max = values.reduce((a, b) => Math.max(a, b), -Infinity)
  return max + Math.log(values.reduce((sum, x) => sum + Math.exp(x - max), 0))
}

/** Index of the largest value; the lowest one of several. */
export function indexOfMax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

/** Whether two arrays hold the same bits; NaN equals itself and -0 is not 0. */
export function sameBits(a: Float32Array, b: Float32Array): boolean {
  const [x, y] = [a, b].map((array) => new Uint32Array(array.buffer, array.byteOffset, array.length))
  return x!.length === y!.length && x!.every((word, i) => word === y![i])
}
