import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_KV_CACHE } from '@fak/graph'
import { describe, expect, it } from 'vitest'
import { fak, fixture, scratchFolder } from './harness.js'

const folder = scratchFolder()
const floats = (path: string) => {
  const bytes = readFileSync(path)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}
const largest = (a: Float32Array, b: Float32Array) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)

describe('fak eval', () => {
  const { prompt } = JSON.parse(readFileSync(fixture('models/untied-r3/oracle.json'), 'utf8')) as { prompt: number[] }
  const ids = prompt.join(',')

  it.each([
    ['native', 'models/untied-r3'],
    ['native', 'models/untied-r3/model.f32.gguf'],
    ['reference', 'models/untied-r3/model.f32.gguf'],
  ])('writes the logits that HF transformers computed: %s, %s', async (executor, model) => {
    const file = join(folder, `${executor}.f32`)
    const argv = ['eval', '-m', fixture(model), '--ids', ids, '--executor', executor, '--logits', file, '--json']
    const { code, stdout } = await fak(argv)
    expect(code).toBe(0)
    const logits = floats(file)
    const oracle = floats(fixture('models/untied-r3/logits.f32'))
    expect(logits.length).toBe(oracle.length)
    expect(largest(logits, oracle)).toBeLessThan(1e-3)
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({ executor, positions: prompt.length, vocab: 320 })
    expect(result.logitsHash).toBe(createHash('sha256').update(readFileSync(file)).digest('hex'))
    expect(result.top).toHaveLength(prompt.length)
    for (const [position, leaders] of result.top.entries()) {
      // 302 of the 320 rows are tokens; the others never lead.
      const row = oracle.subarray(position * 320, position * 320 + 302)
      expect(leaders).toHaveLength(5)
      expect(row[leaders[0].id]).toBe(Math.max(...row))
    }
  })

  it.each([
    ['native', 'models/moe-odd-multimodal'],
    ['reference', 'models/moe-odd/model.bf16.gguf'],
  ])('runs a mixture of experts: %s, %s', async (executor, model) => {
    const oracle = JSON.parse(readFileSync(fixture('models/moe-odd/oracle.json'), 'utf8')) as { prompt: number[] }
    const file = join(folder, `moe-${executor}.f32`)
    const argv = ['eval', '-m', fixture(model), '--ids', oracle.prompt.join(','), '--executor', executor]
    expect((await fak([...argv, '--logits', file, '--json'])).code).toBe(0)
    expect(largest(floats(file), floats(fixture('models/moe-odd/logits.f32')))).toBeLessThan(1e-3)
  })

  it('says once on stderr which weights are slow', async () => {
    const argv = (file: string) => ['eval', '-m', fixture(file), '--ids', '1,2,3', '--json']
    const slow = await fak(argv('types/every-type.gguf'))
    expect(slow.code).toBe(0)
    expect(slow.stderr).toMatch(/^fak: no kernel works directly on weights of type IQ2_XS, .*NVFP4.*, which is slow\n$/)
    expect(slow.stderr).not.toContain('MXFP4')
    expect(JSON.parse(slow.stdout).positions).toBe(3)
    expect((await fak([...argv('types/every-type.gguf'), '--executor', 'reference'])).stderr).toBe('')
    expect((await fak(argv('quantized/quant-32.q8_0.gguf'))).stderr).toBe('')
  })

  it('keeps keys and values in the type asked for, and says so', async () => {
    const argv = ['eval', '-m', fixture('quantized/quant-32.q8_0.gguf'), '--ids', '1,2,3,40,50,60,7,8,9', '--json']
    const hashes = new Set<string>()
    for (const type of ['f32', 'f16', 'q8_0']) {
      for (const executor of ['native', 'reference']) {
        const result = JSON.parse((await fak([...argv, '--kv-cache', type, '--executor', executor])).stdout)
        expect(result.kvCache).toBe(type)
        hashes.add(result.logitsHash)
      }
    }
    expect(hashes.size).toBe(6)
    expect(JSON.parse((await fak(argv)).stdout).kvCache).toBe(DEFAULT_KV_CACHE)
    const wrong = await fak([...argv, '--kv-cache', 'q4_0'])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('f32, f16, q8_0')
  })

  it('gives one hash for every thread count, chunk size and instruction set', async () => {
    const { isas } = JSON.parse((await fak(['info', '--json'])).stdout).executors.native
    const variants = [
      ...['1', '2', '3'].map((n) => ['--threads', n]),
      ...['1', '7', '64'].map((n) => ['--chunk', n]),
      ...isas.map((isa: string) => ['--isa', isa]),
    ]
    for (const file of [
      'quantized/quant-32.q8_0.gguf',
      'quantized/quant-256.q4_k_m.gguf',
      'quantized/quant-moe-32.q8_0.gguf',
      'types/every-type.gguf',
    ]) {
      const hashes = new Set<string>()
      for (const variant of variants) {
        const { stdout } = await fak([
          'eval',
          '-m',
          fixture(file),
          '--ids',
          '1,2,3,40,50,60,7,8,9',
          ...variant,
          '--json',
        ])
        hashes.add(JSON.parse(stdout).logitsHash)
      }
      expect(hashes.size).toBe(1)
    }
  })

  it('prints a line per position for people', async () => {
    const { stdout, stderr } = await fak([
      'eval',
      '-m',
      fixture('models/odd/model.f32.gguf'),
      '--ids',
      '1,2,3',
      '--top',
      '2',
    ])
    expect(stdout.trimEnd().split('\n')).toHaveLength(3)
    expect(stderr).toMatch(/logits [0-9a-f]{64}, \d+\.\d+ nats a token/)
  })

  it('refuses ids that the model does not have, and leaves no file behind when it fails', async () => {
    const out = join(folder, 'failed')
    mkdirSync(out)
    const model = fixture('models/odd/model.f32.gguf')
    const ran = await fak(['eval', '-m', model, '--ids', '1,999', '--logits', join(out, 'x')])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/999 .*\(tokens\[1\]\) \[TOKEN_OUT_OF_RANGE\]\n$/)
    expect(readdirSync(out)).toEqual([])
    const missing = await fak(['eval', '-m', model, '--ids', '1', '--logits', join(out, 'no', 'x')])
    expect(missing.code).toBe(1)
    expect(missing.stderr).toContain('[WRITE_FAILED]')
    writeFileSync(join(out, 'kept'), 'before')
    chmodSync(out, 0o500)
    try {
      const { code } = await fak(['eval', '-m', model, '--ids', '1,999', '--logits', join(out, 'kept')])
      expect(code).toBe(1)
      expect(readFileSync(join(out, 'kept'), 'utf8')).toBe('before')
    } finally {
      chmodSync(out, 0o700)
    }
  })
})
