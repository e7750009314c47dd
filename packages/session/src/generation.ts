// One generation: prefill, then choose, decode, check the stop rules, compute, until something says stop.

import { FakError } from '@fak/tensor'
import type { StreamDecoder } from '@fak/tokenizer'
import type { FinishReason, SessionEvent, Timings } from './events.js'
import type { ResolvedOptions } from './options.js'
import { Course } from './reasoning.js'
import { choose } from './sampling/choose.js'
import { banTokens, logSumExp, type TokenLogprob, topLogprobs } from './sampling/logits.js'
import type { Drafter } from './speculation/drafter.js'
import { Speculation } from './speculation/speculation.js'
import { StopStrings } from './stop-strings.js'
import type { PrefixReuse, Timeline } from './timeline.js'

/** What a session needs of a tokenizer; the `Tokenizer` of @fak/tokenizer is one. */
export interface SessionTokenizer {
  /** A decoder for one stream of ids. */
  streamDecoder(): Pick<StreamDecoder, 'push' | 'end'>
}

/** Everything one generation works with. */
export interface Generation {
  readonly timeline: Timeline
  /** Prompt tokens that need no computing and where they come from, those that do, and after how many of these to keep the state. */
  readonly cached: number
  readonly reuse: PrefixReuse
  readonly todo: Uint32Array
  readonly keepAt: readonly number[]
  readonly contextLength: number
  readonly vocabSize: number
  readonly unusedTokens: Uint32Array
  readonly drafter: Drafter | null
  readonly decoder: ReturnType<SessionTokenizer['streamDecoder']> | undefined
  readonly options: ResolvedOptions
}

/** Runs a generation. Computes only when pulled. */
export async function* generateEvents(generation: Generation): AsyncGenerator<SessionEvent, void> {
  const { timeline, cached, reuse, todo, keepAt, contextLength, vocabSize, unusedTokens } = generation
  const { drafter, decoder, options } = generation
  const { sampling, maxTokens, stopTokens, signal } = options
  const stop = new StopStrings(options.stop)
  const course = new Course(options.reasoning, options.grammar?.begin() ?? null)
  const speculation = new Speculation(drafter, options.speculate)
  const clock = new Clock()
  const tokens: number[] = []
  let text = ''
  let matched: number | string | null = null
  let finishReason: FinishReason | null = null

  // An abort ends the generation; every other failure is the reader's.
  const untilAborted = async (work: () => Promise<unknown>) => {
    try {
      await work()
    } catch (error) {
      if (!FakError.isInstance(error, 'ABORTED')) throw error
      finishReason = 'aborted'
    }
  }

  const prefill = timeline.compute(todo, { rows: 'last', signal, keepAt })
  let done = 0
  while (done < todo.length && finishReason === null) {
    await untilAborted(async () => {
      const step = await clock.time('prefill', () => prefill.next())
      if (!step.done) done = step.value.done
    })
    if (finishReason === null) yield { type: 'prefill', done, total: todo.length }
  }

  const history = timeline.tokens
  const promptLength = history.length
  while (finishReason === null) {
    if (signal?.aborted) finishReason = 'aborted'
    else if (course.finished) finishReason = 'stop'
    else if (tokens.length === maxTokens) finishReason = 'length'
    else if (timeline.length >= contextLength) finishReason = 'context'
    if (finishReason !== null) break

    const { forced } = course
    if (forced === null && timeline.waiting.length > 0) {
      // The last token that may come needs no logits after it.
      const room = Math.min(maxTokens - tokens.length, contextLength - timeline.length) - 1
      await untilAborted(() => clock.time('decode', () => speculation.pass(timeline, room, signal)))
      continue
    }

    let id = forced
    let about = {}
    if (id === null) {
      const row = timeline.row!.subarray(0, vocabSize)
      banTokens(row, unusedTokens)
      id = await clock.time('choice', async () =>
        choose(row, { sampling, course, stopTokens }, { tokens: history, promptLength }),
      )
      about = logprobsOf(row, id, options)
    }
    if (timeline.choose(id)) speculation.accept()
    history.push(id)
    if (forced === null && stopTokens.has(id)) {
      matched = id
      finishReason = 'stop'
      break
    }
    course.take(id)
    tokens.push(id)
    const piece = decoder?.push(id) ?? ''
    yield { type: 'token', id, text: piece, ...(forced !== null && { forced: true as const }), ...about }
    const shown = stop.push(piece)
    if (shown.text !== '') {
      text += shown.text
      yield { type: 'text', text: shown.text }
    }
    if (shown.matched !== null) {
      matched = shown.matched
      finishReason = 'stop-string'
    }
  }

  if (finishReason !== 'stop-string') {
    // What is left of a character, and text that only looked like the beginning of a stop string.
    const rest = stop.push(decoder?.end() ?? '').text + stop.flush()
    if (rest !== '') {
      text += rest
      yield { type: 'text', text: rest }
    }
  }

  yield {
    type: 'done',
    finishReason,
    matched,
    tokens,
    thought: course.thought,
    text,
    promptTokens: cached + todo.length,
    cachedTokens: cached,
    reuse,
    seed: sampling.seed,
    speculation: speculation.figures,
    timings: clock.timings(done, speculation.accepted),
  }
}

/** What the caller wants to know of the model's own distribution. */
function logprobsOf(
  row: Float32Array,
  id: number,
  wanted: ResolvedOptions,
): { logprob?: number; topLogprobs?: readonly TokenLogprob[] } {
  return {
    ...(wanted.logprobs && { logprob: row[id]! - logSumExp(row) }),
    ...(wanted.topLogprobs > 0 && { topLogprobs: topLogprobs(row, wanted.topLogprobs) }),
  }
}

/** Adds up the time of computing, without the time the reader takes between events. */
class Clock {
  readonly #ms = { prefill: 0, decode: 0, choice: 0 }
  #steps = 0

  async time<T>(part: 'prefill' | 'decode' | 'choice', work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    const result = await work()
    this.#ms[part] += performance.now() - start
    if (part === 'decode') this.#steps++
    return result
  }

  timings(prefilled: number, accepted: number): Timings {
    const decodeMs = this.#ms.decode + this.#ms.choice
    return {
      prefillMs: this.#ms.prefill,
      prefillTokensPerSecond: perSecond(prefilled, this.#ms.prefill),
      decodeMs,
      tokensPerSecond: perSecond(this.#steps + accepted, decodeMs),
    }
  }
}

const perSecond = (count: number, ms: number) => (count === 0 || ms === 0 ? null : (count * 1000) / ms)
