// How much to guess, pass after pass of one generation. What is chosen never depends on it.

import { FakError } from '@fak/tensor'
import { drain, type Timeline } from '../timeline.js'
import type { Drafter, SpeculationFigures } from './drafter.js'

/** Longest pause, in passes, of a drafter whose guesses do not come. */
const LONGEST_PAUSE = 32

/** The decoding passes of one generation, with guesses where they have been worth it. */
export class Speculation {
  readonly #drafter: Drafter | null
  readonly #most: number
  #wanted: number
  #pause = 0
  #nextPause = 1
  #last = { drafted: 0, accepted: 0 }
  #passes = 0
  #drafted = 0
  #accepted = 0

  /** @param most Most guesses at once; 0 for none. */
  constructor(drafter: Drafter | null, most: number) {
    this.#drafter = most > 0 ? drafter : null
    this.#most = most
    this.#wanted = most
  }

  /** Guesses that came. */
  get accepted(): number {
    return this.#accepted
  }

  /** `null` for a generation without a drafter. */
  get figures(): SpeculationFigures | null {
    if (this.#drafter === null) return null
    const [passes, drafted, accepted] = [this.#passes, this.#drafted, this.#accepted]
    const tokensPerPass = passes === 0 ? null : (passes + accepted) / passes
    return { drafter: this.#drafter.name, passes, drafted, accepted, tokensPerPass }
  }

  /** Computes what waits, and at most `room` guesses behind it. */
  async pass(timeline: Timeline, room: number, signal: AbortSignal | undefined): Promise<void> {
    const drafter = this.#drafter
    timeline.settle()
    if (drafter !== null) this.#learn()
    const waiting = timeline.waiting.length
    const most = this.#pause > 0 ? 0 : Math.min(this.#wanted, room, timeline.stepTokens - waiting)
    if (this.#pause > 0) this.#pause--
    const guesses =
      drafter === null || most < 1
        ? new Uint32Array(0)
        : (await drafter.guess({ tokens: timeline.tokens, waiting }, most)).slice(0, most)
    this.#passes++
    try {
      if (guesses.length > 0 && (await timeline.attempt(guesses, signal))) {
        this.#drafted += guesses.length
        this.#last.drafted = guesses.length
        return
      }
    } catch (error) {
      // Plain decoding may never meet what a guess led to; if it does, it says so.
      if (!FakError.isInstance(error, 'NON_FINITE')) throw error
      this.#pause = Infinity
      return
    }
    await drain(timeline.compute(Uint32Array.from(timeline.waiting), { rows: 'last', signal }))
  }

  /** A guess came. */
  accept(): void {
    this.#accepted++
    this.#last.accepted++
  }

  /** As many as came last time and one more; twice as many when all came; a pause, longer each time, when none did. */
  #learn(): void {
    const { drafted, accepted } = this.#last
    this.#last = { drafted: 0, accepted: 0 }
    if (drafted === 0) return
    if (accepted > 0) {
      this.#wanted = Math.min(this.#most, accepted === drafted ? 2 * Math.max(drafted, this.#wanted) : accepted + 1)
      this.#nextPause = 1
    } else if (this.#wanted > 1) {
      this.#wanted = 1
    } else if (this.#pause !== Infinity) {
      this.#pause = this.#nextPause
      this.#nextPause = Math.min(LONGEST_PAUSE, 2 * this.#nextPause)
    }
  }
}
