import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openGguf, writeGgufSplit } from '@fak/gguf/node'
import { describe, expect, it } from 'vitest'
import { fak, fixture, scratchFolder } from './harness.js'

const model = fixture('models/tied/model.f32.gguf')
const folder = scratchFolder()
const target = join(folder, 'edited.gguf')

describe('fak edit', () => {
  it('sets, removes and renames keys; the tensors stay', async () => {
    const template = join(folder, 'template.jinja')
    writeFileSync(template, '{{ messages }}\n')
    const set = [
      'general.name=a=b',
      'qwen35.context_length=123',
      `tokenizer.chat_template:string=@${template}`,
      'x.y:f32=0.5',
    ]
    const argv = ['edit', model, '-o', target, ...set.flatMap((text) => ['--set', text])]
    const ran = await fak([...argv, '--remove', 'general.file_type', '--rename', 'general.type=general.kind'])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    const [before, after] = [await openGguf(model), await openGguf(target)]
    const { metadata } = after
    expect(metadata.string('general.name')).toBe('a=b')
    expect(metadata.entry('qwen35.context_length')).toMatchObject({ type: 'u32', value: 123 })
    expect(metadata.string('tokenizer.chat_template')).toBe('{{ messages }}\n')
    expect(metadata.entry('x.y')).toMatchObject({ type: 'f32', value: 0.5 })
    expect([metadata.has('general.file_type'), metadata.has('general.type')]).toEqual([false, false])
    expect(metadata.get('general.kind')).toBe(before.metadata.get('general.type'))
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()])
    await before.close()
    await after.close()
  })

  it('makes one file of a split set, the one that it was', async () => {
    const file = await openGguf(model)
    const content = { metadata: file.metadata.entries(), tensors: file.tensors.values() }
    const [, second] = await writeGgufSplit(join(folder, 'set'), content, { maxTensors: 30 })
    await file.close()
    const merged = join(folder, 'merged.gguf')
    expect((await fak(['edit', second!, '-o', merged])).code).toBe(0)
    expect(readFileSync(merged).equals(readFileSync(model))).toBe(true)
  })

  it('replaces a file, also the one it reads, only with --force', async () => {
    const path = join(folder, 'own.gguf')
    copyFileSync(model, path)
    const argv = ['edit', path, '-o', path, '--set', 'general.name=mine']
    expect(await fak(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') })
    expect(readFileSync(path).equals(readFileSync(model))).toBe(true)
    expect((await fak([...argv, '--force'])).code).toBe(0)
    const { name } = JSON.parse((await fak(['inspect', path, '--json'])).stdout)
    expect(name).toBe('mine')
  })

  it.each([
    [['--set', 'new.key=1'], 2],
    [['--set', 'new.key:u7=1'], 2],
    [['--set', 'general.name'], 2],
    [['--set', 'qwen35.context_length=many'], 2],
    [['--set', 'qwen35.context_length=4294967296'], 1],
    [['--set', 'tokenizer.ggml.tokens=a'], 2],
    [['--set', 'general.name=@/nowhere'], 1],
    [['--remove', 'nope'], 1],
    [['--rename', 'general.name=general.type'], 1],
  ])('refuses %j and writes nothing', async (options, code) => {
    const path = join(folder, 'refused.gguf')
    expect((await fak(['edit', model, '-o', path, ...options])).code).toBe(code)
    expect(existsSync(path)).toBe(false)
  })
})
