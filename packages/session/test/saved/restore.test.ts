import { Random, tinyModel } from '@fak/testkit'
import { describe, expect, it } from 'vitest'
import { createSession } from '../../src/index.js'
import { answer, open, START, save, setup } from './model.js'

const first = [START, 11, 12, 13, START, 21, 22, START]
const { prepared, session } = await setup()

describe('a session that was saved and restored', () => {
  it('goes on to the same bits as one that was not', async () => {
    const unbroken = session()
    const { tokens } = await answer(unbroken, first)
    const file = await save(unbroken)
    const restored = session()
    const held = first.length + tokens.length
    expect(await restored.restore(await open(file))).toEqual({
      tokens: held,
      cachedTokens: held - 1, // the last token of an answer is computed with what follows it
      checkpoints: 2,
      replayed: null,
    })
    expect(restored.tokens).toEqual(unbroken.tokens)
    for (const token of [33, 44, 55]) expect(await restored.step(token)).toEqual(await unbroken.step(token))
  })

  it('answers the same prompt again without computing a token of it', async () => {
    const before = session()
    const { tokens } = await answer(before, first)
    const restored = session()
    await restored.restore(await open(await save(before)))
    expect(await answer(restored, first)).toMatchObject({ cachedTokens: first.length, tokens })
  })

  it('comes back to the beginning of a message that is changed', async () => {
    const before = session()
    await answer(before, first)
    const restored = session()
    await restored.restore(await open(await save(before, { checkpoints: 3 })))
    const edited = [START, 11, 12, 13, START, 21, 99, START]
    expect(await answer(restored, edited)).toMatchObject({
      cachedTokens: 4,
      reuse: { from: 'kept', brokeAt: 6 },
      tokens: (await answer(session(), edited)).tokens,
    })
  })

  it('keeps a prompt that was stopped a prompt that was stopped', async () => {
    const stopped = session()
    const stop = new AbortController()
    const long = Array.from({ length: 40 }, (_, i) => i)
    const running = stopped.sync(long, { signal: stop.signal, onProgress: () => stop.abort() })
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    const restored = session()
    await restored.restore(await open(await save(stopped)))
    expect(restored.tokens).toEqual(long.slice(0, 16))
    await expect(restored.generate({ append: [] }).next()).rejects.toMatchObject({ code: 'PROMPT_INCOMPLETE' })
  })

  it('may be one with no tokens', async () => {
    const restored = session()
    const result = await restored.restore(await open(await save(session())))
    expect(result).toEqual({ tokens: 0, cachedTokens: 0, checkpoints: 0, replayed: null })
  })

  it('keeps what its user put in', async () => {
    const messages = new TextEncoder().encode('[{"role":"user"}]')
    const saved = await open(await save(session(), { extra: { messages } }))
    expect(saved.extras).toEqual(['messages'])
    expect(await saved.extra('messages')).toEqual(messages)
    await expect(saved.extra('notes')).rejects.toMatchObject({ code: 'STATE_MISSING_SECTION' })
    expect(await session().restore(saved)).toMatchObject({ tokens: 0 })
  })

  it('gives the memory of all states back', async () => {
    const before = prepared.stateBytes
    const one = session({ cache: undefined as never })
    await answer(one, first)
    const other = createSession(prepared, { contextLength: 200, identity: (await open(await save(one))).identity })
    await other.restore(await open(await save(one)))
    await Promise.all([one.dispose(), other.dispose()])
    expect(prepared.stateBytes).toBe(before)
  })

  it('walks at random through edits, saves and restores to what cold runs give', async () => {
    const random = new Random(3)
    let live = session()
    let prompt = first
    for (let step = 0; step < 60; step++) {
      const at = Math.floor(random.uniform() * prompt.length)
      const fresh = Array.from({ length: 1 + Math.floor(random.uniform() * 6) }, () =>
        Math.floor(random.uniform() * 300),
      )
      prompt = random.uniform() < 0.5 ? [...prompt, ...fresh] : [...prompt.slice(0, Math.max(1, at)), START, ...fresh]
      if (prompt.length > 150) prompt = first
      const { tokens } = await answer(live, prompt, 2)
      expect(tokens).toEqual((await answer(session(), prompt, 2)).tokens)
      if (random.uniform() < 0.4) {
        const file = await save(live, { checkpoints: Math.floor(random.uniform() * 4) })
        await live.dispose()
        live = session()
        await live.restore(await open(file))
      }
    }
  })
})

describe('a saved session of something else', () => {
  it('is refused when the weights are others', async () => {
    const other = await setup(tinyModel(8))
    const one = other.session()
    await answer(one, first)
    const saved = await open(await save(one))
    const here = session()
    await answer(here, [1, 2])
    const tokens = here.tokens
    await expect(here.restore(saved)).rejects.toMatchObject({ code: 'STATE_MODEL_MISMATCH', field: 'about' })
    expect(here.tokens).toEqual(tokens)
  })

  it('is computed again from its tokens when that is asked for', async () => {
    const other = (await setup(tinyModel(8))).session()
    const { tokens } = await answer(other, first)
    const here = session()
    const held = [...first, ...tokens]
    expect(await here.restore(await open(await save(other)), { replay: true })).toMatchObject({
      tokens: held.length,
      cachedTokens: 0,
      replayed: { code: 'STATE_MODEL_MISMATCH' },
    })
    expect(here.tokens).toEqual(held)
    const cold = session()
    await cold.sync(held)
    expect(await here.step(5)).toEqual(await cold.step(5))
  })

  it('is refused when the tokenizer is another, whatever is asked for', async () => {
    const other = (await setup(undefined, { tokenizer: 'letters' })).session()
    const saved = await open(await save(other))
    const restoring = session().restore(saved, { replay: true })
    await expect(restoring).rejects.toMatchObject({ code: 'STATE_TOKENIZER_MISMATCH' })
  })

  it('is refused when the arithmetic is another', async () => {
    const saved = await open(await save(session()))
    const arithmetic = Object.create(prepared, { arithmetic: { value: 'reference 2' } })
    const here = createSession(prepared, { contextLength: 9, identity: saved.identity })
    const target = { identity: saved.identity, contextLength: 9, vocabSize: 9, width: 307 }
    await expect(saved.content({ ...target, prepared: arithmetic }, false)).rejects.toMatchObject({
      code: 'STATE_ARITHMETIC_MISMATCH',
    })
    expect(await here.restore(saved)).toMatchObject({ replayed: null })
  })
})

describe('saving and restoring', () => {
  it('needs to know whose state it is', async () => {
    const nobody = createSession(prepared, { contextLength: 9 })
    expect(() => nobody.save()).toThrow(expect.objectContaining({ code: 'IDENTITY_MISSING' }))
    const saved = await open(await save(session()))
    expect(() => nobody.restore(saved)).toThrow(expect.objectContaining({ code: 'IDENTITY_MISSING' }))
  })

  it.each([-1, 0.5, 257])('refuses %s checkpoints', (checkpoints) => {
    expect(() => session().save({ checkpoints })).toThrow(expect.objectContaining({ code: 'PARAM_OUT_OF_RANGE' }))
  })

  it('does not disturb a generation', async () => {
    const busy = session()
    const saved = await open(await save(session()))
    const generation = busy.generate(first, { maxTokens: 4, stopTokens: [] })
    await generation.next()
    await expect(busy.restore(saved)).rejects.toMatchObject({ code: 'SESSION_BUSY' })
    await expect(busy.save().next()).rejects.toMatchObject({ code: 'SESSION_BUSY' })
    let tokens: readonly number[] = []
    for await (const event of generation) if (event.type === 'done') tokens = event.tokens
    expect(tokens).toEqual((await answer(session(), first)).tokens)
  })
})
