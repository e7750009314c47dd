import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { demoModelUrl } from '@fak/demo-model'
import { openSafetensors, writeSafetensorsFile } from '@fak/safetensors/node'
import { elementCount, type TensorContent, type WritableTensor } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { finish, start } from './built.js'
import { fak, fixture, scratchFolder } from './harness.js'

const folder = scratchFolder()
const demo = fileURLToPath(demoModelUrl)
const one = ['--threads', '1']

/** A copy of a fixture's checkpoint with other tensors. */
async function changed(
  name: string,
  change: (tensors: readonly WritableTensor[]) => WritableTensor[],
): Promise<string> {
  const directory = join(folder, name)
  cpSync(fixture('models/tied'), directory, { recursive: true })
  const stored = await openSafetensors(fixture('models/tied'))
  await writeSafetensorsFile(join(directory, 'model.safetensors'), { tensors: change([...stored.tensors.values()]) })
  await stored.close()
  return directory
}

const zeros = (
  name: string,
  dtype: TensorContent['dtype'],
  shape: readonly number[],
  bytes: number,
): TensorContent => ({
  name,
  dtype,
  shape,
  data: new Uint8Array(elementCount(shape) * bytes),
})

describe('fak convert', () => {
  it('says what it made and what it left out', async () => {
    const output = join(folder, 'multimodal.gguf')
    const argv = ['convert', fixture('models/tied-multimodal'), output, '--type', 'bf16', ...one]
    const ran = await fak(argv)
    expect(ran).toMatchObject({ code: 0, stdout: `${output}: 247 kB, 40 BF16, 30 F32\n` })
    expect(ran.stderr).toMatch(/^21 tensors without a place in a text model are left out \(.* kB\):\n {2}model\.visual/)
    const json = JSON.parse((await fak([...argv, '--force', '--no-mtp', '--json'])).stdout)
    expect(json).toMatchObject({ output, type: 'BF16', tensors: { BF16: 32 } })
    expect(json.skipped).toHaveLength(21 + 15)
    expect((await fak(['eval', '-m', output, '--ids', '1,2,3', '--executor', 'reference', '--json'])).code).toBe(0)
  })

  it('says that Q8_0 is quantized again', async () => {
    const output = join(folder, 'again.gguf')
    const argv = ['convert', fixture('quantized/quant-32.q8_0.gguf'), output, '--type', 'Q5_K_M', ...one]
    expect(await fak(argv)).toMatchObject({ code: 0, stderr: expect.stringContaining('quantized again from Q8_0') })
  })

  it('gives the same bytes from one thread and from several', async () => {
    const [alone, team] = [join(folder, 'alone.gguf'), join(folder, 'team.gguf')]
    expect((await fak(['convert', demo, alone, '--type', 'F16', ...one])).code).toBe(0)
    const ran = await finish(start(['convert', demo, team, '--type', 'F16', '--threads', '3']))
    expect(ran.code, ran.stderr).toBe(0)
    expect(readFileSync(team).equals(readFileSync(alone))).toBe(true)
  })

  it('leaves nothing behind when it is interrupted', async () => {
    const before = readdirSync(folder)
    const child = start(['convert', demo, join(folder, 'stopped.gguf'), '--type', 'Q4_K_M', '--threads', '2'])
    const ended = finish(child)
    await expect.poll(() => readdirSync(folder).length, { timeout: 20_000 }).toBeGreaterThan(before.length)
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, stdout: '', stderr: '' })
    expect(readdirSync(folder)).toEqual(before)
  })
})

describe('fak convert refuses', () => {
  const output = join(folder, 'refused.gguf')
  const refused = async (source: string, ...more: string[]) => {
    const ran = await fak(['convert', source, output, ...one, ...(more.length > 0 ? more : ['--type', 'F16'])])
    expect(readdirSync(folder)).not.toContain('refused.gguf')
    return ran
  }

  it('wrong usage', async () => {
    expect(await refused(demo, '--type', 'Q3_K')).toMatchObject({ code: 2, stderr: expect.stringMatching(/Q4_K_M/) })
    expect(await refused(demo, '--threads', '2')).toMatchObject({ code: 2, stderr: expect.stringMatching(/--type/) })
    const existing = join(folder, 'existing.gguf')
    writeFileSync(existing, 'mine')
    expect(await fak(['convert', demo, existing, '--type', 'F16', ...one])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--force'),
    })
    expect(readFileSync(existing, 'utf8')).toBe('mine')
  })

  it('files that are not there, or nothing to convert from', async () => {
    expect((await refused(join(folder, 'nowhere'))).stderr).toContain('FILE_NOT_FOUND')
    expect((await refused(folder)).stderr).toContain('FILE_NOT_FOUND')
    expect((await refused(fixture('quantized/quant-256.q4_k_m.gguf'))).stderr).toContain('CONVERT_QUANTIZED_SOURCE')
    expect((await refused(fixture('models/dk-not-dv'))).stderr).toContain('CONVERT_NOT_EXPRESSIBLE')
  })

  it('a tensor of a type that is no float, by name', async () => {
    const up = 'model.layers.1.mlp.up_proj.weight'
    const source = await changed('fp8', (tensors) =>
      tensors.map((tensor) => (tensor.name === up ? zeros(up, 'F8_E4M3', tensor.shape, 1) : tensor)),
    )
    const ran = await refused(source)
    expect(ran).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/F8_E4M3.*model\.layers\.1\.mlp\.up_proj\.weight/),
    })
  })

  it('a tensor that nothing is known of, and one that is missing', async () => {
    const more = await changed('more', (tensors) => [...tensors, zeros('model.layers.0.extra.weight', 'F32', [4], 4)])
    expect((await refused(more)).stderr).toMatch(/extra\.weight.*MODEL_UNEXPECTED_TENSOR/)
    const less = await changed('less', (tensors) => tensors.filter(({ name }) => !name.includes('1.mlp.up_proj')))
    expect((await refused(less)).stderr).toMatch(/up_proj.*MODEL_MISSING_TENSOR/)
  })

  it('part of a draft head, unless it is left out', async () => {
    const source = await changed('mtp', (tensors) => [...tensors, zeros('mtp.fc.weight', 'F32', [48, 96], 4)])
    expect((await refused(source)).stderr).toMatch(/mtp.*CONVERT_BAD_MTP/)
    const ran = await fak(['convert', source, join(folder, 'no-mtp.gguf'), '--type', 'F16', '--no-mtp', ...one])
    expect(ran.code).toBe(0)
  })

  it('values that the type cannot hold, by tensor', async () => {
    const up = 'model.layers.1.mlp.up_proj.weight'
    for (const [type, value] of [
      ['F16', 70_000],
      ['Q8_0', Number.NaN],
    ] as const) {
      const source = await changed(`bad-${type}`, (tensors) =>
        tensors.map((tensor) => {
          if (tensor.name !== up) return tensor
          const data = new Float32Array(elementCount(tensor.shape))
          data[5] = value
          return { name: up, dtype: 'F32' as const, shape: tensor.shape, data: new Uint8Array(data.buffer) }
        }),
      )
      const ran = await refused(source, '--type', type)
      expect(ran.stderr, type).toMatch(/blk\.1\.ffn_up\.weight.*VALUE_NOT_STORABLE/)
    }
  })
})
