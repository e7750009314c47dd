// SHA-256. Source: FIPS 180-4, sections 4.1.2, 4.2.2, 5.3.3 and 6.2.

import { Blocks, type Digest, hexOfWords, padSha } from './blocks.js'

/** First 32 bits of the fraction of `x ** (1 / power)`, exactly: the largest integer r with r^power <= x * 2^(32 power). */
function fractionOfRoot(x: number, power: bigint): number {
  const target = BigInt(x) << (32n * power)
  let low = 0n
  let high = 1n << 40n
  while (high - low > 1n) {
    const middle = (low + high) >> 1n
    if (middle ** power <= target) low = middle
    else high = middle
  }
  return Number(low & 0xffff_ffffn)
}

/** The initial state and the 64 constants: roots of the first primes. Made at the first use, for most never hash. */
function makeTables(): { initial: Int32Array; constants: Int32Array } {
  const primes: number[] = []
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return {
    initial: Int32Array.from(primes.slice(0, 8), (prime) => fractionOfRoot(prime, 2n) | 0),
    constants: Int32Array.from(primes, (prime) => fractionOfRoot(prime, 3n) | 0),
  }
}
let tables: ReturnType<typeof makeTables> | undefined

/** SHA-256 in pieces. */
export class Sha256 implements Digest {
  readonly #constants: Int32Array
  readonly #state: Int32Array
  readonly #schedule = new Int32Array(64)
  readonly #blocks = new Blocks(64, (view, at, count) => {
    for (let i = 0; i < count; i++) this.#block(view, at + 64 * i)
  })

  constructor() {
    tables ??= makeTables()
    this.#constants = tables.constants
    this.#state = tables.initial.slice()
  }

  update(bytes: Uint8Array): void {
    this.#blocks.update(bytes)
  }

  hex(): string {
    padSha(this.#blocks)
    return hexOfWords(this.#state)
  }

  #block(view: DataView, at: number): void {
    const state = this.#state
    const constants = this.#constants
    const w = this.#schedule
    for (let t = 0; t < 16; t++) w[t] = view.getInt32(at + 4 * t)
    for (let t = 16; t < 64; t++) {
      const x = w[t - 15]!
      const y = w[t - 2]!
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      w[t] = (w[t - 16]! + s0 + w[t - 7]! + s1) | 0
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
    for (let t = 0; t < 64; t++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + constants[t]! + w[t]!) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    // An Int32Array keeps the sums modulo 2^32.
    state[0]! += a
    state[1]! += b
    state[2]! += c
    state[3]! += d
    state[4]! += e
    state[5]! += f
    state[6]! += g
    state[7]! += h
  }
}
