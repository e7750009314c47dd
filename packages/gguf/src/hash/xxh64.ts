// XXH64 with seed 0, the quick hash that gguf-hash writes by default. Source: xxHash, doc/xxhash_spec.md. Only the loop over whole
// stripes is written for speed: 64-bit integers as pairs of 32 bits, because arithmetic on bigint is some ten times slower.

import { Blocks, type Digest } from './blocks.js'

const PRIME = [
  0n,
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const
const [, P1, P2, P3, P4, P5] = PRIME
const low = (x: bigint): number => Number(x & 0xffff_ffffn)
const high = (x: bigint): number => Number(x >> 32n)
const [P1_LOW, P1_HIGH, P2_LOW, P2_HIGH] = [low(P1) | 0, high(P1) | 0, low(P2) | 0, high(P2) | 0]

const wrap = (x: bigint): bigint => BigInt.asUintN(64, x)
const rotate = (x: bigint, by: bigint): bigint => wrap(x << by) | (x >> (64n - by))
const round = (lane: bigint, input: bigint): bigint => wrap(rotate(wrap(lane + input * P2), 31n) * P1)

/** Upper 32 bits of the product of two unsigned 32-bit integers. */
function upperProduct(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16]
  // None of these sums reaches 2^32.
  const first = Math.imul(a0, b1) >>> 0
  const middle = first + (Math.imul(a0, b0) >>> 16)
  const second = (middle & 0xffff) + (Math.imul(a1, b0) >>> 0)
  return (Math.imul(a1, b1) + (middle >>> 16) + (second >>> 16)) | 0
}

/** XXH64 in pieces. */
export class Xxh64 implements Digest {
  /** Four lanes, each its low and high half. */
  readonly #lanes = Int32Array.from(
    [wrap(P1 + P2), P2, 0n, wrap(-P1)].flatMap((lane) => [low(lane) | 0, high(lane) | 0]),
  )
  readonly #blocks = new Blocks(32, (view, at, count) => this.#stripes(view, at, count))

  update(bytes: Uint8Array): void {
    this.#blocks.update(bytes)
  }

  hex(): string {
    const { length, rest } = this.#blocks
    const lanes = Array.from({ length: 4 }, (_, i) => BigInt.asUintN(64, this.#lane(i)))
    let hash: bigint
    if (length < 32) hash = P5
    else {
      const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint]
      hash = wrap(rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n))
      for (const lane of lanes) hash = wrap((hash ^ round(0n, lane)) * P1 + P4)
    }
    hash = wrap(hash + BigInt(length))
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength)
    let at = 0
    for (; at + 8 <= rest.length; at += 8) {
      hash = wrap(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4)
    }
    if (at + 4 <= rest.length) {
      hash = wrap(rotate(hash ^ wrap(BigInt(view.getUint32(at, true)) * P1), 23n) * P2 + P3)
      at += 4
    }
    for (; at < rest.length; at++) hash = wrap(rotate(hash ^ wrap(BigInt(rest[at]!) * P5), 11n) * P1)
    hash = wrap((hash ^ (hash >> 33n)) * P2)
    hash = wrap((hash ^ (hash >> 29n)) * P3)
    return (hash ^ (hash >> 32n)).toString(16).padStart(16, '0')
  }

  #lane(i: number): bigint {
    return (BigInt(this.#lanes[2 * i + 1]! >>> 0) << 32n) | BigInt(this.#lanes[2 * i]! >>> 0)
  }

  /** Each lane takes every fourth 8 bytes: lane = rotate(lane + input * P2, 31) * P1. */
  #stripes(view: DataView, at: number, count: number): void {
    const lanes = this.#lanes
    for (let i = 0; i < 4; i++) {
      let laneLow = lanes[2 * i]!
      let laneHigh = lanes[2 * i + 1]!
      for (let from = at + 8 * i, end = from + 32 * count; from < end; from += 32) {
        const inLow = view.getInt32(from, true)
        const inHigh = view.getInt32(from + 4, true)
        const sumLow = (Math.imul(inLow, P2_LOW) >>> 0) + (laneLow >>> 0)
        const carry = sumLow > 0xffff_ffff ? 1 : 0
        const sumHigh =
          laneHigh + upperProduct(inLow, P2_LOW) + Math.imul(inLow, P2_HIGH) + Math.imul(inHigh, P2_LOW) + carry
        const turnedLow = (sumLow << 31) | ((sumHigh | 0) >>> 1)
        const turnedHigh = (sumHigh << 31) | ((sumLow | 0) >>> 1)
        laneLow = Math.imul(turnedLow, P1_LOW)
        laneHigh = (upperProduct(turnedLow, P1_LOW) + Math.imul(turnedLow, P1_HIGH) + Math.imul(turnedHigh, P1_LOW)) | 0
      }
      lanes[2 * i] = laneLow
      lanes[2 * i + 1] = laneHigh
    }
  }
}
