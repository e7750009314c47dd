// Damaged models as a user meets them: one line with file, reason, field and code, exit code 1, nothing on stdout.

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fak, fixture, scratchFolder } from './harness.js'

const folder = scratchFolder()
let copies = 0

/** A copy of a checkpoint of the fixtures. */
function copy(name: string): string {
  const path = join(folder, `${name}-${copies++}`)
  cpSync(fixture(`models/${name}`), path, { recursive: true })
  return path
}

async function refused(model: string, message: RegExp): Promise<void> {
  for (const argv of [
    ['eval', '--ids', '1'],
    ['compare', '--ids', '1'],
  ]) {
    const { code, stdout, stderr } = await fak([...argv, '-m', model])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr.trimEnd()).not.toContain('\n')
    expect(stderr.length).toBeLessThan(502)
  }
}

describe('a damaged config.json is refused by name (S30, S31)', () => {
  const configOf = (directory: string) => JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'))
  it.each([
    ['no JSON', '{"model_type": "qwen3_5_text", ', /config\.json: is not JSON \(at byte 0\) \[MODEL_BAD_CONFIG\]/],
    ['nothing', '', /config\.json: is not JSON \(at byte 0\) \[MODEL_BAD_CONFIG\]/],
    ['a list', '[]', /\[MODEL_BAD_CONFIG\]/],
  ])('%s', async (_, text, message) => {
    const model = copy('tied')
    writeFileSync(join(model, 'config.json'), text)
    await refused(model, message)
  })

  it.each([
    ['num_hidden_layers', -1],
    ['num_hidden_layers', 1e308],
    ['num_hidden_layers', '24'],
    ['layer_types', ['linear_attention']],
    ['layer_types', ['sliding_attention']],
  ])('%s %j', async (key, value) => {
    const model = copy('tied')
    writeFileSync(join(model, 'config.json'), JSON.stringify({ ...configOf(model), [key]: value }))
    await refused(model, new RegExp(`\\(${key}\\) \\[MODEL_BAD_CONFIG\\]`))
  })
})

describe('damaged shards are refused by name (S27, S28, S29)', () => {
  const index = (model: string) => join(model, 'model.safetensors.index.json')
  const mapOf = (model: string): Record<string, string> => JSON.parse(readFileSync(index(model), 'utf8')).weight_map
  const write = (model: string, weight_map: Record<string, string>) =>
    writeFileSync(index(model), JSON.stringify({ metadata: {}, weight_map }))

  it.each(['../../etc/passwd', '/etc/passwd', 'a/../../b'])('a shard at %s', async (shard) => {
    const model = copy('tied-sharded-bf16')
    const map = mapOf(model)
    write(model, { ...map, [Object.keys(map)[0]!]: shard })
    await refused(model, /\[MODEL_PATH_ESCAPE\]/)
  })

  it('a shard that is not there', async () => {
    const model = copy('tied-sharded-bf16')
    rmSync(join(model, readdirSync(model).find((name) => name.includes('00002'))!))
    await refused(model, /00002-of-00004.*\[MODEL_SHARD_MISSING\]/)
  })

  it('a tensor that is in another shard', async () => {
    const model = copy('tied-sharded-bf16')
    const map = mapOf(model)
    const [name] = Object.keys(map)
    const other = Object.values(map).find((shard) => shard !== map[name!])!
    write(model, { ...map, [name!]: other })
    await refused(model, /\[MODEL_TENSOR_NOT_IN_SHARD\]/)
  })
})

describe('a damaged file is refused, at whatever place it was cut', () => {
  it.each([
    ['models/odd/model.f32.gguf', /cut\.gguf: .*\[GGUF_/],
    ['demo/demo-Q4_K_M.gguf', /cut\.gguf: .*\[GGUF_/],
  ])('%s', async (file, message) => {
    const bytes = readFileSync(fixture(file))
    const path = join(folder, 'cut.gguf')
    for (const share of [0, 1e-5, 0.001, 0.5, 0.999]) {
      writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * share)))
      await refused(path, share === 0 ? /\[(GGUF|FILE)_/ : message)
    }
  })
})
