// Guesses by a draft head that comes with the model: it reads the model's hidden rows, and its own for a chain of guesses.

import type { PreparedProgram, SequenceState, StepResult } from '@fak/graph'
import { FakError } from '@fak/tensor'
import { argmax } from '../sampling/logits.js'
import type { DraftContext, Drafter } from './drafter.js'

/** Choices for {@link mtpDrafter}. */
export interface MtpOptions {
  /** How many ids are real tokens; see {@link SessionOptions.vocabSize}. Default: all rows of the head. */
  readonly vocabSize?: number
  /** Most guesses at once, each a step of the head. Default 3. */
  readonly most?: number
}

/**
 * A drafter that runs a draft head for multi-token prediction. The model's Program must have the output `hidden` `[T, d]`.
 *
 * @param head The draft head: an input `hidden` `[T, d]`, outputs `logits` and `hidden`. The drafter does not own it; its sequence it does.
 * @throws FakError `PROGRAM_NO_HIDDEN` for a Program that is no draft head; `DISPOSED`, `OUT_OF_MEMORY`
 */
export function mtpDrafter(head: PreparedProgram, options: MtpOptions = {}): Drafter {
  return new MtpDrafter(head, options)
}

/** A token and the row before it. */
interface Entry {
  readonly token: number
  readonly before: Float32Array
}

class MtpDrafter implements Drafter {
  readonly name = 'mtp'
  readonly most: number
  readonly #head: PreparedProgram
  readonly #width: number
  readonly #vocabSize: number
  /** One entry for every computed token that {@link take} has seen, but for those that wait; and one for {@link #ahead}. */
  readonly #state: SequenceState
  #waiting: Entry[] = []
  /** The token behind them that the last guess began with: the model is about to compute it. */
  #ahead: number | null = null
  /** The row after the last token seen. */
  #last: Float32Array
  #running: Promise<unknown> = Promise.resolve()

  constructor(head: PreparedProgram, { vocabSize, most = 3 }: MtpOptions) {
    const { values, outputs } = head.program
    const input = values.find(({ kind, label }) => kind === 'input' && label === 'hidden')
    const logits = outputs.logits === undefined ? undefined : values[outputs.logits]
    if (input === undefined || logits === undefined || outputs.hidden === undefined) {
      const reason = 'a draft head has an input "hidden" and outputs "logits" and "hidden"'
      throw new FakError('PROGRAM_NO_HIDDEN', { reason, field: 'head' })
    }
    this.most = most
    this.#head = head
    this.#width = Number(input.shape[1])
    this.#vocabSize = vocabSize ?? Number(logits.shape[1])
    this.#state = head.createState()
    this.#last = new Float32Array(this.#width)
  }

  take(tokens: Uint32Array, { hidden }: Readonly<Record<string, Float32Array>>): void {
    if (hidden === undefined) {
      throw new FakError('PROGRAM_NO_HIDDEN', {
        reason: 'the model does not give the hidden rows that its draft head reads',
        field: 'outputs',
      })
    }
    // Something else was computed than what was about to be: there is no way back but the beginning.
    if (this.#ahead !== null && tokens.length > 0 && tokens[0] !== this.#ahead) this.reset()
    for (const [i, token] of tokens.entries()) {
      if (this.#ahead === null) this.#waiting.push({ token, before: this.#last })
      this.#ahead = null
      this.#last = hidden.slice(i * this.#width, (i + 1) * this.#width)
    }
  }

  async settle(): Promise<void> {
    while (this.#waiting.length > 0) await this.#enter(this.#waiting.slice(0, this.#head.maxTokens), 0)
  }

  /** Runs the head over entries at the end of its sequence. */
  async #enter(entries: readonly Entry[], rows: number): Promise<StepResult> {
    const hidden = new Float32Array(entries.length * this.#width)
    for (const [i, { before }] of entries.entries()) hidden.set(before, i * this.#width)
    const tokens = Uint32Array.from(entries, ({ token }) => token)
    const result = await this.#run({ state: this.#state, tokens, inputs: { hidden }, rows })
    this.#waiting.splice(0, entries.length)
    return result
  }

  async guess({ tokens, waiting }: DraftContext, most: number): Promise<Uint32Array> {
    const guesses: number[] = []
    // Of a second token that waits, nobody knows the row before it.
    if (waiting !== 1 || most < 1 || this.#ahead !== null) return Uint32Array.from(guesses)
    let trial: SequenceState | undefined
    try {
      const token = tokens.at(-1)!
      if (this.#waiting.length >= this.#head.maxTokens) await this.settle()
      const { outputs } = await this.#enter([...this.#waiting, { token, before: this.#last }], 1)
      this.#ahead = token
      let hidden: Float32Array = outputs.hidden!.slice(-this.#width)
      guesses.push(this.#best(outputs.logits!))
      // What is guessed from guesses goes with a copy.
      if (guesses.length < most) trial = this.#state.fork()
      while (guesses.length < most) {
        const step = { state: trial!, tokens: Uint32Array.of(guesses.at(-1)!), inputs: { hidden }, rows: 1 }
        const { outputs: more } = await this.#run(step)
        hidden = more.hidden!
        guesses.push(this.#best(more.logits!))
      }
    } catch (error) {
      // A head that cannot guess is no reason to stop.
      if (!FakError.isInstance(error, 'NON_FINITE') && !FakError.isInstance(error, 'OUT_OF_MEMORY')) throw error
      if (this.#state.lost) this.reset()
    } finally {
      await trial?.dispose()
    }
    return Uint32Array.from(guesses)
  }

  #best(logits: Float32Array): number {
    return argmax(logits.subarray(0, this.#vocabSize))
  }

  reset(): void {
    this.#state.reset()
    this.#waiting = []
    this.#ahead = null
    this.#last = new Float32Array(this.#width)
  }

  async dispose(): Promise<void> {
    await this.#running.catch(() => {})
    await this.#state.dispose()
  }

  #run(step: Parameters<PreparedProgram['run']>[0]): Promise<StepResult> {
    const running = this.#head.run(step)
    this.#running = running
    return running
  }
}
