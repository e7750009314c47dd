// The examples run, and the README names them all and shows some as they are.

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'

const folder = new URL('../', import.meta.url)
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const examples = readdirSync(fileURLToPath(folder)).filter((name) => /^\d\d-.*\.ts$/.test(name))

/** What each example must have printed somewhere. */
const printed: Record<string, RegExp> = {
  '01-read-a-model.ts': /qwen35 \d+ tensors[\s\S]*Q8_0[\s\S]*Paris is the capital of France\./,
  '02-own-model.ts': /Float32Array\(\d+\)/,
  '03-chat.ts': /^Paris is the capital of France\.$/,
  '04-tools.ts':
    /^I will look\.\nforecast \{ city: 'Zürich', days: 1 \}\n[\s\S]*<parameter=days>\n1\n[\s\S]*<tool_response>\nrain, 12 °C\n/,
  '05-structured.ts': /^stop \d+ \{ city: '[A-Z][a-z]+', sure: (true|false) \}\n$/,
  '06-many-sequences.ts': /^.*Paris.*\n.*Rome.*\n.*Madrid.*\n.*Tokyo.*\n$/,
  '07-tokenizer.ts':
    /^(\d+ ".+"\n)+16 tokens, cut: "Crème brû"\n.* typed: [2-9] tokens; as a control token: 1\nCrème brûlée for 2 🍮\n$/,
  '08-gguf.ts':
    /^GGUF v3, qwen35 4096\n\{ F32: \d+, Q8_0: \d+ \}\nblk\.0\.ffn_down\.weight Q8_0 \[ 256, 512 \]\nsha256 [0-9a-f]{64}\nGGUF_TRUNCATED at byte 8\n$/,
  '09-dequantize.ts':
    /^Q8_0 \[ 256, 512 \]\nF16: 16\.00 .* \d\.\de-4\nQ8_0: 8\.50 .* 0\.0e\+0\nQ6_K: 6\.56 .* 1\.\de-2\nQ4_K: 4\.50 .* 7\.\de-2\n$/,
  '10-saved-sessions.ts':
    /^Paris .* \(of \d+ prompt tokens 0 were there\)\nRome .* \(of \d+ prompt tokens [1-9]\d+ were there\)\n$/,
  // The same text twice, the second time in fewer steps than it has tokens.
  '11-speculation.ts': /^(The months are .*) \((\d+) tokens in \2 steps\)\n\1 \(\2 tokens in (?!\2)\d steps\)\n$/,
}

/** What the README shows in full; it links the others. */
const shown = examples.filter((name) => name < '07')

afterEach(() => vi.restoreAllMocks())

describe.each(examples)('examples/%s', (name) => {
  it('does what it says', async () => {
    const { format } = await import('node:util')
    let output = ''
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      output += chunk
      return true
    })
    vi.spyOn(console, 'log').mockImplementation((...args) => {
      output += `${format(...args)}\n`
    })
    await import(`../${name}`)
    expect(output).toMatch(printed[name]!)
  })

  it('is linked from the README', () => {
    expect(readme).toContain(`](examples/${name})`)
  })

  it('is short', () => {
    expect(readFileSync(new URL(name, folder), 'utf8').split('\n').length).toBeLessThan(60)
  })
})

describe.each(shown)('examples/%s', (name) => {
  it('stands in the README word for word', () => {
    const code = readFileSync(new URL(name, folder), 'utf8').replace(/^(?:\/\/.*\n)+/, '')
    expect(readme).toContain(`\`\`\`ts\n${code}\`\`\``)
  })
})
