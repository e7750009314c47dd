// How fast bytes go through and how long the rest will take, for a line of progress.

import { bytes } from './output.js'

/** The rate is that of this last while, so that it follows what the machine does now. */
const WINDOW_MS = 10_000

/** Follows a transfer of bytes. */
export class TransferRate {
  readonly #marks: { readonly at: number; readonly done: number }[] = []

  /** @param now for tests: milliseconds that only grow */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** `210 MB/s, 1 min 20 s left`, or nothing while too little is known. */
  describe(done: number, total: number): string {
    const at = this.now()
    this.#marks.push({ at, done })
    while (this.#marks.length > 2 && at - this.#marks[0]!.at > WINDOW_MS) this.#marks.shift()
    const first = this.#marks[0]!
    const seconds = (at - first.at) / 1000
    if (seconds < 0.5 || done <= first.done) return ''
    const rate = (done - first.done) / seconds
    return `${bytes(Math.round(rate))}/s, ${duration((total - done) / rate)} left`
  }
}

/** A duration for people: `45 s`, `1 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
