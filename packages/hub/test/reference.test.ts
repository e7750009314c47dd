import { describe, expect, it } from 'vitest'
import { officialModels, parseModelReference } from '../src/index.js'

describe('a reference', () => {
  it.each([
    ['hf:Qwen/Qwen3.5-0.8B', { repo: 'Qwen/Qwen3.5-0.8B' }],
    ['hf://Qwen/Qwen3.5-0.8B', { repo: 'Qwen/Qwen3.5-0.8B' }],
    ['HF:a/b', { repo: 'a/b' }],
    ['hf.co/a/b:q4_k_m', { repo: 'a/b', quant: 'Q4_K_M' }],
    ['hf:a/b:UD-Q4_K_XL', { repo: 'a/b', quant: 'UD-Q4_K_XL' }],
    ['hf:a/b@v1.0:IQ4_XS', { repo: 'a/b', revision: 'v1.0', quant: 'IQ4_XS' }],
    ['hf:a/b:Q8_0@refs/pr/3', { repo: 'a/b', revision: 'refs/pr/3', quant: 'Q8_0' }],
    ['hf:a/b@main', { repo: 'a/b', revision: 'main' }],
    ['hf:a/b:x@y.gguf', { repo: 'a/b', file: 'x@y.gguf' }],
    ['hf:a/b:dir/x.gguf@v1', { repo: 'a/b', file: 'dir/x.gguf', revision: 'v1' }],
    ['https://huggingface.co/a/b', { repo: 'a/b' }],
    ['https://huggingface.co/a/b/tree/v2', { repo: 'a/b', revision: 'v2' }],
    ['https://huggingface.co/a/b/blob/main/c/d%20e.gguf', { repo: 'a/b', file: 'c/d e.gguf' }],
    ['https://hf.co/a/b/resolve/abc/m.gguf?download=true', { repo: 'a/b', revision: 'abc', file: 'm.gguf' }],
    ['0.8B', { repo: 'Qwen/Qwen3.5-0.8B' }],
    ['qwen3.6-35b-a3b', { repo: 'Qwen/Qwen3.6-35B-A3B' }],
    ['4b:q4_k_m', { repo: 'unsloth/Qwen3.5-4B-GGUF', quant: 'Q4_K_M' }],
  ])('%s', (text, parts) => {
    const none = { revision: undefined, file: undefined, quant: undefined }
    const found = parseModelReference(text)
    expect(found).toMatchObject({ kind: 'hub', ...none, ...parts })
    expect(parseModelReference(found.text)).toEqual(found)
  })

  it.each([
    ['./x', 'path'],
    ['/a/b', 'path'],
    ['C:\\m\\x', 'path'],
    ['C:/m/x', 'path'],
    ['~/x', 'path'],
    ['x.gguf', 'path'],
    ['a/b.gguf', 'path'],
    ['model.safetensors.index.json', 'path'],
    ['a/b', 'name'],
    ['a/b:Q4_K_M', 'name'],
    ['something', 'name'],
  ])('%s is a %s', (text, kind) => {
    expect(parseModelReference(text)).toEqual({ kind, text })
  })

  it.each([
    [''],
    ['hf:'],
    ['hf:owner'],
    ['hf:a/b/c'],
    ['hf:../b'],
    ['hf:a/..'],
    ['hf:a--x/b'],
    ['hf:a/b:'],
    ['hf:a/b:x.safetensors'],
    ['hf:a/b:../x.gguf'],
    ['hf:a/b:/x.gguf'],
    ['hf:a/b:c\\x.gguf'],
    ['hf:a/b:c\0.gguf'],
    ['hf:a/b@'],
    ['hf:a/b@../x'],
    ['hf:a/b@x y'],
    ['hf:a/b@v1:Q8_0@v2'],
    ['https://evil.example/a/b'],
    ['https://huggingface.co.evil.example/a/b'],
    ['https://huggingface.co/a'],
    ['https://huggingface.co/a/b/discussions/1'],
    ['https://huggingface.co/a/b/blob/main/%ff.gguf'],
    ['https://huggingface.co/a/b/blob/main/..%2Fx.gguf'],
    ['0.8B:nope'],
    ['x'.repeat(5000)],
  ])('%j is refused in one short line', (text) => {
    let error: { code?: string; message: string } | undefined
    try {
      parseModelReference(text)
    } catch (failure) {
      error = failure as typeof error
    }
    expect(error?.code).toBe('MODEL_BAD_REFERENCE')
    expect(error?.message.length).toBeLessThan(450)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
    expect(error?.message).not.toMatch(/[\u0000-\u001f]/)
  })

  it('has one meaning for every official name', () => {
    for (const { name, short, repo, ggufRepo } of officialModels) {
      for (const text of [name, short ?? name]) {
        expect(parseModelReference(text)).toMatchObject({ repo })
        expect(parseModelReference(`${text}:Q8_0`)).toMatchObject({ repo: ggufRepo, quant: 'Q8_0' })
      }
    }
  })
})
