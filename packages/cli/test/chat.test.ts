import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { chattyModel, fak, scratchFolder } from './harness.js'

const folder = scratchFolder()

const model = chattyModel()
const ask = ['chat', '-m', model, '-p', 'Hello', '-n', '12']

interface Done {
  text: string
  reasoning: string
  tokens: number[]
  promptTokens: number
  cachedTokens: number
  finishReason: string
  seed: number
  timings: Record<string, number | null>
}

const events = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const done = (stdout: string) => events(stdout).at(-1) as Done & { type: string }

describe('one answer', () => {
  it('prints the answer alone on stdout and the figures on stderr', async () => {
    const { code, stdout, stderr } = await fak(ask)
    expect(code).toBe(0)
    const json = await fak([...ask, '--json'])
    expect(stdout).toBe(`${done(json.stdout).text}\n`)
    expect(stderr).toMatch(/^model +model \(qwen3_5_text, .* parameters, F32\)\nexecutor +native, \S+, \d+ thread/)
    expect(stderr).toMatch(/\nprefill +\d+ tokens, [\d.]+ tok\/s\ndecode +12 tokens, ended by length, [\d.]+ tok\/s\n$/)
    expect(json.stderr).toBe('')
  })

  it('prints events as JSON lines, the last one with everything', async () => {
    const { stdout } = await fak([...ask, '--json'])
    const all = events(stdout)
    expect(all[0]).toMatchObject({ type: 'start', executor: 'native', model: 'model' })
    expect(all.filter((event) => event.type === 'token').map((event) => event.id)).toEqual(all.at(-1).tokens)
    expect(
      all
        .filter((event) => event.type === 'text')
        .map((event) => event.text)
        .join(''),
    ).toBe(all.at(-1).text)
    expect(all.at(-1)).toMatchObject({ type: 'done', finishReason: 'length', cachedTokens: 0, generatedTokens: 12 })
    expect(all.at(-1).promptTokens).toBeGreaterThan(5)
    expect(all.at(-1).timings.loadMs).toBeGreaterThan(0)
  })

  it('is the same answer on the reference executor, within the reach of near-ties', async () => {
    const reference = done((await fak([...ask, '--json', '--executor', 'reference'])).stdout)
    expect(reference.tokens.slice(0, 4)).toEqual(done((await fak([...ask, '--json'])).stdout).tokens.slice(0, 4))
  })

  it('comes from a mixture of experts on either executor, and is the same', async () => {
    const experts = ['chat', '-m', chattyModel('moe-r3'), '-p', 'Hello', '-n', '12', '--json']
    const native = await fak(experts)
    expect(events(native.stdout)[0]).toMatchObject({ executor: 'native' })
    const reference = await fak([...experts, '--executor', 'reference'])
    expect(done(reference.stdout).tokens.slice(0, 4)).toEqual(done(native.stdout).tokens.slice(0, 4))
  })

  it('ends where generation_config.json says so, and at no id that is none', async () => {
    const folder = chattyModel()
    const config = join(folder, 'generation_config.json')
    const run = () => fak(['chat', '-m', folder, '-p', 'Hello', '-n', '12', '--json'])
    const [, second] = done((await run()).stdout).tokens
    writeFileSync(config, JSON.stringify({ eos_token_id: [second] }))
    expect(done((await run()).stdout)).toMatchObject({ finishReason: 'stop', generatedTokens: 1 })
    for (const eos_token_id of [[5, 310], 'x', -1, 1.5]) {
      writeFileSync(config, JSON.stringify({ eos_token_id }))
      const { code, stderr } = await run()
      expect(code).toBe(1)
      expect(stderr).toMatch(
        /generation_config\.json: eos_token_id must hold ids of tokens, got .*\[MODEL_BAD_CONFIG\]\n$/,
      )
    }
  })

  it('never says a row of the head that is no token', async () => {
    const { tokens } = done((await fak([...ask, '-n', '200', '--temp', '2', '--seed', '1', '--json'])).stdout)
    expect(tokens.length).toBeGreaterThan(10)
    expect(Math.max(...tokens)).toBeLessThan(302)
  })

  it('takes the prompt from stdin, and appends stdin to -p', async () => {
    const count = async (argv: string[], stdin: string) =>
      done((await fak(['chat', '-m', model, '-n', '1', '--json', ...argv], { stdin })).stdout).promptTokens
    expect(await count([], 'Hello\n')).toBe(await count(['-p', 'Hello'], ''))
    expect(await count(['-p', 'Hello'], 'world\n')).toBe(await count(['-p', 'Hello\n\nworld'], ''))
  })

  it('answers -p alone, and says so, when a pipe stays silent', async () => {
    const { code, stdout, stderr } = await fak(ask, { stdin: 'open' })
    expect(code).toBe(0)
    expect(stdout).not.toBe('')
    expect(stderr).toMatch(/^fak: nothing came on stdin; answering -p alone\n/)
  })

  it.each([
    ['', []],
    [' \n', []],
    ['', ['-p', ' ']],
  ])('refuses the empty prompt %j %j', async (stdin, argv) => {
    const { code, stderr } = await fak(['chat', '-m', model, ...argv], { stdin })
    expect(code).toBe(2)
    expect(stderr).toContain('the prompt is empty')
  })

  it('refuses a prompt that is not UTF-8, with the offset', async () => {
    const { code, stderr } = await fak(['chat', '-m', model], { stdin: Uint8Array.of(0x61, 0xc3, 0xa4, 0xff, 0x62) })
    expect(code).toBe(1)
    expect(stderr).toBe('<stdin>: is not UTF-8 text (at byte 3) [BAD_UTF8]\n')
  })

  it('refuses a piped image, and says that one which -p names is not looked at', async () => {
    const png = Buffer.from('\x89PNG\r\n\x1a\n0000', 'latin1')
    const piped = await fak(['chat', '-m', model], { stdin: png })
    expect(piped).toMatchObject({ code: 1, stdout: '' })
    expect(piped.stderr).toMatch(/^<stdin>: is an image \(PNG\); .*\[IMAGE_UNSUPPORTED\]\n$/)
    const image = join(folder, 'cat.png')
    writeFileSync(image, png)
    const named = await fak(['chat', '-m', model, '-n', '1', '-p', `What is in ${image} ?`])
    expect(named).toMatchObject({ code: 0, stderr: expect.stringContaining('the model gets the text alone') })
  })

  it('ends before a stop string', async () => {
    const { text } = done((await fak([...ask, '--json'])).stdout)
    const stop = text.slice(3, 6)
    const stopped = done((await fak([...ask, '--json', '--stop', stop])).stdout)
    expect(stopped).toMatchObject({ finishReason: 'stop-string', text: text.slice(0, text.indexOf(stop)) })
  })

  it('samples the same with the same seed, and another with another', async () => {
    const draw = async (...argv: string[]) => done((await fak([...ask, '--json', '--temp', '1', ...argv])).stdout)
    const first = await draw()
    expect((await draw('--seed', String(first.seed))).tokens).toEqual(first.tokens)
    expect((await draw('--seed', String(first.seed + 1))).tokens).not.toEqual(first.tokens)
  })

  it('passes every sampling option on', async () => {
    const plain = done((await fak([...ask, '--json'])).stdout)
    const banned = done((await fak([...ask, '--json', '--logit-bias', `${plain.tokens[0]}=-inf`])).stdout)
    expect(banned.tokens).not.toContain(plain.tokens[0])
    const options =
      '--repeat-penalty 1.2 --presence-penalty 1 --frequency-penalty 0.5 --penalty-window 9 --dry 0.8 --typical-p 0.9'
    const penalized = await fak([...ask, '--json', '--temp', '1', '--seed', '1', ...options.split(' ')])
    expect(penalized.code).toBe(0)
    for (const bad of ['--dry 0', '--typical-p 0', '--presence-penalty 3', '--logit-bias 5', '--logit-bias 5=200']) {
      expect((await fak([...ask, ...bad.split(' ')])).code).toBe(2)
    }
  })

  it('splits thinking from the answer', async () => {
    const thought = done((await fak([...ask, '--think', '--json'])).stdout)
    expect(thought.text).toBe('')
    expect(thought.reasoning).not.toBe('')
    expect((await fak([...ask, '--think'])).stdout).toBe('')
  })

  it('refuses a prompt beyond the context with both numbers, and a context beyond the model', async () => {
    const long = await fak([...ask, '--context', '5'])
    expect(long.code).toBe(1)
    expect(long.stderr).toMatch(
      /^the prompt has \d+ tokens and the context holds 5: shorten it, .*\[CONTEXT_LENGTH_EXCEEDED\]\n$/,
    )
    const large = await fak([...ask, '--context', '5000'])
    expect(large.code).toBe(2)
    expect(large.stderr).toContain('4096')
  })
})

describe('ends that come from outside', () => {
  const endless = ['chat', '-m', model, '-p', 'Hello', '--json', '--temp', '1', '--seed', '2']

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends the answer with exit code %i', async (name, code) => {
    let sent = false
    const ran = await fak(endless, {
      onStdout: (text, { signal }) => {
        if (!sent && text.includes('"token"')) {
          sent = true
          signal(name)
        }
      },
    })
    expect(ran.code).toBe(code)
    expect(done(ran.stdout).finishReason).toBe('aborted')
    expect(done(ran.stdout).tokens.length).toBeLessThan(4)
    expect(ran.stderr).toBe('')
  })

  it('a reader of stdout that goes away ends it quietly', async () => {
    const { code, stderr } = await fak(endless, {
      onStdout: (text, { closeStdout }) => text.includes('"token"') && closeStdout(),
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

describe('models that cannot be opened', () => {
  it.each([
    ['/nonexistent/model.gguf', 'FILE_NOT_FOUND'],
    ['/tmp', 'FILE_IS_DIRECTORY'],
    ['/dev/zero', 'FILE_NOT_REGULAR'],
    [`${model}/config.json`, 'GGUF_BAD_MAGIC'],
  ])('%s: exit 1, %s', async (path, code) => {
    const ran = await fak(['chat', '-m', path, '-p', 'x'])
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' })
    expect(ran.stderr.split('\n')).toHaveLength(2)
    expect(ran.stderr.startsWith(`${path}: `)).toBe(true)
    expect(ran.stderr.endsWith(`[${code}]\n`)).toBe(true)
  })

  it('shows a stack only with --debug', async () => {
    const argv = ['chat', '-m', '/nonexistent/model.gguf', '-p', 'x']
    expect((await fak(argv)).stderr).not.toContain('    at ')
    expect((await fak([...argv, '--debug'])).stderr).toContain('    at ')
  })
})
