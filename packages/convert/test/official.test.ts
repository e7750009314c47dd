import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileType } from '@fak/convert'
import { convert } from '@fak/convert/node'
import { afterAll, describe, expect, it } from 'vitest'
import { checkpoint, described, differences, names } from './made.js'

const scratch = mkdtempSync(join(tmpdir(), 'fak-convert-'))
afterAll(() => rmSync(scratch, { recursive: true }))

// Searching scales takes seconds a file: by default one mixture of experts with everything, and what is quick of the others.
const all = process.env.FAK_TEST_CONVERSIONS === 'all'
const isSlow = (name: string, conversion: string) => /^(Tiny|small)/.test(name) && conversion.includes('_K')

describe.each(names)('what the official tools make of %s', (name) => {
  const { results } = described(name)
  const directory = checkpoint(name, scratch)

  const wanted = Object.entries(results).filter(([conversion]) => all || !isSlow(name, conversion))
  it.each(wanted)('%s', async (conversion, official) => {
    const [, from, type, noMtp] = /^(\w+):(\w+)(-no-mtp)?$/.exec(conversion)!
    const options = { threads: 1, force: true, mtp: noMtp === undefined }
    let source = await directory
    if (from !== 'hf') {
      source = join(scratch, `${name}.${from}.gguf`)
      await convert(await directory, source, { ...options, type: from as FileType })
    }
    const output = join(scratch, 'converted.gguf')
    await convert(source, output, { ...options, type: type as FileType })
    expect(differences(readFileSync(output), official)).toEqual([])
  })
})
