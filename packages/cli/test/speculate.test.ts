// --speculate: whoever guesses, the answer is the same, text and tokens.

import { fileURLToPath } from 'node:url'
import { ChatTemplate, encodeChat } from '@fak/chat'
import { demoModelUrl } from '@fak/demo-model'
import { openGguf } from '@fak/gguf/node'
import { NativeExecutor } from '@fak/kernels-native'
import { loadQwen35 } from '@fak/model-qwen35'
import { createSession, type DoneEvent, mtpDrafter, ngramDrafter } from '@fak/session'
import { Tokenizer } from '@fak/tokenizer'
import { describe, expect, it } from 'vitest'
import { fak } from './harness.js'

const done = async (...args: string[]) => {
  const { stdout, stderr, code } = await fak(['chat', '--json', ...args])
  expect(stderr.includes('fak:'), stderr).toBe(false)
  expect(code).toBe(0)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
}

const asked = [
  ['-p', 'List the months of the year.'],
  ['-p', 'Count to 20.', '--temp', '0.9', '--seed', '4'],
  ['-p', 'What is 4 plus 4?', '--think', '--reasoning-budget', '6'],
  ['-p', 'What is the capital of France?', '--temp', '1.3', '--seed', '11', '-n', '9'],
  ['-p', 'What color is the sky?', '--choices', 'green,blue'],
]

const tokensExpected = (args: readonly string[]) => args.includes('List the months of the year.')

describe.each(asked)('%s %s', (...args) => {
  it.each(['mtp', 'ngram'])('says the same with --speculate %s', async (how) => {
    const plain = await done(...args, '--speculate', 'off')
    const guessed = await done(...args, '--speculate', how)
    for (const key of ['text', 'reasoning', 'tokens', 'thought', 'finishReason', 'matched', 'promptTokens', 'seed']) {
      if (key !== 'seed' || args.includes('--seed')) expect(guessed[key], key).toEqual(plain[key])
    }
    expect(plain.speculation).toBeNull()
    const { passes, accepted, drafted, tokensPerPass } = guessed.speculation
    expect(drafted).toBeGreaterThanOrEqual(accepted)
    // What the head was trained for.
    if (how === 'mtp' && tokensExpected(args)) expect(tokensPerPass).toBeGreaterThan(2)
    if (passes > 0) expect(tokensPerPass).toBeCloseTo((passes + accepted) / passes)
  })
})

it('says the same through turns, edits and answers that are begun again', async () => {
  const file = await openGguf(fileURLToPath(demoModelUrl))
  const model = await loadQwen35(file, { metadata: file.metadata })
  const executor = new NativeExecutor({ threads: 1 })
  const trunk = await executor.prepare(model.program({ hidden: true }), model.weights, { maxTokens: 32 })
  const head = await executor.prepare(model.draftProgram!(), model.mtp!.weights, { maxTokens: 5 })
  const tokenizer = Tokenizer.fromGguf(file.metadata)
  const template = ChatTemplate.parse(file.metadata.string('tokenizer.chat_template')!)
  const shared = { contextLength: 600, tokenizer, stopTokens: [tokenizer.eosTokenId!] }
  const sessions = [undefined, mtpDrafter(head), mtpDrafter(head, { most: 1 }), ngramDrafter()].map((drafter) =>
    createSession(trunk, { ...shared, ...(drafter && { drafter }) }),
  )
  const questions = ['Count to 20.', 'What is 2 plus 3?', 'List the months of the year.', 'Hello!', 'What is GGUF?']
  let history: { role: string; content: string }[] = []
  let accepted = 0
  for (let turn = 0; turn < 14; turn++) {
    // Every third turn goes back: the last question again, or another one in its place.
    if (turn % 3 === 2) history = history.slice(0, -2)
    history.push({ role: 'user', content: questions[(turn * 3) % 5]! })
    const { ids } = encodeChat(tokenizer, template, history)
    const options = { maxTokens: 4 + ((turn * 17) % 50), seed: turn, temperature: turn % 2 }
    const said: DoneEvent[] = []
    for (const session of sessions) {
      for await (const event of session.generate(ids, options)) if (event.type === 'done') said.push(event)
    }
    const [plain, ...guessed] = said
    for (const { tokens, text, finishReason } of guessed) {
      expect({ tokens, text, finishReason }).toEqual({
        tokens: plain!.tokens,
        text: plain!.text,
        finishReason: plain!.finishReason,
      })
    }
    accepted += said[1]!.speculation!.accepted
    history.push({ role: 'assistant', content: plain!.text })
  }
  expect(accepted).toBeGreaterThan(50)
  for (const session of sessions) await session.dispose()
  await Promise.all([trunk.dispose(), head.dispose()])
  await file.close()
})
