// Random numbers for sampling, without a generator that anybody could advance: a number is a pure function of
// (seed, position), so a token drawn at a position is the same whatever was drawn before, beside or after it.

/** Largest seed: an integer that a JavaScript number holds exactly. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const
const PARITY = 0x1bd11bda
const ROUNDS = 20

/**
 * Threefry-2x32 with 20 rounds: a keyed bijection of two 32-bit words that needs only adds, rotations and exclusive ors.
 * Definition and known answers: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC11), and its
 * Random123 library.
 */
export function threefry2x32(key: readonly [number, number], counter: readonly [number, number]): [number, number] {
  const keys = [key[0], key[1], PARITY ^ key[0] ^ key[1]]
  let x = (counter[0] + keys[0]!) | 0
  let y = (counter[1] + keys[1]!) | 0
  for (let round = 0; round < ROUNDS; round++) {
    const r = ROTATIONS[round % 8]!
    x = (x + y) | 0
    y = ((y << r) | (y >>> (32 - r))) ^ x
    if (round % 4 === 3) {
      const injection = (round + 1) / 4
      x = (x + keys[injection % 3]!) | 0
      y = (y + keys[(injection + 1) % 3]! + injection) | 0
    }
  }
  return [x >>> 0, y >>> 0]
}

/**
 * A number in [0, 1) with 53 random bits.
 *
 * @param seed 0 to {@link MAX_SEED}
 * @param position 0 to 2^53 - 1: where in the sequence the drawn token will stand
 */
export function uniform(seed: number, position: number): number {
  const [high, low] = threefry2x32(words(seed), words(position))
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}

const words = (value: number): [number, number] => [(value % 2 ** 32) | 0, Math.floor(value / 2 ** 32)]
