// Hostile and mistaken command lines, one line for each; the numbers are those of a list that every case is on. Cases about a server are
// here as the check that there is none. What needs a terminal is in interactive.test.ts, what needs a process of its own in program.test.ts.

import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { requireMemory } from '../src/model/memory-budget.js'
import { chattyModel, fak, fixture, type Given, scratchFolder } from './harness.js'

const folder = scratchFolder()
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const model = chattyModel()
const ask = ['chat', '-m', model, '-p', 'hello', '-n', '4', '--no-think']
const saved = file('saved.fak', 'an earlier file')
const isRoot = process.getuid?.() === 0
const unreadable = file('unreadable.gguf', 'GGUF')
chmodSync(unreadable, 0)
mkdirSync(join(folder, 'empty-folder'))

interface Case {
  argv: readonly string[]
  given?: Given
  code: number | readonly number[]
  stderr?: RegExp
  /** Default: nothing but results, so nothing where the exit code is not 0. */
  stdout?: RegExp
}
const usage = (argv: readonly string[], stderr: RegExp, given?: Given): Case => ({
  argv,
  code: 2,
  stderr: new RegExp(`^fak: .*${stderr.source}.*\\(try: fak.* --help\\)\\n$`),
  ...(given && { given }),
})
const failure = (argv: readonly string[], code: string, given?: Given): Case => ({
  argv,
  code: 1,
  stderr: new RegExp(`^[^\\n]+\\[${code}\\]\\n$`),
  ...(given && { given }),
})
/** Whatever was said before the end. */
const ANY = /^/
const NO_CONTROLS = /^(\P{Cc}|\n)*$/u
const range = /Allowed: an integer from 1 to 1024/

const cases: Record<string, readonly Case[]> = {
  'C1 unknown command or option: the nearest spelling': [
    usage(['chta'], /Did you mean chat\?/),
    usage(['help', 'benhc'], /Did you mean bench\?/),
    usage(['chat', '--temprature', '1'], /Did you mean --temperature\?/),
    usage(['--nope'], /unknown option '--nope'/),
  ],
  'C2 an option without its value, a value for a flag': [
    usage(['chat', '-m'], /argument missing/),
    usage(['chat', '--json=1'], /--json=1/),
  ],
  'C3 threads': ['0', '-1', '1.5', 'abc', '1e9'].map((n) => usage(['bench', '--threads', n], range)),
  'C4 port: no command serves': [
    usage(['chat', '--port', '0'], /unknown option/),
    usage(['serve', '--port', '80x'], /./),
  ],
  'C5 port in use: no command serves': [usage(['serve'], /unknown command/)],
  'C6 host without a key: no command serves': [usage(['chat', '--host', '0.0.0.0'], /unknown option/)],
  'C7 a model that is absent, a directory, unreadable, empty, HTML': [
    failure(['chat', '-m', join(folder, 'absent.gguf'), '-p', 'x'], 'FILE_NOT_FOUND'),
    failure(['chat', '-m', join(folder, 'empty-folder'), '-p', 'x'], 'FILE_IS_DIRECTORY'),
    // Whoever may read everything gets to the content, which is no model either.
    failure(['chat', '-m', unreadable, '-p', 'x'], isRoot ? 'GGUF_TRUNCATED' : 'FILE_[A-Z_]+'),
    failure(['chat', '-m', file('empty.gguf', ''), '-p', 'x'], 'GGUF_TRUNCATED'),
    failure(['chat', '-m', file('page.gguf', '<!doctype html><p>Not found'), '-p', 'x'], 'GGUF_BAD_MAGIC'),
  ],
  'C8 context of nothing, or beyond what the model was made for (beyond memory: below)': [
    usage([...ask, '--context', '0'], /an integer from 1/),
    usage([...ask, '--context', '10000000'], /10000000 is more than the \d+ tokens/),
  ],
  'C9 a prompt that is not UTF-8': [
    {
      ...failure(['chat', '-m', model], 'BAD_UTF8', { stdin: Uint8Array.of(0x61, 0xff) }),
      stderr: /byte 1.*\[BAD_UTF8\]\n$/,
    },
  ],
  'C10 a prompt from stdin that is closed or empty': [
    usage(['chat', '-m', model], /the prompt is empty/, { stdin: '' }),
    usage(['chat', '-m', model], /the prompt is empty/, { stdin: ' \n' }),
    usage(['chat', '-m', model, '-p', ''], /the prompt is empty/),
  ],
  'C11 stdout closed early': [
    {
      argv: ['inspect', fixture('models/tied/model.f32.gguf')],
      given: { onStart: (c) => c.closeStdout() },
      code: [0, 141],
      stderr: /^$/,
    },
  ],
  'C12 stdin that is no terminal: one answer, no escapes': [
    {
      argv: ['chat', '-m', model, '-n', '4', '--no-think'],
      given: { stdin: 'hello' },
      code: 0,
      stdout: NO_CONTROLS,
      stderr: NO_CONTROLS,
    },
  ],
  'C13 SIGINT while answering': [
    {
      argv: [...ask.slice(0, -3), '-n', '4000', '--no-think'],
      given: { onStdout: (_t, c) => c.signal('SIGINT') },
      code: 130,
      stdout: ANY,
      stderr: ANY,
    },
  ],
  'C14 SIGTERM while answering: no half-written file': [
    {
      argv: [...ask.slice(0, -3), '-n', '4000', '--no-think', '--session', join(folder, 'stopped.fak')],
      given: { onStdout: (_t, c) => c.signal('SIGTERM') },
      code: 143,
      stdout: ANY,
      stderr: ANY,
    },
  ],
  'C15 a place that cannot be written': [
    {
      argv: [...ask, '--session', join(saved, 'below-a-file.fak')],
      code: 1,
      stdout: ANY,
      stderr: /below-a-file\.fak: .*E\w+.*\[(WRITE_FAILED|FILE_\w+)\]\n$/,
    },
    {
      argv: [...ask, '--session', join(folder, 'no-folder', 's.fak')],
      code: 1,
      stdout: ANY,
      stderr: /ENOENT \[WRITE_FAILED\]\n$/,
    },
  ],
  'C16 arguments that are huge, or full of control characters': [
    { ...usage(['chat', `--${'x'.repeat(1 << 20)}`], /./), stderr: /^fak: [^\n]{1,700}\n$/ },
    { ...usage(['chat', '--a\u0000b\nc\u001b[31m'], /./), stderr: /^fak: \P{Cc}+\n$/u },
    failure(['chat', '-m', `${folder}/a\u0000b.gguf`, '-p', 'x'], 'FILE_[A-Z_]+'),
    { argv: ['tokenize', '-m', model, 'a\nb\u001b[31m'], code: 0, stdout: NO_CONTROLS },
  ],
  'C17 a malformed environment': [
    usage(ask, /environment variable FAK_THREADS is "x".*1 to 1024/, { env: { FAK_THREADS: 'x' } }),
    usage(ask, /FAK_ISA must be one of/, { env: { FAK_ISA: 'mmx' } }),
  ],
  'C18 configuration file: none is read': [
    usage(['chat', '--config', file('fak.json', '{')], /unknown option '--config'/),
  ],
}

describe.each(Object.entries(cases))('%s', (_name, lines) => {
  it.each(lines.map((line) => [line.argv.map((arg) => JSON.stringify(arg).slice(0, 60)).join(' '), line] as const))(
    '%s',
    async (_argv, { argv, given, code, stderr = /^/, stdout }) => {
      const ran = await fak(argv, given)
      expect([code].flat()).toContain(ran.code)
      expect(ran.stderr).toMatch(stderr)
      expect(ran.stderr).not.toMatch(/^ {4}at /m)
      if (stdout !== undefined || ran.code !== 0) expect(ran.stdout).toMatch(stdout ?? /^$/)
    },
  )
})

it('all eighteen have a test', () => {
  const numbers = Object.keys(cases).map((name) => Number(/^C(\d+) /.exec(name)![1]))
  expect(numbers).toEqual(Array.from({ length: 18 }, (_, i) => i + 1))
})

it('C8 a context beyond memory: both numbers', () => {
  const arrays = [
    { label: 'k', kind: 'kv', dtype: 'F32', shape: [1024] },
    { label: 's', kind: 'recurrent', dtype: 'F32', shape: [256] },
  ] as const
  expect(() => requireMemory(arrays, 1_000_000, 5_000_000_000)).not.toThrow()
  expect(() => requireMemory(arrays, 2_000_000, 5_000_000_000)).toThrow(
    /takes 8\.2 GB of state, this machine has 5\.0 GB .*\(context\) \[MEMORY_BUDGET\]/,
  )
})

it('C14 what was saved is whole, and nothing lies beside it', async () => {
  const session = join(folder, 'stopped.fak')
  expect(readdirSync(folder).filter((name) => name.startsWith('stopped.fak'))).toEqual(['stopped.fak'])
  expect(await fak([...ask, '--session', session])).toMatchObject({ code: 0 })
})

it('C15 what was there before is still there', () => {
  expect(readFileSync(saved, 'utf8')).toBe('an earlier file')
})
