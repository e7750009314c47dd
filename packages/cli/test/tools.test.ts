import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ChatTool, parseChat } from '@fak/chat'
import type { DoneEvent, SessionEvent } from '@fak/session'
import { describe, expect, it } from 'vitest'
import { type Answering, answerAsJson, answerAsText } from '../src/chat/one-shot.js'
import { turn } from '../src/chat/turn.js'
import { Output } from '../src/output.js'
import { chattyModel, fak, memoryIo, scratchFolder } from './harness.js'

const tools: ChatTool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: {
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: 'integer' } },
        required: ['city'],
      },
    },
  },
]

/** A generation that says what it is told to; no small model of ours calls tools. */
async function* scripted(text: string, finishReason: DoneEvent['finishReason'] = 'stop'): AsyncGenerator<SessionEvent> {
  for (const piece of text.match(/[\s\S]{1,5}/g) ?? []) {
    yield { type: 'token', id: 1, text: piece }
    yield { type: 'text', text: piece }
  }
  const timings = { prefillMs: 1, prefillTokensPerSecond: 1, decodeMs: 1, tokensPerSecond: 1 }
  const reuse = { from: 'nothing', brokeAt: null } as const
  const counts = { thought: null, promptTokens: 1, cachedTokens: 0, reuse, seed: 1, speculation: null, timings }
  yield { type: 'done', finishReason, matched: null, tokens: [1], text, ...counts }
}

const CALL =
  '<tool_call>\n<function=get_weather>\n<parameter=city>\nZürich\n</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>'
const OUTPUT = `Where is it?\n</think>\n\nLet me look.\n\n${CALL}`

/** What a command prints when the model says `text`. */
async function printed(answer: typeof answerAsJson, text: string, finishReason?: DoneEvent['finishReason']) {
  const { io, written } = memoryIo()
  const output = new Output(io)
  const opened = { name: 'scripted', architecture: 'none', stored: { tensors: new Map() } }
  const runtime = {
    opened,
    prepared: { kvCache: 'f32' },
    executor: { name: 'none' },
    isa: null,
    threads: 1,
    loadMs: 1,
  } as unknown as Answering['runtime']
  const conversation = {
    ask: () => turn(parseChat(scripted(text, finishReason), { tools, open: true })),
  }
  await answer('x', { io, output, runtime, conversation, signal: new AbortController().signal, markdown: true })
  return written
}

describe('a turn that calls tools', () => {
  it('gives a message for the next prompt', async () => {
    const generation = turn(parseChat(scripted(OUTPUT), { tools, open: true, callId: () => 'c' }))
    for (;;) {
      const { value, done } = await generation.next()
      if (!done) continue
      const call = { name: 'get_weather', arguments: '{"city": "Zürich", "days": 2}' }
      const tool_calls = [{ id: 'c', type: 'function', function: call }]
      expect(value).toEqual({
        role: 'assistant',
        content: 'Let me look.',
        reasoning_content: 'Where is it?',
        tool_calls,
      })
      break
    }
  })

  it('is events as JSON, and ends with tool_calls', async () => {
    const { stdout } = await printed(answerAsJson, OUTPUT)
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const types = new Set(events.map(({ type }) => type))
    expect([...types]).toEqual([
      'start',
      'token',
      'reasoning',
      'text',
      'tool-call-start',
      'tool-call-delta',
      'tool-call',
      'done',
    ])
    const called = { name: 'get_weather', arguments: { city: 'Zürich', days: 2 } }
    expect(events.find(({ type }) => type === 'tool-call')).toMatchObject({ index: 0, ...called })
    expect(events.at(-1)).toMatchObject({ finishReason: 'tool_calls', text: 'Let me look.', toolCalls: [called] })
    expect(stdout).not.toContain('"raw"')
  })

  it('is lines as text', async () => {
    expect((await printed(answerAsText, OUTPUT)).stdout).toBe(
      'Let me look.\nget_weather({"city": "Zürich", "days": 2})\n',
    )
    expect((await printed(answerAsText, `</think>${CALL}\n${CALL}`)).stdout.split('\n')).toHaveLength(3)
  })

  it('says what was cut off, and is not tool_calls', async () => {
    const cut = OUTPUT.slice(0, -40)
    expect((await printed(answerAsText, cut, 'length')).stdout).toMatch(
      /^Let me look\.\n\(cut off\) <tool_call> <function=get_weather>/,
    )
    const { stdout } = await printed(answerAsJson, cut, 'length')
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({ finishReason: 'length', toolCalls: [] })
    expect(stdout).toContain('"type":"tool-call-incomplete"')
  })

  it('warns on stderr', async () => {
    expect((await printed(answerAsText, OUTPUT.replace('get_weather', 'get_snow'))).stderr).toContain(
      'fak: no tool has this name\n',
    )
  })
})

describe('--tools', () => {
  const folder = scratchFolder()
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const promptTokens = async (model: string, ...argv: string[]) => {
    const { stdout } = await fak([
      'chat',
      '-m',
      model,
      '-p',
      'Hi',
      '-n',
      '1',
      '--json',
      '--executor',
      'reference',
      ...argv,
    ])
    return JSON.parse(stdout.trimEnd().split('\n').at(-1)!).promptTokens as number
  }

  it('puts the tools into the prompt', async () => {
    const model = chattyModel('tied', '{% for tool in tools or [] %}{{ tool|tojson }}{% endfor %}')
    const given = file('tools.json', JSON.stringify(tools))
    expect(await promptTokens(model, '--tools', given)).toBeGreaterThan((await promptTokens(model)) + 40)
  })

  it.each([
    ['missing.json', undefined, 'FILE_NOT_FOUND'],
    ['text.json', 'x', 'CHAT_BAD_TOOL'],
    ['object.json', '{}', 'CHAT_BAD_TOOL'],
    ['nameless.json', '[{"type": "function", "function": {}}]', 'CHAT_BAD_TOOL'],
  ])('refuses %s', async (name, content, code) => {
    const path = content === undefined ? join(folder, name) : file(name, content)
    const { code: exit, stdout, stderr } = await fak(['chat', '-p', 'Hi', '--tools', path])
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^${path}: .*\\[${code}\\]\\n$`))
  })

  it('refuses tools that the template would ignore', async () => {
    const given = file('some.json', JSON.stringify(tools))
    const { code, stderr } = await fak([
      'chat',
      '-m',
      chattyModel(),
      '-p',
      'Hi',
      '--tools',
      given,
      '--executor',
      'reference',
    ])
    expect(code).toBe(1)
    expect(stderr).toContain('[CHAT_UNSUPPORTED_OPTION]')
  })
})
