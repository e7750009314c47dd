// The built program as a shell sees it.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { finish, start } from './built.js'
import { chattyModel, fixture, scratchFolder } from './harness.js'

const model = chattyModel()
const endless = ['chat', '-m', model, '--json', '--temp', '1', '--seed', '2', '-p', 'Hello']

describe('the program', () => {
  it('is quiet when the reader of stdout goes away', async () => {
    const child = start(endless)
    const { code, stderr } = await finish(child, (text) => text.includes('"token"') && child.stdout!.destroy())
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends with a whole last line at %s, exit code %i', async (name, code) => {
    const child = start(endless)
    let sent = false
    const ran = await finish(child, (text) => {
      if (!sent && text.includes('"token"')) sent = child.kill(name)
    })
    expect({ code: ran.code, signal: ran.signal, stderr: ran.stderr }).toEqual({ code, signal: null, stderr: '' })
    expect(JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({
      type: 'done',
      finishReason: 'aborted',
    })
  })

  it('leaves no half-written file behind at SIGTERM', async () => {
    const folder = scratchFolder()
    const ids = Array.from({ length: 4000 }, (_, i) => i % 300).join(',')
    const argv = ['eval', '-m', fixture('models/tied'), '--executor', 'reference', '--chunk', '1', '--ids', ids]
    const child = start([...argv, '--logits', join(folder, 'logits.f32')])
    const watch = setInterval(() => readdirSync(folder).length > 0 && child.kill('SIGTERM'), 5)
    const { code, stdout } = await finish(child)
    clearInterval(watch)
    expect({ code, stdout }).toEqual({ code: 143, stdout: '' })
    expect(readdirSync(folder)).toEqual([])
  })

  it('works without the native kernels, and says in one line how to get them', async () => {
    const env = { FAK_NATIVE_ADDON: fixture('no-such.node') }
    const argv = ['eval', '-m', fixture('models/tied'), '--ids', '1,2,3', '--json']
    const without = await finish(start(argv, env))
    expect(without.code).toBe(0)
    expect(without.stderr).toMatch(
      /^fak: running on the slow reference executor, because there is no addon.*; to fix it, unset FAK_NATIVE_ADDON.*\n$/,
    )
    expect(JSON.parse(without.stdout)).toMatchObject({ executor: 'reference' })
    const asked = await finish(start([...argv, '--executor', 'native'], env))
    expect({ code: asked.code, stdout: asked.stdout }).toEqual({ code: 1, stdout: '' })
    expect(asked.stderr).toMatch(/^there is no addon at .*no-such\.node.*; to fix it, .* \[NATIVE_UNAVAILABLE\]\n$/)
    const info = JSON.parse((await finish(start(['info', '--json'], env))).stdout)
    expect(info.executors.native).toBeNull()
    expect(info.missing).toMatchObject([{ what: 'native kernels' }])
  })

  it('ends although stdin stays open', async () => {
    const child = start(['chat', '-m', model, '-n', '2', '-p', 'Hi'], {}, 'pipe')
    const { code, stdout } = await finish(child)
    child.stdin!.destroy()
    expect(code).toBe(0)
    expect(stdout).not.toBe('')
  })
})
