import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fak, fixture } from './harness.js'

const json = async (...argv: string[]) => JSON.parse((await fak([...argv, '--json'])).stdout)

describe('fak inspect', () => {
  it('shows a GGUF file, arrays cut', async () => {
    const file = fixture('models/tied/model.f32.gguf')
    const found = await json('inspect', file)
    expect(found).toMatchObject({ format: 'GGUF v3', trailingBytes: 0, size: readFileSync(file).length })
    expect(found.metadata['general.architecture']).toBe('qwen35')
    expect(found.metadata['tokenizer.ggml.tokens']).toMatchObject({ length: 320, of: 'string' })
    expect(found.tensors).toContainEqual(
      expect.objectContaining({ name: 'token_embd.weight', dtype: 'F32', shape: [320, 48] }),
    )
    const { stdout } = await fak(['inspect', file])
    expect(stdout).toMatch(/token_embd\.weight +F32 +\[320, 48\]/)
    expect(stdout).toMatch(/^tensors +\d+ tensors, .* parameters, .*B$/m)
    expect(stdout).toMatch(/^F32 +\d+ +tensors .*100\.0 %$/m)
  })

  it('shows safetensors: a file, and a directory with shards', async () => {
    const single = await json('inspect', fixture('models/tied/model.safetensors'))
    const sharded = await json('inspect', fixture('models/tied-sharded-bf16'))
    expect(single.format).toBe('safetensors')
    expect(sharded.totals.parameters).toBe(single.totals.parameters)
    expect(Object.keys(sharded.totals.byType)).toEqual(['BF16'])
  })

  it('says whether it is a model that runs here, and about experts and draft head', async () => {
    const verdict = async (path: string) => (await json('inspect', fixture(path))).model
    expect(await verdict('models/moe-odd-multimodal')).toMatchObject({ runs: true, draftHead: true })
    expect(await verdict('models/moe-odd-multimodal/model.bf16.gguf')).toMatchObject({ runs: true, draftHead: true })
    expect(await verdict('models/moe-r3')).toMatchObject({
      runs: true,
      draftHead: false,
      text:
        '4 layers, 1 of them full attention; context 4096 tokens; 3 of 8 experts and a shared one; ' +
        'no draft head: the checkpoint has no mtp tensors',
    })
    expect(await verdict('models/tied/model.safetensors')).toMatchObject({ runs: false, draftHead: null })
    const { stdout } = await fak(['inspect', fixture('tokenizer/vocab.gguf')])
    expect(stdout).toMatch(/does not run here: token_embd\.weight: the tensor is missing\n$/)
  })

  it('refuses what is no model file in one line', async () => {
    const { code, stderr } = await fak(['inspect', fixture('models/tied/config.json')])
    expect(code).toBe(1)
    expect(stderr).toMatch(/\[GGUF_BAD_MAGIC\]\n$/)
  })
})

describe('fak tokenize', () => {
  const model = fixture('models/tied')

  it('shows ids, pieces and bytes, with control tokens as text unless asked', async () => {
    const text = await json('tokenize', '-m', model, 'a<|im_end|>ä')
    expect(text.ids.length).toBe(text.count)
    expect(Buffer.from(text.bytes.join(''), 'hex').toString()).toBe('a<|im_end|>ä')
    expect(text.ids).not.toContain(278)
    const control = await json('tokenize', '-m', model, '--special', 'all', 'a<|im_end|>ä')
    expect(control.pieces.slice(0, 2)).toEqual(['a', '<|im_end|>'])
    expect(control.ids[1]).toBe(278)
  })

  it('takes the tokenizer of a GGUF file', async () => {
    const fromGguf = await json('tokenize', '-m', fixture('models/tied/model.f32.gguf'), 'Hello, world')
    expect(fromGguf).toEqual(await json('tokenize', '-m', model, 'Hello, world'))
    // A vocabulary without a model is enough.
    expect((await json('tokenize', '-m', fixture('tokenizer/vocab.gguf'), 'Hello')).count).toBeGreaterThan(0)
  })
})

describe('fak info', () => {
  it('names machine, instruction sets and a kernel for every stored type', async () => {
    const info = await json('info')
    expect(info.node).toBe(process.versions.node)
    expect(info.executors.native.isas).toContain('scalar')
    expect(info.executors.native.linear.Q4_K).toMatch(/^linear_q4_K/)
    expect(info.executors.native.linear.MXFP4).toMatch(/^linear_mxfp4_q8x32__/)
    expect(info.executors.native.dequantized).toEqual(expect.arrayContaining(['IQ1_S', 'IQ2_XS', 'NVFP4']))
    expect(info.executors.native.dequantized).not.toContain('MXFP4')
    expect(info.executors.reference.ops).toContain('gatedDelta')
    expect(info.missing).toEqual([])
    expect(info.findings.filter(({ level }: { level: string }) => level === 'broken')).toEqual([])
    const { isa, isaStates } = info.executors.native
    expect(isaStates.filter(({ state }: { state: string }) => state === 'used')).toEqual([
      { name: isa, state: 'used', reason: null, fix: null },
    ])
    for (const { state, reason } of isaStates) if (state !== 'used') expect(reason).toMatch(/\w/)
    const { code, stdout } = await fak(['info', '--isa', 'scalar'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^graphics +\w/m)
    if (info.executors.native.isas.length > 1) {
      expect(stdout).toMatch(/not chosen +present and faster, but scalar was asked for; to fix it, leave --isa/)
    }
    expect(stdout).toMatch(/Q8_0 +linear_q8_0\S*__scalar +direct/)
    expect(stdout).toMatch(/IQ2_XS +linear_iq2_xs_f32_dequantized__scalar +expanded to float32 block by block, slow/)
  })
})

describe('fak bench', () => {
  it('reports speed beside what the machine could do', async () => {
    const argv = [
      'bench',
      '-m',
      fixture('quantized/quant-32.q8_0.gguf'),
      '-p',
      '16',
      '-n',
      '4',
      '-d',
      '8',
      '-r',
      '3',
      '-t',
      '1',
    ]
    // Of three runs, the median is one of them: nothing is rounded in another order below.
    const found = await json(...argv)
    expect(found).toMatchObject({ threads: 1, depth: 8, prefill: { tokens: 16 }, decode: { tokens: 4 } })
    for (const { median, best } of [found.prefill.tokensPerSecond, found.decode.tokensPerSecond]) {
      expect(median).toBeGreaterThan(0)
      expect(best).toBeGreaterThanOrEqual(median)
    }
    expect(found.peakRssBytes).toBeGreaterThan(10e6)
    expect(found.loadMs).toBeGreaterThan(0)
    // Before the second and third prefill, before the second and third decode, and at the end.
    expect(found.bandwidths).toHaveLength(5)
    expect(found.bandwidth).toBe(Math.max(...found.bandwidths))
    expect(Math.min(...found.bandwidths)).toBeGreaterThan(1e8)
    expect(found.macRate).toBeGreaterThan(1e8)
    const { macsPerSecond, shareOfMacRate } = found.prefill
    expect(shareOfMacRate).toBeGreaterThanOrEqual(macsPerSecond / found.macRate)
    const { bytesPerToken, shareOfBandwidth, tokensPerSecond } = found.decode
    expect(shareOfBandwidth).toBeGreaterThanOrEqual((bytesPerToken * tokensPerSecond.median) / found.bandwidth)
    // Untied: every weight but the embedding table, of which one row, and the state.
    const { totals, tensors } = await json('inspect', fixture('quantized/quant-32.q8_0.gguf'))
    const table = tensors.find(({ name }: { name: string }) => name === 'token_embd.weight').byteLength
    expect(bytesPerToken).toBeGreaterThan(totals.bytes - table)
    expect(bytesPerToken).toBeLessThan(totals.bytes - table + 2e6)
  })

  it('knows no multiply rate for the reference executor', async () => {
    const model = fixture('quantized/quant-32.q8_0.gguf')
    const found = await json('bench', '-m', model, '-p', '4', '-n', '1', '-r', '1', '--executor', 'reference')
    expect(found).toMatchObject({ macRate: null, prefill: { shareOfMacRate: null } })
    expect(found.notes.macRate).toMatch(/^not measured: /)
    expect(found.bandwidth).toBeGreaterThan(1e8)
  })

  it('leaves out what is not asked for, and prints a table for people', async () => {
    const { code, stdout } = await fak([
      'bench',
      '-m',
      fixture('quantized/quant-32.q8_0.gguf'),
      '-p',
      '0',
      '-n',
      '2',
      '-r',
      '1',
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(/decode +2 +[\d.]+ +[\d.]+ +[\d.]+ +.* of .*\/s +\d+ %/)
    expect(stdout).not.toMatch(/^prefill/m)
  })
})
