import { PassThrough, Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type CliIo, run } from '../src/index.js'
import { chattyModel } from './harness.js'

const model = chattyModel()
/** What the line editor writes last when it waits for a message, and for more of one. */
const PROMPT = '> \u001b[3G'
const MORE = '. \u001b[3G'

/** A terminal to type on: waits for the prompt, types, and shows what came. */
function terminal(argv: string[], env: Record<string, string> = {}) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const interrupts = new Set<() => void>()
  let screen = ''
  let wake = () => {}
  const output = () =>
    Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          screen += chunk
          done()
          wake()
        },
      }),
      { isTTY: true, columns: 80 },
    )
  const io: CliIo = {
    stdin,
    stdout: output(),
    stderr: output(),
    env: { TERM: 'xterm', ...env },
    onSignal(name, listener) {
      if (name === 'SIGINT') interrupts.add(listener)
      return () => void interrupts.delete(listener)
    },
  }
  const exit = run(['chat', '-m', model, ...argv], io)
  /** Waits until the screen shows the pattern, or ends with the text. */
  const until = async (what: RegExp | string) => {
    const shown = () => (typeof what === 'string' ? screen.endsWith(what) : what.test(screen))
    while (!shown()) await new Promise<void>((resume) => (wake = resume))
    const seen = screen
    screen = ''
    return seen
  }
  return {
    exit,
    until,
    prompt: () => until(PROMPT),
    type: (text: string) => void stdin.write(text),
    interrupt: () => {
      for (const listener of interrupts) listener()
    },
  }
}

describe('chat on a terminal', () => {
  it('greets, answers, remembers, forgets, and leaves', async () => {
    const { exit, prompt, type, until } = terminal(['-n', '5', '--temp', '0'])
    expect(await prompt()).toMatch(/fak \d.*model \(qwen3_5_text/s)
    type('Hello\r')
    const first = await prompt()
    expect(first).toMatch(/5 tokens, .*tok\/s \(ended by length\) · prompt (\d+) tokens/)
    const promptTokens = (screen: string) => Number(/prompt (\d+) tokens/.exec(screen)![1])
    type('Hello\r')
    expect(promptTokens(await prompt())).toBeGreaterThan(promptTokens(first))
    type('/clear\r')
    expect(await prompt()).toContain('forgotten')
    type('Hello\r')
    expect(promptTokens(await prompt())).toBe(promptTokens(first))
    type('/help\r')
    expect(await prompt()).toContain('/exit')
    type('/nonsense\r')
    expect(await prompt()).toContain('There is no command /nonsense')
    type('/exit\r')
    expect(await exit).toBe(0)
    await until(/^/)
  })

  it('joins lines that end in a backslash, and brings back earlier lines', async () => {
    const { exit, prompt, type, until } = terminal(['-n', '1'])
    await prompt()
    type('one\\\r')
    await until(MORE)
    type('two\r')
    await prompt()
    type('\u001b[A')
    expect(await until(/two/)).toContain('two')
    type('\u0004')
    type('\r')
    await prompt()
    type('\u0004')
    expect(await exit).toBe(0)
  })

  it('takes pasted lines as one message, and leaves the last to be finished', async () => {
    const { exit, prompt, type, until } = terminal(['-n', '1'])
    const tokens = (screen: string) => Number(/prompt (\d+) tokens/.exec(screen)![1])
    await prompt()
    type('one\\\r')
    await until(MORE)
    type('two\r')
    const expected = tokens(await prompt())
    for (const [pasted, typed] of [
      ['one\rtwo\r', ''],
      ['one\rtw', 'o\r'],
    ] as const) {
      type('/clear\r')
      await prompt()
      type(pasted)
      if (typed !== '') await until(/\. .*tw$/s)
      type(typed)
      expect(tokens(await prompt())).toBe(expected)
    }
    type('\u0004')
    expect(await exit).toBe(0)
  })

  it('stops an answer at Ctrl-C, and leaves with 130 at Ctrl-C on an empty line', async () => {
    const { exit, prompt, type, until, interrupt } = terminal(['--temp', '1', '--seed', '3'])
    await prompt()
    type('Hello\r')
    await until(/Hello[\s\S]*\S{3}/)
    interrupt()
    expect(await prompt()).toContain('(stopped)')
    type('half a line')
    type('\u0003')
    type('Hi\r')
    await until(/Hi[\s\S]*\S{3}/)
    interrupt()
    expect(await prompt()).toContain('(stopped)')
    type('\u0003')
    expect(await exit).toBe(130)
  })

  it('leaves at a second Ctrl-C before the answer has stopped, and drops half a message at the first', async () => {
    const { exit, prompt, type, until, interrupt } = terminal(['--temp', '1', '--seed', '3'])
    await prompt()
    type('first line\\\r')
    await until(MORE)
    type('\u0003')
    await prompt()
    type('Hello\r')
    await until(/Hello[\s\S]*\S{3}/)
    interrupt()
    interrupt()
    expect(await exit).toBe(130)
  })

  it('says what does not fit and goes on', async () => {
    const { exit, prompt, type } = terminal(['--context', '4'])
    await prompt()
    type('Hello\r')
    expect(await prompt()).toContain('CONTEXT_LENGTH_EXCEEDED')
    type('\u0004')
    expect(await exit).toBe(0)
  })

  it('says how many turns the model is not shown', async () => {
    const first = terminal(['-n', '5'])
    await first.prompt()
    first.type('Hello\r')
    const promptTokens = Number(/prompt (\d+) tokens/.exec(await first.prompt())![1])
    first.type('/exit\r')
    expect(await first.exit).toBe(0)
    const { exit, prompt, type } = terminal([
      ...['-n', '5', '--on-overflow', 'drop-turns'],
      ...['--context', String(promptTokens + 5)],
    ])
    await prompt()
    type('Hello\r')
    expect(await prompt()).not.toContain('not shown')
    for (const dropped of ['the oldest turn', 'the 2 oldest turns']) {
      type('Hello\r')
      expect(await prompt()).toContain(`the model was not shown ${dropped}`)
    }
    type('/exit\r')
    expect(await exit).toBe(0)
  })

  it('dims thinking where styles are wanted, and writes none where they are not', async () => {
    const plain = terminal(['-n', '4', '--think'], { NO_COLOR: '1' })
    const styled = terminal(['-n', '4', '--think'])
    for (const { prompt, type, exit } of [plain, styled]) {
      const greeting = await prompt()
      expect(greeting.includes('\u001b[1m')).toBe(prompt === styled.prompt)
      type('Hello\r')
      expect((await prompt()).includes('\u001b[2m')).toBe(prompt === styled.prompt)
      type('/exit\r')
      expect(await exit).toBe(0)
    }
  })
})
