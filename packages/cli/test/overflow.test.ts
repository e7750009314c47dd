import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeChat } from '@fak/chat'
import { NativeExecutor } from '@fak/kernels-native'
import { createSession } from '@fak/session'
import { openSavedSession } from '@fak/session/node'
import { beforeAll, describe, expect, it } from 'vitest'
import { openModel } from '../src/model/open.js'
import { chattyModel, fak, scratchFolder } from './harness.js'

const folder = scratchFolder()
const model = chattyModel()
const saved = join(folder, 'saved.fak')
const QUESTIONS = ['My name is Ada.', 'I live in Paris.', 'I like tea.']
const LAST = 'Who am I?'

/** Asks a copy of the saved conversation. */
async function ask(file: string, text: string, ...options: string[]) {
  const ran = await fak(['chat', '-m', model, '--session', file, '--json', '-n', '4', '-p', text, ...options])
  const events =
    ran.code === 0
      ? ran.stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line))
      : []
  return { ...ran, events, done: events.at(-1) }
}

let copies = 0
function copy(): string {
  const path = join(folder, `copy-${copies++}.fak`)
  copyFileSync(saved, path)
  return path
}

async function messagesOf(file: string): Promise<{ role: string; content: string }[]> {
  const session = await openSavedSession(file)
  try {
    return JSON.parse(new TextDecoder().decode(await session.extra('messages')))
  } finally {
    await session.close()
  }
}

/** What a session of the library says to the saved messages without the first turn. */
async function answerWithoutFirstTurn(contextLength: number): Promise<number[]> {
  const opened = await openModel({ path: model, isDemo: false })
  const prepared = await new NativeExecutor().prepare(opened.model.program(), opened.model.weights)
  await using session = createSession(prepared, { contextLength, vocabSize: (await opened.vocabulary()).size })
  const [system, , , ...rest] = await messagesOf(saved)
  const messages = [system!, ...rest, { role: 'user', content: LAST }]
  const { ids } = encodeChat(await opened.tokenizer(), await opened.template(), messages)
  let tokens: readonly number[] = []
  for await (const event of session.generate(ids, { maxTokens: 4 })) if (event.type === 'done') tokens = event.tokens
  await session.dispose()
  await prepared.dispose()
  await opened.close()
  return [...tokens]
}

/** Tokens of the prompt with everything in it. */
let whole: number

beforeAll(async () => {
  for (const question of QUESTIONS) {
    expect((await ask(saved, question, '--system', 'Be brief.')).code).toBe(0)
  }
  whole = (await ask(copy(), LAST)).done.promptTokens
})

describe('fak chat --on-overflow', () => {
  it('refuses by default, with both counts and what can be done, and leaves the file alone', async () => {
    const file = copy()
    const before = readFileSync(file)
    const ran = await ask(file, LAST, '--context', String(whole - 1))
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain(`the prompt has ${whole} tokens and the context holds ${whole - 1}: shorten it`)
    expect(ran.stderr).toMatch(
      /--context, up to 4096, or let --on-overflow drop-turns .*\[CONTEXT_LENGTH_EXCEEDED\]\n$/,
    )
    expect(readFileSync(file)).toEqual(before)
  })

  it('drops no turn when prompt and answer fit exactly, and one when a token is missing', async () => {
    const exactly = await ask(copy(), LAST, '--on-overflow', 'drop-turns', '--context', String(whole + 4))
    expect(exactly.done).toMatchObject({ droppedTurns: 0, promptTokens: whole })
    expect(exactly.events.some(({ type }) => type === 'dropped-turns')).toBe(false)
    const file = copy()
    const less = await ask(file, LAST, '--on-overflow', 'drop-turns', '--context', String(whole + 3))
    expect(less.done.droppedTurns).toBe(1)
    expect(less.done.promptTokens).toBeLessThan(whole)
    expect(less.events[1]).toEqual({ type: 'dropped-turns', turns: 1 })
    // The file keeps what the model was not shown.
    const said = (await messagesOf(file)).filter(({ role }) => role === 'user').map(({ content }) => content)
    expect(said).toEqual([...QUESTIONS, LAST])
  })

  it('says what a session says to the messages that are left', async () => {
    const context = whole + 3
    const options = ['--on-overflow', 'drop-turns', '--context', String(context), '--temp', '0']
    const { done } = await ask(copy(), LAST, ...options)
    expect(done.tokens).toEqual(await answerWithoutFirstTurn(context))
    const text = await fak(['chat', '-m', model, '--session', copy(), '-n', '4', '-p', LAST, ...options])
    expect(text).toMatchObject({ code: 0, stdout: `${done.text}\n` })
    expect(text.stderr).toMatch(/^fak: the context is full: the model was not shown the oldest turn\n/)
  })

  it('goes on with a file that holds more than the context', async () => {
    const context = Math.ceil(whole / 2)
    const refused = await ask(copy(), LAST, '--context', String(context))
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('[STATE_TOO_LONG]') })
    const { done, stderr } = await ask(copy(), LAST, '--context', String(context), '--on-overflow', 'drop-turns')
    expect(stderr).toMatch(/computed again: .*\[STATE_TOO_LONG\]/)
    expect(done.droppedTurns).toBeGreaterThan(1)
    expect(done.promptTokens).toBeLessThanOrEqual(context - 4)
  })

  it('refuses what does not fit without any old turn, and says so', async () => {
    const long = await ask(copy(), 'word '.repeat(whole), '--on-overflow', 'drop-turns', '--context', String(whole))
    expect(long.code).toBe(1)
    expect(long.stderr).toMatch(
      /the context holds \d+, even without the 3 oldest turns: shorten it, or take a larger --context, up to 4096 \(/,
    )
    const one = await fak(['chat', '-m', model, '-p', 'Hello', '--context', '5', '--on-overflow', 'drop-turns'])
    expect(one.stderr).toMatch(/^the prompt has \d+ tokens and the context holds 5: shorten it, .*EXCEEDED\]\n$/)
  })

  it('takes no other word', async () => {
    const { code, stderr } = await fak(['chat', '-m', model, '-p', 'x', '--on-overflow', 'shift'])
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('drop-turns') })
  })
})
