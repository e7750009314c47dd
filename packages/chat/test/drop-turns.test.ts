import { describe, expect, it } from 'vitest'
import { type ChatMessage, dropOldTurns, encodeChat } from '../src/index.js'
import { chatml, tokenizer } from './chatml.js'

/** A turn of two answers with a call between them. */
const turn = (n: number): ChatMessage[] => [
  { role: 'user', content: `question ${n}` },
  { role: 'assistant', content: '', tool_calls: [{ function: { name: 'look', arguments: { n } } }] },
  { role: 'tool', content: `found ${n}` },
  { role: 'assistant', content: `answer ${n}` },
]
const system: ChatMessage = { role: 'system', content: 'Be brief.' }
const last: ChatMessage = { role: 'user', content: 'Well?' }
const conversation = [system, ...turn(1), ...turn(2), ...turn(3), last]
const lengthOf = (messages: readonly ChatMessage[]) => encodeChat(tokenizer, chatml, messages).ids.length

/** What is left within a limit, and how many prompts were made. */
function drop(messages: readonly ChatMessage[], limit: number) {
  let asked = 0
  const kept = dropOldTurns(messages, { fits: (some) => ++asked > 0 && lengthOf(some) <= limit })
  return { ...kept, asked }
}

describe('dropOldTurns', () => {
  it('drops nothing that fits exactly, and a whole turn when one token is too many', () => {
    const length = lengthOf(conversation)
    expect(drop(conversation, length)).toEqual({
      messages: conversation,
      droppedTurns: 0,
      droppedMessages: 0,
      fits: true,
      asked: 1,
    })
    expect(drop(conversation, length - 1)).toMatchObject({
      messages: [system, ...turn(2), ...turn(3), last],
      droppedTurns: 1,
      droppedMessages: 4,
      fits: true,
    })
  })

  it('drops as few turns as it takes, at every border', () => {
    const rests = [0, 1, 2, 3].map((n) => [system, ...[turn(1), turn(2), turn(3)].slice(n).flat(), last])
    for (const [n, rest] of rests.entries()) {
      const length = lengthOf(rest)
      expect(drop(conversation, length)).toMatchObject({ messages: rest, droppedTurns: n, fits: true })
      const next = rests[n + 1]
      expect(drop(conversation, length - 1)).toMatchObject({
        messages: next ?? rest,
        droppedTurns: next ? n + 1 : n,
        fits: next !== undefined,
      })
    }
  })

  it('keeps the last question and the instructions when nothing fits', () => {
    const later: ChatMessage = { role: 'developer', content: 'Be briefer.' }
    const messages = [system, ...turn(1), later, ...turn(2), last]
    const kept = dropOldTurns(messages, { fits: () => false })
    expect(kept).toEqual({ messages: [system, later, last], droppedTurns: 2, droppedMessages: 8, fits: false })
    expect(dropOldTurns([system, last], { fits: () => false })).toMatchObject({
      messages: [system, last],
      droppedTurns: 0,
      fits: false,
    })
    expect(dropOldTurns([], { fits: () => false })).toMatchObject({ messages: [], droppedTurns: 0, fits: false })
  })

  it('keeps calls and results of the turn that is being answered', () => {
    const open = turn(3).slice(0, 3)
    expect(dropOldTurns([...turn(1), ...open], { fits: (some) => some.length < 7 }).messages).toEqual(open)
  })

  it('takes messages of the user in a row as one turn, and a greeting with the first', () => {
    const hello: ChatMessage = { role: 'assistant', content: 'Hello!' }
    const more: ChatMessage = { role: 'user', content: 'And:' }
    const messages = [hello, more, ...turn(1), more, last]
    expect(dropOldTurns(messages, { fits: (some) => some.length < 8 })).toEqual({
      messages: [more, last],
      droppedTurns: 1,
      droppedMessages: 6,
      fits: true,
    })
  })

  it('makes no more prompts than a binary search', () => {
    const long = [system, ...Array.from({ length: 1000 }, (_, n) => turn(n)).flat(), last]
    for (const limit of [2, 6, 1000, 2500, 4001]) {
      let asked = 0
      const kept = dropOldTurns(long, { fits: (some) => ++asked > 0 && some.length <= limit })
      expect(kept.messages.length).toBe(limit - ((limit - 2) % 4))
      expect(asked).toBeLessThanOrEqual(11)
    }
  })
})
