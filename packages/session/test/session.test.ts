import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import {
  createSession,
  type DoneEvent,
  type GenerateOptions,
  type Prompt,
  type Session,
  type SessionEvent,
} from '../src/index.js'
import { scripted, toyModel, toyTokenizer } from './toy.js'

async function collect(events: AsyncIterable<SessionEvent>): Promise<SessionEvent[]> {
  const all: SessionEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

async function finish(session: Session, prompt: Prompt, options: GenerateOptions = {}): Promise<DoneEvent> {
  return (await collect(session.generate(prompt, options))).at(-1) as DoneEvent
}

const code = (name: string) => expect.objectContaining({ code: name })
const range = (n: number, from = 0) => Array.from({ length: n }, (_, i) => (from + i) % 30)

describe('prefill', () => {
  it('runs in chunks and asks for logits only at the end', async () => {
    const { prepared, steps } = toyModel({ maxTokens: 8 })
    const session = createSession(prepared, { contextLength: 100 })
    const events = await collect(session.generate(range(19), { maxTokens: 1 }))
    expect(steps.map(({ tokens, rows }) => [tokens.length, rows])).toEqual([
      [8, 0],
      [8, 0],
      [3, 1],
    ])
    expect(events.filter((e) => e.type === 'prefill').map((e) => [e.done, e.total])).toEqual([
      [8, 19],
      [16, 19],
      [19, 19],
    ])
  })

  it.each([1, 2, 7, 19, 64])('gives the same tokens with chunks of %i', async (maxTokens) => {
    const reference = createSession(toyModel({ maxTokens: 8 }).prepared, { contextLength: 100 })
    const session = createSession(toyModel({ maxTokens }).prepared, { contextLength: 100 })
    const options = { maxTokens: 20, temperature: 1, seed: 3 }
    expect((await finish(session, range(19), options)).tokens).toEqual(
      (await finish(reference, range(19), options)).tokens,
    )
  })

  it('computes nothing before it is pulled, and no more than was pulled', async () => {
    const { prepared, steps } = toyModel({ maxTokens: 8 })
    const session = createSession(prepared, { contextLength: 100 })
    const events = session.generate(range(10), { maxTokens: 5 })
    await new Promise((resume) => setTimeout(resume, 5))
    expect(steps).toHaveLength(0)
    await events.next()
    await new Promise((resume) => setTimeout(resume, 5))
    expect(steps).toHaveLength(1)
    await events.return()
    expect(steps).toHaveLength(1)
  })
})

describe('sync and reuse', () => {
  it('computes only what extends the held tokens, with the same answer as a cold run', async () => {
    const { prepared, steps } = toyModel()
    const session = createSession(prepared, { contextLength: 200 })
    const first = await finish(session, range(10), { maxTokens: 6 })
    steps.length = 0
    const longer = [...range(10), ...first.tokens, 4, 5, 6]
    const warm = await finish(session, longer, { maxTokens: 5 })
    expect(warm.promptTokens).toBe(19)
    // The last token of the first answer was chosen, but no step had taken it.
    expect(warm.cachedTokens).toBe(15)
    expect(steps[0]!.tokens).toEqual([first.tokens[5], 4, 5, 6])
    const cold = await finish(createSession(toyModel().prepared, { contextLength: 200 }), longer, { maxTokens: 5 })
    expect(warm.tokens).toEqual(cold.tokens)
    expect(cold.cachedTokens).toBe(0)
  })

  it('starts again when the tokens differ or are fewer, and no kept state begins them', async () => {
    const { prepared } = toyModel()
    const session = createSession(prepared, { contextLength: 200 })
    await session.sync([1, 2, 3, 4])
    expect(await session.sync([1, 2, 9, 4, 5])).toMatchObject({ cachedTokens: 0, computedTokens: 5 })
    expect(await session.sync([1, 2])).toMatchObject({ cachedTokens: 0, computedTokens: 2 })
    expect(session.tokens).toEqual([1, 2])
    expect(await session.sync([1, 2])).toMatchObject({ cachedTokens: 2, computedTokens: 0 })
    expect((await finish(session, [1, 2], { maxTokens: 1 })).cachedTokens).toBe(2)
  })

  it('continues from the held tokens, the chosen one included', async () => {
    const { prepared } = toyModel()
    const session = createSession(prepared, { contextLength: 200 })
    const first = await finish(session, range(5), { maxTokens: 4 })
    expect(session.tokens).toEqual([...range(5), ...first.tokens])
    expect(session.position).toBe(8)
    const second = await finish(session, { append: [] }, { maxTokens: 4 })
    const whole = await finish(createSession(toyModel().prepared, { contextLength: 200 }), range(5), { maxTokens: 8 })
    expect([...first.tokens, ...second.tokens]).toEqual(whole.tokens)
  })

  it('keeps a stop token in the timeline, though it is not part of the answer', async () => {
    const { prepared } = toyModel({ logits: scripted([7, 8, 9], 2) })
    const session = createSession(prepared, { contextLength: 50, stopTokens: [9] })
    const done = await finish(session, [1, 2])
    expect(done).toMatchObject({ finishReason: 'stop', matched: 9, tokens: [7, 8] })
    expect(session.tokens).toEqual([1, 2, 7, 8, 9])
    expect((await finish(session, { append: [3] }, { maxTokens: 1 })).promptTokens).toBe(6)
  })

  it('steps and evaluates with the same logits', async () => {
    const session = createSession(toyModel({ maxTokens: 4 }).prepared, { contextLength: 50 })
    const rows: number[][] = []
    for await (const { rows: count, width, logits, position } of session.evaluate(range(6))) {
      expect(position).toBe(rows.length)
      for (let r = 0; r < count; r++) rows.push([...logits.subarray(r * width, (r + 1) * width)])
    }
    expect(rows).toHaveLength(6)
    const other = createSession(toyModel().prepared, { contextLength: 50 })
    for (const [i, id] of range(6).entries()) expect([...(await other.step(id))]).toEqual(rows[i])
  })
})

describe('the end of a generation', () => {
  it('ends at maxTokens without computing a step nobody needs', async () => {
    const { prepared, steps } = toyModel()
    const done = await finish(createSession(prepared, { contextLength: 100 }), [1], { maxTokens: 3 })
    expect(done).toMatchObject({ finishReason: 'length', matched: null })
    expect(done.tokens).toHaveLength(3)
    expect(steps).toHaveLength(3)
  })

  it('ends with "context" when the context is full, and refuses a longer prompt with both numbers', async () => {
    const session = createSession(toyModel().prepared, { contextLength: 12 })
    expect(await finish(session, range(10))).toMatchObject({ finishReason: 'context', promptTokens: 10 })
    expect(session.tokens).toHaveLength(12)
    expect(await finish(session, range(12))).toMatchObject({ finishReason: 'context', tokens: [] })
    const error = await finish(session, range(13)).catch((e: unknown) => e)
    expect(error).toEqual(code('CONTEXT_LENGTH_EXCEEDED'))
    expect((error as FakError).reason).toMatch(/13 tokens.*holds 12/)
    await expect(finish(session, { append: [1] })).rejects.toEqual(code('CONTEXT_LENGTH_EXCEEDED'))
  })

  it('matches stop strings across tokens and flushes text that only looked like one', async () => {
    const tokenizer = toyTokenizer(['', 'Hi', '\nUs', 'er:', ' there', '\nUn'])
    const options = { contextLength: 50, tokenizer }
    const stopped = createSession(toyModel({ logits: scripted([1, 4, 2, 3, 4], 1) }).prepared, options)
    const events = await collect(stopped.generate([0], { stop: ['\nUser:'] }))
    expect(events.filter((e) => e.type === 'text').map((e) => e.text)).toEqual(['Hi', ' there'])
    expect(events.at(-1)).toMatchObject({ finishReason: 'stop-string', matched: '\nUser:', text: 'Hi there' })
    const flushed = createSession(toyModel({ logits: scripted([1, 2], 1) }).prepared, options)
    expect(await finish(flushed, [0], { stop: ['\nUser:'], maxTokens: 2 })).toMatchObject({ text: 'Hi\nUs' })
    const almost = createSession(toyModel({ logits: scripted([1, 5], 1) }).prepared, options)
    expect(await finish(almost, [0], { stop: ['\nUser:'], maxTokens: 2 })).toMatchObject({ text: 'Hi\nUn' })
  })

  it('never emits half a character, and says at the end that one is broken', async () => {
    const [a, b] = [Uint8Array.of(0xf0, 0x9f), Uint8Array.of(0x98, 0x80)]
    const tokenizer = toyTokenizer(['', a, b])
    const make = (script: number[]) =>
      createSession(toyModel({ logits: scripted(script, 1) }).prepared, { contextLength: 9, tokenizer })
    const texts = async (script: number[]) =>
      (await collect(make(script).generate([0], { maxTokens: script.length }))).flatMap((e) =>
        e.type === 'text' ? [e.text] : [],
      )
    expect(await texts([1, 2])).toEqual(['😀'])
    expect(await texts([1])).toEqual(['\ufffd'])
  })

  it('never chooses a row beyond the vocabulary', async () => {
    const logits = (_: readonly number[], n: number) => Array.from({ length: n }, (_, id) => id)
    for (const temperature of [0, 2]) {
      const session = createSession(toyModel({ vocabulary: 32, logits }).prepared, { contextLength: 60, vocabSize: 10 })
      const { tokens } = await finish(session, [1], { temperature, seed: 1, maxTokens: 40 })
      expect(Math.max(...tokens)).toBe(9)
    }
    await expect(finish(createSession(toyModel().prepared, { contextLength: 9, vocabSize: 10 }), [10])).rejects.toEqual(
      code('TOKEN_OUT_OF_RANGE'),
    )
  })

  it('never chooses or lists a hole of the vocabulary, whatever is asked for', async () => {
    const logits = (_: readonly number[], n: number) => Array.from({ length: n }, (_, id) => id)
    const holes = { contextLength: 60, vocabSize: 10, unusedTokens: [9, 8, 3] }
    const session = () => createSession(toyModel({ vocabulary: 32, logits }).prepared, holes)
    for (const options of [{ temperature: 0 }, { temperature: 2, seed: 1 }, { logitBias: { 9: 100, 3: 100 } }]) {
      const { tokens } = await finish(session(), [1], { ...options, maxTokens: 40 })
      expect(tokens.filter((id) => [3, 8, 9].includes(id))).toEqual([])
    }
    const events = await collect(session().generate([1], { maxTokens: 1, topLogprobs: 3 }))
    const listed = events.flatMap((e) => (e.type === 'token' ? e.topLogprobs!.map(({ id }) => id) : []))
    expect(listed).toEqual([7, 6, 5])
    expect((await session().step(1)).indexOf(7)).toBe(7)
    expect(Math.max(...(await session().step(1)))).toBe(7)
    expect(() => createSession(toyModel().prepared, { ...holes, unusedTokens: [10] })).toThrow(
      code('TOKEN_OUT_OF_RANGE'),
    )
  })

  it('refuses logits that are not numbers, and the session stays usable', async () => {
    let broken = true
    const logits = (_: readonly number[], n: number) => new Float32Array(n).fill(broken ? Number.NaN : 1)
    const session = createSession(toyModel({ logits }).prepared, { contextLength: 9 })
    await expect(finish(session, [1])).rejects.toEqual(code('NON_FINITE'))
    broken = false
    expect(await finish(session, [1, 2], { maxTokens: 2 })).toMatchObject({ tokens: [0, 0] })
  })

  it('reports log-probabilities, seed and timings', async () => {
    const session = createSession(toyModel().prepared, { contextLength: 50 })
    const events = await collect(session.generate([1, 2], { maxTokens: 4, logprobs: true, temperature: 1 }))
    for (const event of events) if (event.type === 'token') expect(event.logprob).toBeLessThan(0)
    const done = events.at(-1) as DoneEvent
    expect(done.timings.tokensPerSecond).toBeGreaterThan(0)
    expect(done.timings.prefillTokensPerSecond).toBeGreaterThan(0)
    const again = createSession(toyModel().prepared, { contextLength: 50 })
    expect((await finish(again, [1, 2], { maxTokens: 4, temperature: 1, seed: done.seed })).tokens).toEqual(done.tokens)
  })
})

describe('abort', () => {
  it('ends a generation within a step, keeps what there is, and the session goes on', async () => {
    const stop = new AbortController()
    let steps = 0
    const toy = toyModel({ onStep: () => void (++steps === 4 && stop.abort()) })
    const session = createSession(toy.prepared, { contextLength: 100 })
    const done = await finish(session, range(5), { signal: stop.signal })
    expect(done.finishReason).toBe('aborted')
    expect(steps).toBe(4)
    expect(session.tokens).toEqual([...range(5), ...done.tokens])
    const whole = await finish(createSession(toyModel().prepared, { contextLength: 100 }), range(5), { maxTokens: 10 })
    const rest = await finish(session, { append: [] }, { maxTokens: 10 - done.tokens.length })
    expect([...done.tokens, ...rest.tokens]).toEqual(whole.tokens)
  })

  it('ends in the middle of a prompt; what was computed is used by the next', async () => {
    const stop = new AbortController()
    const { prepared, steps } = toyModel({ maxTokens: 4 })
    const session = createSession(prepared, { contextLength: 100 })
    const events = session.generate(range(12), { signal: stop.signal })
    await events.next()
    stop.abort()
    expect((await collect(events)).at(-1)).toMatchObject({ finishReason: 'aborted', tokens: [] })
    expect(steps).toHaveLength(1)
    const done = await finish(session, range(12), { maxTokens: 3 })
    expect(done.cachedTokens).toBe(4)
    expect(done.tokens).toEqual(
      (await finish(createSession(toyModel().prepared, { contextLength: 99 }), range(12), { maxTokens: 3 })).tokens,
    )
  })

  it('computes a prompt again when an abort left it held, but without logits', async () => {
    const stop = new AbortController()
    const { prepared } = toyModel({ maxTokens: 4 })
    const session = createSession(prepared, { contextLength: 100 })
    const progress = () => stop.abort()
    await expect(session.sync(range(8), { signal: stop.signal, onProgress: progress })).rejects.toEqual(code('ABORTED'))
    expect(session.position).toBe(4)
    await expect(finish(session, { append: [] })).rejects.toEqual(code('PROMPT_INCOMPLETE'))
    expect(await session.sync(range(4))).toMatchObject({ cachedTokens: 0, computedTokens: 4 })
  })

  it('lets timers run although every step is computed on this thread', async () => {
    const stop = new AbortController()
    const busy = () => {
      for (const end = performance.now() + 3; performance.now() < end; );
    }
    const session = createSession(toyModel({ onStep: busy }).prepared, { contextLength: 100_000 })
    setTimeout(() => stop.abort(), 20)
    expect(await finish(session, [1], { signal: stop.signal })).toMatchObject({ finishReason: 'aborted' })
  })
})

describe('one caller at a time', () => {
  it('refuses a second call while one is under way, and accepts it afterwards', async () => {
    const session = createSession(toyModel().prepared, { contextLength: 100 })
    const events = session.generate([1, 2])
    await events.next()
    await expect(session.sync([1])).rejects.toEqual(code('SESSION_BUSY'))
    expect(() => session.reset()).toThrow(code('SESSION_BUSY'))
    await expect(session.generate([1]).next()).rejects.toEqual(code('SESSION_BUSY'))
    await events.return()
    session.reset()
    expect(session.tokens).toEqual([])
  })

  it('dispose waits for the running step and ends what is under way', async () => {
    let release = () => {}
    const gate = new Promise<void>((resume) => {
      release = resume
    })
    const { prepared, states } = toyModel({ onStep: () => gate })
    const session = createSession(prepared, { contextLength: 100 })
    const answer = finish(session, [1, 2])
    await Promise.resolve()
    const disposed = session.dispose()
    expect(states[0]!.disposed).toBe(false)
    release()
    await expect(answer).rejects.toEqual(code('DISPOSED'))
    await disposed
    expect(states[0]!.disposed).toBe(true)
    await expect(session.sync([1])).rejects.toEqual(code('DISPOSED'))
    await session[Symbol.asyncDispose]()
  })
})

describe('options are used or refused', () => {
  const session = createSession(toyModel().prepared, { contextLength: 100, tokenizer: toyTokenizer([]) })
  const refused: [string, unknown][] = [
    ['temperature', -1],
    ['temperature', 2.1],
    ['temperature', Number.NaN],
    ['temperature', '1'],
    ['temperature', null],
    ['topK', -1],
    ['topK', 1.5],
    ['topP', 0],
    ['topP', 1.5],
    ['topP', -1],
    ['minP', 2],
    ['minP', -0.1],
    ['maxTokens', 0],
    ['maxTokens', -1],
    ['maxTokens', 1.5],
    ['maxTokens', 2 ** 53],
    ['maxTokens', '5'],
    ['seed', 1.5],
    ['seed', 2 ** 70],
    ['seed', -1],
    ['logprobs', 1],
    ['stop', 'x'],
    ['stop', ['']],
    ['stop', [3]],
    ['stop', ['x'.repeat(257)]],
    ['stop', ['\ud83d']],
    ['stop', Array.from({ length: 17 }, (_, i) => `s${i}`)],
  ]
  it.each(refused)('%s = %j', (name, value) => {
    expect(() => session.generate([1], { [name]: value })).toThrow(code('PARAM_OUT_OF_RANGE'))
  })

  it.each([
    ['temperature', 0],
    ['temperature', 2],
    ['topK', 0],
    ['topP', 1],
    ['minP', 0],
    ['minP', 1],
    ['maxTokens', 1],
    ['seed', Number.MAX_SAFE_INTEGER],
    ['stop', ['x'.repeat(256)]],
    ['stop', Array.from({ length: 16 }, (_, i) => `s${i}`)],
  ])('%s = %j is allowed', async (name, value) => {
    expect((await finish(session, [1], { maxTokens: 2, [name]: value })).tokens.length).toBeGreaterThan(0)
  })

  it('refuses an option it does not know, stop ids out of range, and stop strings without a tokenizer', async () => {
    expect(() => session.generate([1], { temprature: 1 } as GenerateOptions)).toThrow(code('UNKNOWN_OPTION'))
    expect(() => session.generate([1], { stopTokens: [99] })).toThrow(code('TOKEN_OUT_OF_RANGE'))
    const bare = createSession(toyModel().prepared, { contextLength: 9 })
    expect(() => bare.generate([1], { stop: ['x'] })).toThrow(code('PARAM_OUT_OF_RANGE'))
    await expect(finish(session, [])).rejects.toEqual(code('PROMPT_EMPTY'))
    await expect(finish(session, [1, 1.5])).rejects.toThrow(/tokens\[1\]/)
    expect(FakError.isInstance(await finish(session, [-1]).catch((e: unknown) => e))).toBe(true)
  })

  it('checks the session’s own options', () => {
    const { prepared } = toyModel()
    expect(() => createSession(prepared, { contextLength: 0 })).toThrow(code('PARAM_OUT_OF_RANGE'))
    expect(() => createSession(prepared, { contextLength: 9, vocabSize: 33 })).toThrow(code('PARAM_OUT_OF_RANGE'))
    const silent = { ...prepared, program: { ...prepared.program, outputs: {} } }
    expect(() => createSession(silent, { contextLength: 9 })).toThrow(code('PROGRAM_NO_LOGITS'))
  })
})

describe('a step that fails', () => {
  /** A session whose executor fails once, at this position. */
  function failingOnce(position: number, options: object = {}) {
    let failed = false
    const toy = toyModel({
      ...options,
      fails: (at) => {
        if (failed || at !== position) return false
        failed = true
        return true
      },
    })
    return { ...toy, session: createSession(toy.prepared, { contextLength: 200 }) }
  }
  const whole = async (prompt: Prompt, options: GenerateOptions) =>
    (await finish(createSession(toyModel().prepared, { contextLength: 200 }), prompt, options)).tokens

  it('costs a decoding session its state, not its tokens', async () => {
    const { session, steps } = failingOnce(13)
    const expected = await whole(range(10), { maxTokens: 8 })
    await expect(finish(session, range(10), { maxTokens: 8 })).rejects.toThrow(code('NON_FINITE'))
    // Positions 10 to 12 were decoded, and a fourth token was chosen.
    expect(session.position).toBe(0)
    expect(session.tokens).toEqual([...range(10), ...expected.slice(0, 4)])
    steps.length = 0
    const rest = await finish(session, { append: [] }, { maxTokens: 4 })
    expect(rest.tokens).toEqual(expected.slice(4))
    expect({ cached: rest.cachedTokens, prompt: rest.promptTokens }).toEqual({ cached: 0, prompt: 14 })
    expect(steps[0]!.tokens).toEqual(range(8))
  })

  it('lets the whole prompt be given again, or another one', async () => {
    for (const [prompt, kept] of [
      [range(10), 10],
      [range(7, 3), 0],
    ] as const) {
      const { session } = failingOnce(12)
      await expect(finish(session, range(10), { maxTokens: 8 })).rejects.toThrow(code('NON_FINITE'))
      const again = await finish(session, prompt, { maxTokens: 8 })
      expect(again.cachedTokens).toBe(kept)
      expect(again.tokens).toEqual(await whole(prompt, { maxTokens: 8 }))
    }
  })

  it('does not take the beginning of a prompt for the prompt', async () => {
    const { session } = failingOnce(8)
    await expect(session.sync(range(9))).rejects.toThrow(code('NON_FINITE'))
    expect(session.tokens).toEqual(range(8))
    await expect(finish(session, { append: [] })).rejects.toThrow(code('PROMPT_INCOMPLETE'))
    const rest = await finish(session, { append: [8] }, { maxTokens: 5 })
    expect(rest.tokens).toEqual(await whole(range(9), { maxTokens: 5 }))
  })

  it('computes the held tokens again in chunks that can be stopped', async () => {
    const { session } = failingOnce(20, { maxTokens: 4 })
    await expect(finish(session, range(18), { maxTokens: 8 })).rejects.toThrow(code('NON_FINITE'))
    const held = session.tokens
    const controller = new AbortController()
    const events = session.generate({ append: [] }, { maxTokens: 3, signal: controller.signal })
    await events.next()
    controller.abort()
    expect((await collect(events)).at(-1)).toMatchObject({ finishReason: 'aborted' })
    expect(session.tokens).toEqual(held)
    expect(session.position).toBeGreaterThan(0)
    expect((await finish(session, { append: [] }, { maxTokens: 3 })).tokens).toEqual(
      await whole(held, { maxTokens: 3 }),
    )
  })

  it('costs nothing when it was a step of several tokens', async () => {
    const { session } = failingOnce(8)
    await expect(session.sync(range(12))).rejects.toThrow(code('NON_FINITE'))
    expect(session.position).toBe(8)
    expect(await session.sync(range(12))).toMatchObject({ cachedTokens: 8, computedTokens: 4 })
  })
})
