import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { chattyModel, scratchFolder } from './harness.js'
import { onScreen } from './screen.js'

const folder = scratchFolder()
const model = chattyModel()
const chat = (argv: string[] = [], options: Parameters<typeof onScreen>[1] = {}) =>
  onScreen(['chat', '-m', model, '-n', '4', '--temp', '0', ...argv], options)
const promptTokens = (text: string) => Number(/prompt (\d+) tokens/.exec(text)![1])
const cached = (text: string) => Number(/(\d+) cached/.exec(text)?.[1] ?? 0)
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const PNG = Buffer.from('\x89PNG\r\n\x1a\n0000', 'latin1')

describe('chat on a terminal', () => {
  it('greets, answers, remembers, forgets, and leaves', async () => {
    const { exit, prompt, say, type, raw } = chat()
    expect(await prompt()).toMatch(/fak \d.*model \(qwen3_5_text/s)
    const first = await say('Hello')
    expect(first).toMatch(/4 tokens, .*tok\/s \(ended by length\) · prompt \d+ tokens/)
    const second = await say('Hello')
    expect(promptTokens(second)).toBeGreaterThan(promptTokens(first))
    expect(cached(second)).toBeGreaterThan(0)
    expect(await say('/clear')).toContain('forgotten')
    expect(promptTokens(await say('Hello'))).toBe(promptTokens(first))
    type('/exit\r')
    expect(await exit).toBe(0)
    expect(raw.at(-1)).toBe(false)
  })

  it('leaves at Ctrl-D with 0, at Ctrl-C on an empty line with 130, at SIGTERM with 143', async () => {
    for (const [key, code] of [
      ['\u0004', 0],
      ['\u0003', 130],
    ] as const) {
      const { exit, prompt, type } = chat()
      await prompt()
      type(key)
      expect(await exit).toBe(code)
    }
    const { exit, prompt, signal, raw, written } = chat()
    await prompt()
    signal('SIGTERM')
    expect(await exit).toBe(143)
    expect(raw.at(-1)).toBe(false)
    expect(written()).toMatch(/\?2004l$/)
  })

  it('stops an answer at Ctrl-C, by key or signal; a second one before it has stopped leaves', async () => {
    const long = ['-n', '5000', '--temp', '1', '--seed', '3']
    const { exit, prompt, type, until, signal } = chat(long)
    await prompt()
    type('Hello\r')
    await until(/Hello\n[\s\S]*\S{3}/)
    type('\u0003')
    expect(await prompt()).toContain('(stopped)')
    type('Again\r')
    await until(/Again\n[\s\S]*\S{3}/)
    signal('SIGINT')
    signal('SIGINT')
    expect(await exit).toBe(130)
  })

  it('says what does not fit and goes on', async () => {
    const { exit, prompt, say, type } = chat(['--context', '4'])
    await prompt()
    expect(await say('Hello')).toContain('CONTEXT_LENGTH_EXCEEDED')
    type('\u0004')
    expect(await exit).toBe(0)
  })

  it('folds thinking into a line, shows it again, and can leave it open or out', async () => {
    const { prompt, say, type, exit } = chat(['--think'])
    await prompt()
    const folded = await say('Hello')
    expect(folded).toMatch(/▸ thought for \d+\.\d s, \d+ tokens? · \/think show/)
    expect(folded).not.toContain('▾')
    const shown = await say('/think show')
    expect(shown).toMatch(/Thinking is on; it is shown/)
    expect(shown.split('\n').length).toBeGreaterThan(3)
    expect(await say('Hello')).toMatch(/▸ thought for \d+\.\d s, \d+ tokens?\n/)
    expect(await say('/think hide')).toContain('it is hidden')
    expect(await say('/think off')).toContain('Thinking is off')
    expect(await say('Hello')).not.toContain('thought for')
    expect(await say('/think maybe')).toContain('is none of')
    type('/exit\r')
    expect(await exit).toBe(0)
  })

  it('shows the call of a tool on a line of its own, and goes on', async () => {
    const parameters = { type: 'object', properties: { unit: { enum: ['day'] } }, required: ['unit'] }
    const tools = file('tools.json', JSON.stringify([{ type: 'function', function: { name: 'wait', parameters } }]))
    const { exit, prompt, say, type } = onScreen(['chat', '-m', 'demo', '--tools', tools, '--tool-choice', 'required'])
    await prompt()
    for (let turn = 0; turn < 2; turn++) {
      expect(await say('Wait.')).toMatch(/\n→ wait\(\{"unit":\s*"day"\}\)\n.*tokens,/)
    }
    type('/exit\r')
    expect(await exit).toBe(0)
  })

  it('says how many turns the model is not shown', async () => {
    const first = chat()
    await first.prompt()
    const tokens = promptTokens(await first.say('Hello'))
    first.type('/exit\r')
    expect(await first.exit).toBe(0)
    const { exit, prompt, say, type } = chat(['--on-overflow', 'drop-turns', '--context', String(tokens + 4)])
    await prompt()
    expect(await say('Hello')).not.toContain('not shown')
    for (const dropped of ['the oldest turn', 'the 2 oldest turns']) {
      expect(await say('Hello')).toContain(`the model was not shown ${dropped}`)
    }
    type('/exit\r')
    expect(await exit).toBe(0)
  })

  it('styles where styles are wanted, and nowhere else', async () => {
    for (const [env, styled] of [
      [{}, true],
      [{ NO_COLOR: '1' }, false],
      [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true],
      [{ FORCE_COLOR: '0' }, false],
    ] as const) {
      const { prompt, say, type, exit, written } = chat([], { env })
      await prompt()
      await say('Hello')
      type('\u0004')
      await exit
      expect(written().includes('\u001b[1m')).toBe(styled)
    }
  })

  it('writes no escapes at all on a terminal that knows none', async () => {
    const { until, type, exit, written } = chat([], { env: { TERM: 'dumb' } })
    await until(/\n>$/)
    type('Hello\n')
    await until(/prompt \d+ tokens/)
    type('/exit\n')
    expect(await exit).toBe(0)
    expect(written()).not.toContain('\u001b')
  })
})

describe('writing a message', () => {
  it('takes a paste as it is, and sends it at Enter', async () => {
    const { prompt, type, until, say, text, exit } = chat()
    await prompt()
    type('\u001b[200~one\r\ntwo\u001b[201~')
    await until(/> one\n\. two$/)
    type('!\r')
    const pasted = promptTokens(await prompt())
    await say('/clear')
    // Without the marks, line breaks inside one piece of input are a paste too.
    type('one\rtwo!')
    await until(/> one\n\. two!$/)
    type('\r')
    expect(promptTokens(await prompt())).toBe(pasted)
    await say('/clear')
    type('one\\')
    type('\r')
    await until(/> one\n\.$/)
    type('two!\r')
    expect(promptTokens(await prompt())).toBe(pasted)
    await say('/clear')
    type('"""')
    type('\r')
    type('one')
    type('\r')
    type('two!"""')
    await until(/"""\n\. one\n\. two!"""$/)
    type('\r')
    expect(promptTokens(await prompt())).toBe(pasted)
    type('\u0004')
    await exit
    expect(text()).not.toContain('\u001b')
  })

  it('edits wide characters and emoji as one', async () => {
    const { prompt, type, until, cursor, exit } = chat()
    await prompt()
    type('a你好👍b')
    await until(/> a你好👍b$/)
    type('\u001b[D\u001b[D\u007f')
    await until(/> a你👍b$/)
    expect(cursor().x).toBe(2 + 1 + 2)
    type('\u0001\u001b[C\u000b')
    await until(/> a$/)
    type('\u0003')
    await until(/> Send a message, or \/help$/)
    type('\u0004')
    await exit
  })

  it('wraps a long draft at the width of the terminal, also after that changes', async () => {
    const { prompt, type, until, resize, cursor, exit } = chat([], { columns: 40 })
    await prompt()
    type('x'.repeat(50))
    await until(/> x{37}\n\. x{13}$/)
    resize(30, 24)
    await until(/> x{27}\n\. x{23}$/)
    expect(cursor().x).toBe(25)
    type('\u0003')
    await until(/> Send a message, or \/help$/)
    type('\u0004')
    expect(await exit).toBe(0)
  })

  it('brings back earlier messages, of earlier runs too, for nobody else to read', async () => {
    const env = { FAK_STATE: join(folder, 'state') }
    const one = chat([], { env })
    await one.prompt()
    await one.say('first')
    await one.say('second')
    one.type('\u0004')
    await one.exit
    const kept = join(env.FAK_STATE, 'history')
    expect(readFileSync(kept, 'utf8')).toBe('"first"\n"second"\n')
    expect(statSync(kept).mode & 0o777).toBe(0o600)
    const two = chat([], { env })
    await two.prompt()
    two.type('\u001b[A\u001b[A')
    await two.until(/> first$/)
    two.type('\u001b[B')
    await two.until(/> second$/)
    two.type('\u0003\u0012fir')
    await two.until(/> first\n {2}search: fir$/)
    two.type('\u0003\u0003')
    expect(await two.exit).toBe(130)
    const none = chat(['--no-history'], { env })
    await none.prompt()
    await none.say('secret')
    none.type('\u001b[A')
    await none.until(/> secret$/)
    none.type('\u0003\u0004')
    await none.exit
    expect(readFileSync(kept, 'utf8')).not.toContain('secret')
  })

  it('opens the editor of the user at Ctrl-G', async () => {
    const { prompt, type, until, exit, say } = chat([], {
      env: { EDITOR: `sh -c 'printf " more\\nlines\\n" >> "$1"' sh` },
    })
    await prompt()
    type('draft\u0007')
    await until(/> draft more\n\. lines$/)
    type('\r')
    expect(await prompt()).toMatch(/prompt \d+ tokens/)
    await say('/clear')
    type('\u0004')
    expect(await exit).toBe(0)
  })

  it('says when that editor fails, and keeps the draft', async () => {
    const { prompt, type, until, exit } = chat([], { env: { VISUAL: 'false' } })
    await prompt()
    type('draft\u0007')
    await until(/> draft\n {2}the editor false ended with 1; the message is as it was$/)
    type('\u0003')
    await until(/> Send a message, or \/help$/)
    type('\u0004')
    expect(await exit).toBe(0)
  })
})

describe('slash commands', () => {
  it('/help lists them; an unknown one is told its nearest; two slashes are one', async () => {
    const { prompt, say, type, exit } = chat()
    await prompt()
    const help = await say('/help')
    const names = [
      'help',
      'exit',
      'clear',
      'regen',
      'edit',
      'system',
      'think',
      'set',
      'stats',
      'save',
      'load',
      'read',
      'model',
    ]
    for (const name of names) expect(help).toMatch(new RegExp(`^ {2}/${name}\\b`, 'm'))
    expect(await say('/hepl')).toContain('There is no command /hepl (did you mean /help?)')
    expect(await say('//etc/hosts')).toMatch(/prompt \d+ tokens/)
    type('/ex\t\r')
    expect(await exit).toBe(0)
  })

  it('/regen computes one token of the prompt at most', async () => {
    const { prompt, say, type, exit } = chat()
    await prompt()
    expect(await say('/regen')).toContain('there is no message')
    const first = await say('Hello')
    const again = await say('/regen')
    expect(promptTokens(again)).toBe(promptTokens(first))
    expect(cached(again)).toBeGreaterThanOrEqual(promptTokens(first) - 1)
    type('/bye\r')
    expect(await exit).toBe(0)
  })

  it('/edit changes a message and forgets what came after it', async () => {
    const { prompt, say, type, until, exit } = chat()
    await prompt()
    const first = await say('Hello')
    await say('And more')
    type('/edit 1\r')
    await until(/> Hello$/)
    type('!\u007f\r')
    expect(promptTokens(await prompt())).toBe(promptTokens(first))
    expect(await say('/edit 2')).toContain('1 to 1')
    type('/edit\r')
    await until(/\/edit\n\n> Hello$/)
    type('\u0015')
    type('\r')
    await prompt()
    type('/exit\r')
    expect(await exit).toBe(0)
  })

  it('/set takes every option of sampling, and refuses what is out of range', async () => {
    const { prompt, say, type, exit } = chat()
    await prompt()
    expect(await say('/set')).toMatch(/temp 0 .*\n[\s\S]*seed/)
    const values = {
      temp: '0.5',
      'top-k': '5',
      'typical-p': '0.9',
      'top-p': '0.9',
      'min-p': '0.1',
      seed: '7',
      dry: '0.8',
    }
    const others = {
      'repeat-penalty': '1.1',
      'presence-penalty': '1',
      'frequency-penalty': '1',
      'penalty-window': '64',
    }
    const rest = { 'logit-bias': '5=-inf', tokens: '2', stop: 'END' }
    for (const [name, value] of Object.entries({ ...values, ...others, ...rest })) {
      expect(await say(`/set ${name} ${value}`)).toContain(`${name} is ${value}.`)
    }
    expect(await say('Hello')).toMatch(/[12] tokens?,.*/)
    expect(await say('/stats')).toMatch(/answer +\d tokens, .*seed 7/)
    for (const [wrong, reason] of [
      ['temp 3', 'Allowed: 0 to 2'],
      ['top-k 1.5', 'an integer from 0'],
      ['temprature 1', 'did you mean temperature?'],
      ['temp', 'give temp a value'],
      ['logit-bias x', 'such as 42=-1.5'],
    ] as const) {
      expect(await say(`/set ${wrong}`)).toContain(reason)
    }
    expect(await say('/set temp default')).toMatch(/temp is \d/)
    expect(await say('/set parameter top_k 3')).toContain('top-k is 3.')
    type('/exit\r')
    expect(await exit).toBe(0)
  })

  it('/system, /stats and /model say and change what they name', async () => {
    const { prompt, say, type, exit } = chat()
    await prompt()
    expect(await say('/system')).toContain('no system message')
    const before = promptTokens(await say('Hello'))
    expect(await say('/system Be brief.')).toContain('System message: Be brief.')
    await say('/clear')
    expect(promptTokens(await say('Hello'))).toBeGreaterThan(before)
    expect(await say('/stats')).toMatch(
      /context \d+ of \d+ tokens[\s\S]*cached, \d+ evaluated[\s\S]*first token +after/,
    )
    expect(await say('/system none')).toContain('no system message')
    expect(await say(`/model ${join(folder, 'none.gguf')}`)).toContain('FILE_NOT_FOUND')
    expect(await say('/model')).toContain('model · ')
    expect(await say(`/model ${chattyModel('untied-r3')}`)).toContain('model · ')
    expect(await say('More')).toMatch(/prompt \d+ tokens/)
    type('/exit\r')
    expect(await exit).toBe(0)
  })

  it('/save and /load take a conversation from one chat to another', async () => {
    const path = join(folder, 'kept talk.fak')
    const one = chat()
    await one.prompt()
    const first = await one.say('My name is Ada.')
    expect(await one.say(`/save "${path}"`)).toContain('Saved in')
    one.type('\u0004')
    await one.exit
    expect(existsSync(path)).toBe(true)
    const two = chat()
    await two.prompt()
    expect(await two.say(`/load "${path}"`)).toContain('Going on with 1 message')
    expect(cached(await two.say('/regen'))).toBeGreaterThanOrEqual(promptTokens(first) - 1)
    expect(await two.say('/load')).toContain('give one file')
    expect(await two.say(`/load ${join(folder, 'nothing.fak')}`)).toContain('FILE_NOT_FOUND')
    two.type('\u0004')
    expect(await two.exit).toBe(0)
  })

  it('/read adds text to the next message, and refuses what is none', async () => {
    const { prompt, say, type, exit } = chat()
    await prompt()
    const plain = promptTokens(await say('Hello'))
    await say('/clear')
    expect(await say(`/read ${file('notes.txt', 'some notes\n')}`)).toMatch(
      /goes with your next message \(11 B, \d+ tokens?\)/,
    )
    expect(promptTokens(await say('Hello'))).toBeGreaterThan(plain)
    expect(await say(`/read ${file('picture.txt', PNG)}`)).toMatch(/is an image \(PNG\)/)
    expect(await say(`/read ${file('binary.txt', 'a\0b')}`)).toContain('BINARY_FILE')
    expect(await say(`/read ${file('latin.txt', Uint8Array.of(0x61, 0xe9))}`)).toContain('BAD_UTF8')
    expect(await say(`/read ${file('large.txt', 'x'.repeat((4 << 20) + 1))}`)).toContain('FILE_TOO_LARGE')
    expect(await say('/read')).toContain('give one or more files')
    type('/exit\r')
    expect(await exit).toBe(0)
  })

  it('refuses an image that a message names, and keeps the message', async () => {
    const { prompt, type, until, exit } = chat()
    await prompt()
    const image = file('cat.png', PNG)
    type(`${image}\r`)
    await until(/is an image/)
    type(`What is in ${image}\r`)
    await until(/is an image[\s\S]*is an image[\s\S]*> What is in/)
    type('\u0015')
    await until(/> Send a message, or \/help$/)
    type('\u0004')
    expect(await exit).toBe(0)
  })
})
