// The examples run, and the README shows them as they are.

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
  '03-chat.ts': /^Paris is the capital of France\.\n$/,
  '04-tools.ts':
    /^I will look\.\nforecast \{ city: 'Zürich', days: 1 \}\n[\s\S]*<parameter=days>\n1\n[\s\S]*<tool_response>\nrain, 12 °C\n/,
  '05-structured.ts': /^stop \d+ \{ city: '[A-Z][a-z]+', sure: (true|false) \}\n$/,
  '06-many-sequences.ts': /^.*Paris.*\n.*Rome.*\n.*Madrid.*\n.*Tokyo.*\n$/,
}

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

  it('stands in the README word for word', () => {
    const code = readFileSync(new URL(name, folder), 'utf8').replace(/^(?:\/\/.*\n)+/, '')
    expect(readme).toContain(`\`\`\`ts\n${code}\`\`\``)
  })

  it('is short', () => {
    expect(readFileSync(new URL(name, folder), 'utf8').split('\n').length).toBeLessThan(60)
  })
})
