// Whole blocks of a slow source, fetched once and kept for a while. Owns what is kept; knows nothing about HTTP.

/** Unit of fetching. A header is a few megabytes at most, so this makes it tens of requests, not thousands. */
export const URL_BLOCK_BYTES = 256 * 1024
/** Blocks kept, 8 MiB in all: a header with its vocabulary, and some of the neighbourhood of the last reads. */
export const URL_CACHED_BLOCKS = 32
/** From this length on, a read is fetched as it is and not kept. */
export const URL_DIRECT_BYTES = 4 * 1024 * 1024

type Fetch = (offset: number, length: number) => Promise<Uint8Array>

/** Least-recently-used cache of blocks. Two readers that want the same block share one request. */
export class BlockCache {
  // A Map iterates in insertion order, and every use re-inserts: the first key is the least recently used.
  readonly #blocks = new Map<number, Promise<Uint8Array>>()

  constructor(
    private readonly size: number,
    private readonly fetch: Fetch,
  ) {}

  /** Bytes `offset..offset + length`, which must lie inside the source. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0)
    if (length >= URL_DIRECT_BYTES) return this.fetch(offset, length)
    const first = Math.floor(offset / URL_BLOCK_BYTES)
    const last = Math.floor((offset + length - 1) / URL_BLOCK_BYTES)
    const out = new Uint8Array(length)
    const blocks = this.#want(first, last)
    for (const [i, block] of (await Promise.all(blocks)).entries()) {
      const start = (first + i) * URL_BLOCK_BYTES
      const from = Math.max(offset - start, 0)
      const to = Math.min(offset + length - start, block.length)
      out.set(block.subarray(from, to), start + from - offset)
    }
    return out
  }

  /** Keeps bytes that begin at a block boundary and are one block, or the rest of the source. */
  put(offset: number, bytes: Uint8Array): void {
    this.#keep(offset / URL_BLOCK_BYTES, Promise.resolve(bytes))
  }

  clear(): void {
    this.#blocks.clear()
  }

  /** Promises of blocks `first..last`; each run of missing neighbours becomes one request. */
  #want(first: number, last: number): Promise<Uint8Array>[] {
    const wanted: Promise<Uint8Array>[] = []
    for (let index = first; index <= last; ) {
      const kept = this.#blocks.get(index)
      if (kept !== undefined) {
        wanted.push(kept)
        this.#keep(index, kept)
        index++
        continue
      }
      let end = index + 1
      while (end <= last && !this.#blocks.has(end)) end++
      const start = index * URL_BLOCK_BYTES
      const run = this.fetch(start, Math.min(end * URL_BLOCK_BYTES, this.size) - start)
      for (; index < end; index++) {
        const from = index * URL_BLOCK_BYTES - start
        // slice, not subarray: a kept block must not hold the memory of its whole run.
        const block = run.then((bytes) => bytes.slice(from, from + URL_BLOCK_BYTES))
        wanted.push(block)
        this.#keep(index, block)
      }
    }
    return wanted
  }

  #keep(index: number, block: Promise<Uint8Array>): void {
    this.#blocks.delete(index)
    this.#blocks.set(index, block)
    // A failed request must not be remembered, or the source stays broken after the network recovers.
    block.catch(() => {
      if (this.#blocks.get(index) === block) this.#blocks.delete(index)
    })
    if (this.#blocks.size > URL_CACHED_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value!)
  }
}
