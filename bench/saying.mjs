// A grammar that makes a model say given tokens, so that random weights measure as well as trained ones.

/** The form of an answer that is these tokens, for a vocabulary of so many rows. */
export const saying = (tokens, vocabulary) => ({ begin: () => new Saying(tokens, vocabulary) })

class Saying {
  #rest
  #vocabulary
  constructor(tokens, vocabulary) {
    this.#rest = tokens
    this.#vocabulary = vocabulary
  }
  get complete() {
    return this.#rest.length === 0
  }
  allowed() {
    const mask = new Uint32Array(Math.ceil(this.#vocabulary / 32))
    if (!this.complete) mask[this.#rest[0] >> 5] = 1 << (this.#rest[0] & 31)
    return mask
  }
  accept() {
    this.#rest = this.#rest.slice(1)
  }
}
