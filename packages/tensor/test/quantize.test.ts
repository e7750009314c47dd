import { readFileSync } from 'node:fs'
import { canQuantize, type DType, dtypes, quantize } from '@fak/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { useSimd } from '../src/quantize/k-quants.js'

// Rows and their bytes by ggml's own quantizers; fixtures/scripts/make_quantize.py says how they were made.
const folder = new URL('../../../fixtures/quantize/', import.meta.url)
interface Index {
  rows: number
  columns: number
}
const index = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')) as Index
const types = ['Q8_0', 'Q6_K', 'Q5_K', 'Q4_K', 'Q5_0', 'Q5_1'] as const satisfies DType[]

const file = readFileSync(new URL('values.f32', folder))
const values = new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength))

describe('quantize equals ggml byte for byte', () => {
  it.each(types)('%s on rows of every kind', (type) => {
    const expected = readFileSync(new URL(`${type}.bin`, folder))
    expect(values).toHaveLength(index.rows * index.columns)
    const rowBytes = expected.length / index.rows
    const different: number[] = []
    for (let row = 0; row < index.rows; row++) {
      const got = quantize(type, values.subarray(row * index.columns, (row + 1) * index.columns))
      if (!expected.subarray(row * rowBytes, (row + 1) * rowBytes).equals(got)) different.push(row)
    }
    expect(different).toEqual([])
    expect(expected.equals(quantize(type, values))).toBe(true)
  })
})

describe('with and without the vector unit', () => {
  afterAll(() => void useSimd(true))

  it.each(['Q6_K', 'Q5_K', 'Q4_K'] as const)('%s is the same', (type) => {
    const random = values.map((x, i) => x * 2 ** ((i >> 8) - 72))
    for (const input of [values, random, values.map((x) => (Math.abs(x) < 0.01 ? -0 : x))]) {
      const rows = input.filter((_, i) => Number.isFinite(input[i]))
      const whole = rows.subarray(0, rows.length - (rows.length % 256))
      expect(useSimd(true)).toBe(true)
      const fast = quantize(type, whole)
      expect(useSimd(false)).toBe(false)
      expect(Buffer.from(quantize(type, whole)).equals(fast)).toBe(true)
    }
  })
})

describe('quantize refuses', () => {
  it.each([...types, 'F16', 'BF16', 'F32'] as const)('nothing that %s can hold', (type) => {
    expect(canQuantize(type)).toBe(true)
    expect(quantize(type, new Float32Array(0))).toHaveLength(0)
  })

  it('other types and part of a block', () => {
    expect(canQuantize('IQ1_S')).toBe(false)
    expect(canQuantize('toString' as DType)).toBe(false)
    expect(() => quantize('IQ1_S', new Float32Array(256))).toThrow(/DTYPE_UNSUPPORTED/)
    expect(() => quantize('Q4_K', new Float32Array(128))).toThrow(/ROW_NOT_BLOCK_MULTIPLE/)
  })

  it.each(types)('what would spoil a block of %s', (type) => {
    const { blockElements } = dtypes[type]
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38]) {
      const row = new Float32Array(blockElements)
      row[3] = bad
      expect(() => quantize(type, row), String(bad)).toThrow(/VALUE_NOT_STORABLE/)
    }
  })
})
