// Systematic damage to one small valid file: every truncation, every flipped bit of the header, every number set to the
// values where arithmetic goes wrong. Each must give a typed error or a load that says exactly what the bytes say.

import { openSafetensors, parseSafetensors, type SafetensorsFile } from '@fak/safetensors'
import { FakError } from '@fak/tensor'
import { describe, expect, it } from 'vitest'
import { fileOf } from './build.js'

const json = JSON.stringify({
  __metadata__: { format: 'pt', 'é"': '\n' },
  matrix: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  'bytes.x': { dtype: 'U8', shape: [5], data_offsets: [24, 29] },
  none: { dtype: 'BF16', shape: [0, 4], data_offsets: [29, 29] },
})
const sample = fileOf(json, 29)
const DATA = sample.length - 29

function attempt(bytes: Uint8Array): SafetensorsFile | FakError {
  try {
    return parseSafetensors(bytes, 'sample.safetensors')
  } catch (error) {
    if (!FakError.isInstance(error)) throw error
    expect(error.code).toMatch(/^ST_/)
    expect(error.offset).toBeTypeOf('number')
    return error
  }
}

/** A file that opens must say what JSON.parse, which knows the same grammar, finds in it. */
function check(bytes: Uint8Array): 'refused' | 'loaded' {
  const result = attempt(bytes)
  if (FakError.isInstance(result)) return 'refused'
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length))
  const { __metadata__ = {}, ...tensors } = JSON.parse(text) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: number[] }
  >
  const found = Object.fromEntries(
    Array.from(result.tensors, ([name, { dtype, shape, offset, byteLength }]) => {
      const begin = offset - result.dataOffset
      return [name, { dtype, shape, data_offsets: [begin, begin + byteLength] }]
    }),
  )
  expect(tensors).toMatchObject(found)
  expect(Object.keys(found)).toHaveLength(Object.keys(tensors).length)
  expect(Object.fromEntries(result.metadata)).toEqual(__metadata__)
  return 'loaded'
}

describe('a valid file of less than 4 KiB', () => {
  it('opens', () => {
    expect(sample.length).toBeLessThan(4096)
    expect(check(sample)).toBe('loaded')
  })

  it('is refused at every other length', async () => {
    for (let length = 0; length < sample.length; length++) {
      const cut = sample.slice(0, length)
      const result = attempt(cut)
      expect(FakError.isInstance(result, 'ST_TRUNCATED'), `${length} bytes`).toBe(true)
      const streamed: unknown = await openSafetensors(new Blob([cut])).catch((error: unknown) => error)
      expect(streamed).toMatchObject({ code: 'ST_TRUNCATED' })
    }
  })

  it('with any bit of its header flipped is refused or read exactly', () => {
    const outcomes = { refused: 0, loaded: 0 }
    for (let bit = 0; bit < DATA * 8; bit++) {
      const bytes = sample.slice()
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      outcomes[check(bytes)]++
    }
    // Letters of names and metadata may change; everything else is structure.
    expect(outcomes.refused).toBeGreaterThan(800)
    expect(outcomes.loaded).toBeGreaterThan(100)
  })

  const extremes = [
    0n,
    1n,
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ]

  it('with its header length at an extreme is refused', () => {
    for (const value of extremes) {
      const bytes = sample.slice()
      new DataView(bytes.buffer).setBigUint64(0, value, true)
      expect(check(bytes)).toBe('refused')
    }
  })

  it('with any number of its header at an extreme is refused or read exactly', () => {
    const numbers = [...json.matchAll(/(?<=[[,])\d+(?=[\],])/g)]
    expect(numbers).toHaveLength(11)
    for (const { index, 0: digits } of numbers) {
      for (const value of extremes) {
        check(fileOf(`${json.slice(0, index)}${value}${json.slice(index + digits.length)}`, 29))
      }
    }
  })
})
