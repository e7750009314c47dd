// SHA-1, for manifests that have it and for UUIDs; not for safety. Source: FIPS 180-4, sections 4.1.1, 4.2.1, 5.3.1 and 6.1.

import { Blocks, type Digest, hexOfWords, padSha } from './blocks.js'

/** SHA-1 in pieces. */
export class Sha1 implements Digest {
  readonly #state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0)
  readonly #schedule = new Int32Array(80)
  readonly #blocks = new Blocks(64, (view, at, count) => {
    for (let i = 0; i < count; i++) this.#block(view, at + 64 * i)
  })

  update(bytes: Uint8Array): void {
    this.#blocks.update(bytes)
  }

  hex(): string {
    padSha(this.#blocks)
    return hexOfWords(this.#state)
  }

  #block(view: DataView, at: number): void {
    const state = this.#state
    const w = this.#schedule
    for (let t = 0; t < 16; t++) w[t] = view.getInt32(at + 4 * t)
    for (let t = 16; t < 80; t++) {
      const x = w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!
      w[t] = (x << 1) | (x >>> 31)
    }
    let [a, b, c, d, e] = state as unknown as [number, number, number, number, number]
    for (let t = 0; t < 80; t++) {
      const mixed =
        t < 20
          ? ((b & c) ^ (~b & d)) + 0x5a827999
          : t < 40
            ? (b ^ c ^ d) + 0x6ed9eba1
            : t < 60
              ? ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc
              : (b ^ c ^ d) + 0xca62c1d6
      const next = (((a << 5) | (a >>> 27)) + mixed + e + w[t]!) | 0
      e = d
      d = c
      c = (b << 30) | (b >>> 2)
      b = a
      a = next
    }
    // An Int32Array keeps the sums modulo 2^32.
    state[0]! += a
    state[1]! += b
    state[2]! += c
    state[3]! += d
    state[4]! += e
  }
}
