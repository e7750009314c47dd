// fak inspect beyond its tables: facts, template, hashes, verification.

import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openGguf, writeGgufSplit } from '@fak/gguf/node'
import { describe, expect, it } from 'vitest'
import { fak, fixture, scratchFolder } from './harness.js'

const model = fixture('models/tied/model.f32.gguf')
const folder = scratchFolder()
const json = async (...argv: string[]) => JSON.parse((await fak(['inspect', ...argv, '--json'])).stdout)

describe('fak inspect', () => {
  it('states types, tokenizer, template and memory', async () => {
    const found = await json(model, '--context', '1000')
    expect(found.types.map(({ share }: { share: number }) => share)).toEqual([1])
    expect(found.model).toMatchObject({ architecture: 'qwen35', runs: true, draftHead: false })
    const { total, active } = found.model.parameters
    expect([active, total]).toEqual([total, found.totals.parameters])
    expect(found.tokenizer).toMatchObject({ model: 'gpt2', pre: 'qwen35', tokens: 320 })
    expect(found.tokenizer.special.eos.text).toBe('<|im_end|>')
    const kinds = Object.values(found.tokenizer.kinds as Record<string, number>)
    expect(kinds.reduce((sum, n) => sum + n, 0)).toBe(320)
    // One full-attention layer, keys and values in F32, and three recurrent states: from the metadata of the file.
    const m = found.metadata
    const kvRow = m['qwen35.attention.head_count_kv'] * 2 * m['qwen35.attention.key_length'] * 4
    const inner = m['qwen35.ssm.inner_size']
    const state = inner * m['qwen35.ssm.state_size']
    const channels = inner + 2 * m['qwen35.ssm.group_count'] * m['qwen35.ssm.state_size']
    const conv = channels * (m['qwen35.ssm.conv_kernel'] - 1)
    expect(found.model.memory).toHaveLength(2)
    expect(found.model.memory[0]).toMatchObject({
      contextLength: 1000,
      weights: found.totals.bytes,
      kvCache: 1000 * kvRow,
      recurrent: 3 * 4 * (state + conv),
    })
    expect(found.model.memory[1].contextLength).toBe(found.model.contextLength)
    // Rows of Q8_0 have whole blocks of 32 values, each with a scale of two bytes, for every head.
    const blocks = Math.ceil(m['qwen35.attention.key_length'] / 32) * m['qwen35.attention.head_count_kv'] * 2
    const kvCaches = { f32: 1000 * kvRow, f16: 500 * kvRow, q8_0: 1000 * blocks * 34 }
    expect(found.model.memory[0].kvCaches).toEqual(kvCaches)
    const [small] = (await json(model, '--context', '1000', '--kv-cache', 'q8_0')).model.memory
    expect(found.model.memory[0].total - small.total).toBe(kvCaches.f32 - kvCaches.q8_0)
    expect(small.kvCache).toBe(kvCaches.q8_0)
    const { stdout } = await fak(['inspect', model, '--summary'])
    expect(stdout).toMatch(/^context +weights +kv cache f32 .* in all +in all with f16 +in all with q8_0$/m)
  })

  it('counts the parameters that a token goes through: of the experts only the chosen', async () => {
    const config = JSON.parse(readFileSync(fixture('models/moe-r3/config.json'), 'utf8'))
    const text = config.text_config ?? config
    const { parameters } = (await json(fixture('models/moe-r3'))).model
    const expert = 3 * text.hidden_size * text.moe_intermediate_size
    const idle = text.num_hidden_layers * (text.num_experts - text.num_experts_per_tok) * expert
    expect(parameters.total - parameters.active).toBe(idle)
  })

  it('fits 100 columns, without escapes in a pipe', async () => {
    for (const path of [model, fixture('models/moe-odd-multimodal'), fixture('tokenizer/vocab.gguf')]) {
      const { stdout } = await fak(['inspect', path])
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
      expect(stdout).not.toContain('\u001b')
    }
  })

  it('leaves out what is not asked for', async () => {
    const { stdout } = await fak(['inspect', model, '--summary'])
    expect(stdout).not.toMatch(/^(Metadata|Tensors)$/m)
    const names = async (pattern: string) =>
      (await json(model, '--filter', pattern)).tensors.map(({ name }: { name: string }) => name)
    expect(await names('output_norm.weight')).toEqual(['output_norm.weight'])
    expect(await names('output')).toEqual([])
    const ffn = await names('blk.*.ffn_*.weight')
    expect(ffn).toHaveLength(12)
    expect(await names('*ffn*up*')).toHaveLength(4)
    expect(await names('blk.0.ffn_up.weight*weight')).toEqual([])
  })

  it('prints the template as it is, or says that there is none', async () => {
    const demo = JSON.parse((await fak(['inspect', 'packages/demo-model/model/demo-Q8_0.gguf', '--json'])).stdout)
    const { stdout } = await fak(['inspect', 'packages/demo-model/model/demo-Q8_0.gguf', '--template'])
    expect(stdout.trimEnd()).toBe(demo.metadata['tokenizer.chat_template'].trimEnd())
    expect(demo.chatTemplate).toBe(demo.metadata['tokenizer.chat_template'].length)
    const { code, stderr } = await fak(['inspect', fixture('tokenizer/vocab.gguf'), '--template'])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/\[TEMPLATE_MISSING\]\n$/)])
  })

  it('shows the files of a split set, and what each holds', async () => {
    const file = await openGguf(model)
    const content = { metadata: file.metadata.entries(), tensors: file.tensors.values() }
    const paths = await writeGgufSplit(join(folder, 'set'), content, { maxTensors: 20 })
    await file.close()
    const found = await json(paths[1]!)
    expect(found.parts.map(({ name }: { name: string }) => name)).toEqual(paths)
    expect(found.tensors[25].file).toBe(paths[1])
    const { stdout } = await fak(['inspect', paths[0]!, '--summary'])
    expect(stdout).toMatch(/^Files\n.*-00001-of-0000\d\.gguf +[\d.]+ kB +20 tensors$/m)
  })
})

describe('hashes', () => {
  it('are made of the file that follows the option', async () => {
    const [before, after] = [await fak(['inspect', model, '--hash']), await fak(['inspect', '--hash', model])]
    expect(after).toEqual(before)
    expect(after.code).toBe(0)
    const wrong = await fak(['inspect', model, '--hash', 'md5'])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/allowed are sha256, sha1, xxh64, all/)])
    expect((await fak(['inspect', '--hash'])).stderr).toMatch(/missing required argument 'file'/)
  })

  it('of a checkpoint are those of its files, as sha256sum has them, and of its tensors', async () => {
    const source = fixture('models/tied-sharded-bf16')
    const copy = join(folder, 'checkpoint')
    cpSync(source, copy, { recursive: true })
    const { code, stdout } = await fak(['inspect', copy, '--hash'])
    expect(code).toBe(0)
    for (const name of ['config.json', 'model.safetensors.index.json']) {
      const sha256 = createHash('sha256')
        .update(readFileSync(join(copy, name)))
        .digest('hex')
      expect(stdout).toMatch(new RegExp(`^${sha256} {2}.*${name}$`, 'm'))
    }
    const { tensors } = await json(copy)
    const [{ name, file, offset, byteLength }] = tensors
    const stored = readFileSync(file).subarray(offset, offset + byteLength)
    expect(stdout).toContain(`${createHash('sha256').update(stored).digest('hex')}  ${copy}:${name}`)
    const manifest = join(folder, 'checkpoint.manifest')
    writeFileSync(manifest, stdout)
    const holds = await fak(['inspect', copy, '--verify', manifest])
    expect([holds.code, holds.stdout]).toEqual([0, expect.stringMatching(/^(\d+) of \1 hashes hold\n$/)])
    writeFileSync(join(copy, 'config.json'), `${readFileSync(join(copy, 'config.json'), 'utf8')}\n`)
    const broken = await fak(['inspect', copy, '--verify', manifest])
    expect(broken.code).toBe(1)
    expect(broken.stderr).toMatch(/\[HASH_MISMATCH\]\n$/)
  })

  it('are printed as gguf-hash and sha256sum print them, and verify', async () => {
    const copy = join(folder, 'model.f32.gguf')
    copyFileSync(model, copy)
    const { stdout } = await fak(['inspect', copy, '--hash', 'all'])
    const official = readFileSync(fixture('manifests/tied.manifest'), 'utf8')
    expect(stdout.replaceAll(copy, 'model.f32.gguf')).toBe(official)
    const manifest = join(folder, 'tied.manifest')
    writeFileSync(manifest, stdout)
    for (const path of [manifest, fixture('manifests/tied.manifest')]) {
      const { code, stdout: report, stderr } = await fak(['inspect', copy, '--verify', path])
      expect([code, stderr]).toEqual([0, ''])
      expect(report).toMatch(/^(\d+) of \1 hashes hold\n$/)
    }
    const { hashes } = await json(copy, '--hash')
    expect(official).toContain(`sha256    ${hashes.content.sha256}  model.f32.gguf`)
    expect(official).toContain(`${hashes.files[0].hashes.sha256}  model.f32.gguf`)
  })

  it('that differ are listed, and the first is the error', async () => {
    const path = join(folder, 'changed.gguf')
    const bytes = readFileSync(model)
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(path, bytes)
    const { code, stdout, stderr } = await fak(['inspect', path, '--verify', fixture('manifests/tied.manifest')])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^sha256 {2}.*: expected [0-9a-f]{64}, found [0-9a-f]{64}$/m)
    expect(stderr).toMatch(/^\S+changed\.gguf: .*\[GGUF_HASH_MISMATCH\]\n$/)
    const asJson = await fak(['inspect', path, '--verify', fixture('manifests/tied.manifest'), '--json'])
    expect(asJson.code).toBe(1)
    expect(JSON.parse(asJson.stdout).verification.mismatches.length).toBeGreaterThan(0)
  })

  it('end with 130 when interrupted, and print nothing half', async () => {
    const path = join(folder, 'model.f32.gguf')
    copyFileSync(model, path)
    const running = fak(['inspect', path, '--hash'], {
      onStart: (control) => setImmediate(() => control.signal('SIGINT')),
    })
    expect(await running).toEqual({ code: 130, stdout: '', stderr: '' })
  })

  it.each([
    [['--hash', 'md5'], 2],
    [['--hash', '--template'], 2],
    [['--verify', 'nowhere.manifest'], 1],
    [['--verify', model], 1],
  ])('refuse %j', async (options, code) => {
    expect((await fak(['inspect', model, ...options])).code).toBe(code)
  })

  it('of safetensors are of one kind', async () => {
    const { code, stderr } = await fak(['inspect', fixture('models/tied'), '--hash', 'sha1'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('hashed with sha256')])
  })
})
