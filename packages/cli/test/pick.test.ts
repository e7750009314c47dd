// A chat without -m, on a terminal: whoever has stored models is asked, and nobody else.

import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { demoModelUrl } from '@fak/demo-model'
import { type HubReference, ModelStore, parseModelReference } from '@fak/hub'
import { startFakeHub } from '@fak/testkit/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scratchFolder } from './harness.js'
import { onScreen } from './screen.js'

const hub = await startFakeHub({ 'owner/m-GGUF': { files: { 'm-Q8_0.gguf': readFileSync(demoModelUrl) } } })
afterAll(() => hub.close())
const home = mkdtempSync(join(scratchFolder(), 'home-'))
const env = { FAK_HOME: join(home, 'fak'), HF_HOME: join(home, 'hf'), HF_ENDPOINT: hub.url }
const QUESTION = /Which model\?[\s\S]*owner\/m-GGUF:Q8_0[\s\S]*demo/

describe('fak chat without -m', () => {
  it('asks nothing where nothing is stored', async () => {
    const { until, text, type, exit } = onScreen(['chat'], { env })
    await until(/> Send a message, or \/help$/)
    expect(text()).toContain('A tiny model of our own')
    expect(text()).not.toContain('Which model')
    type('\u0004')
    expect(await exit).toBe(0)
  })

  describe('with a stored model', () => {
    beforeAll(async () => {
      await new ModelStore({ env }).pull(parseModelReference('hf:owner/m-GGUF:Q8_0') as HubReference)
    })

    it.each([
      ['\r', 'owner/m-GGUF:Q8_0'],
      ['\u001b[B\r', 'demo'],
    ])('asks, and takes the answer %j', async (keys, name) => {
      const { until, text, type, exit } = onScreen(['chat'], { env })
      await until(QUESTION)
      type(keys)
      await until(/> Send a message, or \/help$/)
      expect(text()).toContain(`· ${name} (`)
      type('\u0004')
      expect(await exit).toBe(0)
    })

    it('leaves at Ctrl-C with 130', async () => {
      const { until, type, exit } = onScreen(['chat'], { env })
      await until(QUESTION)
      type('\u0003')
      expect(await exit).toBe(130)
    })

    it('does not ask when a model is named', async () => {
      const { until, text, type, exit } = onScreen(['chat', '-m', 'demo'], { env })
      await until(/> Send a message, or \/help$/)
      expect(text()).not.toContain('Which model')
      type('\u0004')
      expect(await exit).toBe(0)
    })
  })
})
