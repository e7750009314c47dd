import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSavedSession } from '@fak/session/node'
import { beforeAll, describe, expect, it } from 'vitest'
import { finish, start } from './built.js'
import { chattyModel, fak, scratchFolder } from './harness.js'

const folder = scratchFolder()
const model = chattyModel()
const saved = join(folder, 'saved.fak')

/** The last event of one answer, and what was said beside it. */
async function ask(file: string, text: string, ...options: string[]) {
  const ran = await fak(['chat', '-m', model, '--session', file, '--json', '-n', '8', '-p', text, ...options])
  const events = ran.stdout.trimEnd().split('\n')
  return { ...ran, done: ran.code === 0 ? JSON.parse(events.at(-1)!) : null }
}

/** A copy of the saved conversation, for a test of its own. */
function copy(name: string): string {
  const path = join(folder, name)
  copyFileSync(saved, path)
  return path
}

let first: { promptTokens: number }

beforeAll(async () => {
  first = (await ask(saved, 'My name is Ada.', '--system', 'Be brief.')).done
})

describe('fak chat --session', () => {
  it('goes on with everything said before, without computing it again', async () => {
    const { done, stderr } = await ask(copy('on.fak'), 'Who am I?')
    expect(stderr).toBe('')
    // Up to the answer, before which the template leaves the place for thoughts out as soon as it is history.
    const header = '<|im_start|>assistant\n<think>\n\n</think>\n\n'
    const { ids } = JSON.parse((await fak(['tokenize', '-m', model, '--special', 'all', header, '--json'])).stdout)
    expect(done.cachedTokens).toBe(first.promptTokens - ids.length)
  })

  it('says the same on other threads and instruction sets', async () => {
    const tokens = []
    for (const options of [[], ['--isa', 'scalar', '--threads', '1'], ['--chunk', '3', '--threads', '2']]) {
      tokens.push((await ask(copy('other.fak'), 'Who am I?', ...options)).done.tokens)
    }
    expect(tokens[1]).toEqual(tokens[0])
    expect(tokens[2]).toEqual(tokens[0])
  })

  it('computes everything again where the state is of no use, and says so', async () => {
    const file = copy('reference.fak')
    const { done, stderr } = await ask(file, 'Who am I?', '--executor', 'reference')
    expect(stderr).toMatch(/computed again: .*reference\.fak.*\[STATE_ARITHMETIC_MISMATCH\]/)
    expect(done.cachedTokens).toBe(0)
    expect((await ask(file, 'And now?', '--executor', 'reference')).stderr).toBe('')
  })

  it('answers from the messages when the model is another', async () => {
    const file = copy('other-model.fak')
    const other = chattyModel('untied-r3')
    const ran = await fak(['chat', '-m', other, '--session', file, '--json', '-n', '2', '-p', 'Who am I?'])
    expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/computed again: .*STATE_(MODEL|TOKENIZER)_MISMATCH/),
    })
  })

  it('holds the conversation to its own system message', async () => {
    const ran = await ask(copy('system.fak'), 'x', '--system', 'Be rude.')
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain('--system')
    expect((await ask(copy('same.fak'), 'x', '--system', 'Be brief.')).code).toBe(0)
  })

  it('refuses a damaged file and leaves it alone', async () => {
    const file = copy('damaged.fak')
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1]! ^= 4
    writeFileSync(file, bytes)
    expect(await ask(file, 'x')).toMatchObject({ code: 1, stderr: expect.stringContaining('[STATE_CHECKSUM]') })
    expect(readFileSync(file)).toEqual(bytes)
    writeFileSync(file, 'notes')
    expect(await ask(file, 'x')).toMatchObject({ code: 1, stderr: expect.stringContaining('[STATE_BAD_MAGIC]') })
    expect(readFileSync(file, 'utf8')).toBe('notes')
  })

  it('says when it cannot be written', async () => {
    const ran = await ask(join(folder, 'no', 'such', 'folder.fak'), 'x')
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('[WRITE_FAILED]') })
    expect(await ask(folder, 'x')).toMatchObject({ code: 1, stderr: expect.stringContaining('[FILE_IS_DIRECTORY]') })
  })
})

/** More kills for a long run: FAK_TEST_KILLS=200. */
const KILLS = Number(process.env.FAK_TEST_KILLS ?? 8)

it(`leaves the old or the new file when it is killed, ${KILLS} times`, { timeout: 5000 + 5000 * KILLS }, async () => {
  const own = join(folder, 'killed')
  mkdirSync(own)
  const file = join(own, 'talk.fak')
  const child = () => start(['chat', '-m', model, '--session', file, '-n', '3', '-p', 'Go on.'])
  const began = performance.now()
  await finish(child())
  const whole = performance.now() - began
  for (let kill = 0; kill < KILLS; kill++) {
    const killed = child()
    // Mostly near the end, where the file is written.
    const delay = whole * (0.5 + 0.6 * ((kill * 0.618) % 1))
    const timer = setTimeout(() => killed.kill('SIGKILL'), delay)
    await finish(killed)
    clearTimeout(timer)
    expect(existsSync(file)).toBe(true)
    const { tokens, close } = await openSavedSession(file).then((s) => ({ tokens: s.tokens, close: () => s.close() }))
    await close()
    expect(tokens).toBeGreaterThan(0)
  }
  expect((await ask(file, 'Once more.')).code).toBe(0)
  expect(readdirSync(own)).toEqual(['talk.fak'])
})
