// The distance of two engines' predictions, position by position.

import { logSumExp } from '../../packages/session/dist/index.js'

/** Distances of a run; see {@link Comparison.result}. */
export class Comparison {
  #positions = 0
  #sumKl = 0
  #maxKl = 0
  #maxDelta = 0
  #parted = []

  /**
   * @param expected, actual logits of one position
   * @param where names the position where the engines part
   */
  add(expected, actual, where) {
    if (expected.length !== actual.length) throw new Error(`${expected.length} logits against ${actual.length}`)
    const [zeroE, zeroA] = [logSumExp(expected), logSumExp(actual)]
    let [kl, delta, bestE, bestA] = [0, 0, 0, 0]
    for (let id = 0; id < expected.length; id++) {
      const [e, a] = [expected[id] - zeroE, actual[id] - zeroA]
      kl += Math.exp(e) * (e - a)
      delta = Math.max(delta, Math.abs(e - a))
      if (expected[id] > expected[bestE]) bestE = id
      if (actual[id] > actual[bestA]) bestA = id
    }
    this.#positions++
    this.#sumKl += kl
    this.#maxKl = Math.max(this.#maxKl, kl)
    this.#maxDelta = Math.max(this.#maxDelta, delta)
    if (bestE !== bestA) {
      const gaps = [expected[bestE] - expected[bestA], actual[bestA] - actual[bestE]]
      this.#parted.push({ ...where, tokens: [bestE, bestA], gaps })
    }
  }

  /**
   * Mean and largest KL(expected ‖ actual) in nats, the largest difference of two log-probabilities, the share of positions with the
   * same most likely token, and the other positions: both tokens, and how far each engine sees its own before the other's.
   */
  result() {
    const positions = this.#positions
    if (positions === 0) throw new Error('nothing was compared')
    return {
      positions,
      meanKl: this.#sumKl / positions,
      maxKl: this.#maxKl,
      maxDelta: this.#maxDelta,
      sameTop1: 1 - this.#parted.length / positions,
      parted: this.#parted,
    }
  }
}

/** Compares two sources of rows of one length. */
export async function compareRows(expected, actual, sequence, into) {
  const others = actual[Symbol.asyncIterator]()
  let position = 0
  for await (const row of expected) {
    const { value, done } = await others.next()
    if (done) throw new Error(`only ${position} positions to compare with`)
    into.add(row, value, { sequence, position: position++ })
  }
  if (!(await others.next()).done) throw new Error(`more than ${position} positions to compare with`)
}
