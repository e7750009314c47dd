import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { nameParts, titleOf } from '../src/metadata/model-name.js'
import { parameterCounts } from '../src/metadata/size-label.js'

type Row = [name: string, parameters: number, parts: (string | null)[] | null, title: string, label: string]

// What llama.cpp's converter says; fixtures/scripts/make_names.py wrote it.
const rows: Row[] = JSON.parse(readFileSync(new URL('../../../fixtures/names/index.json', import.meta.url), 'utf8'))

describe('names of models say what they say to the official converter', () => {
  it.each(rows.filter(([, , parts]) => parts !== null))('%s with %d parameters', (name, parameters, parts, title) => {
    const got = nameParts(name, parameters)
    const { organization, basename, finetune, version, sizeLabel } = got
    expect([got.name, organization, basename, finetune, version, sizeLabel].map((part) => part ?? null)).toEqual(parts)
    expect(titleOf(name)).toBe(title)
  })

  it.each(rows.filter(([, parameters]) => parameters > 0))(
    '%s: %d parameters in two digits',
    (_, parameters, ...rest) => {
      expect(parameterCounts([{ name: 'x', shape: [parameters] }]).label).toBe(rest[2])
    },
  )
})
