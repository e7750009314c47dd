import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { bytesSource, canDequantize, type DType, dequantize, dtypes, FakError, readRows, rowCount } from '@fak/tensor'
import { describe, expect, it } from 'vitest'

// Rows and their values from the official gguf Python package; fixtures/dequant/birth.json says how they were made.
const folder = new URL('../../../fixtures/dequant/', import.meta.url)
interface Entry {
  rows: number
  rowLength: number
  blockSize: number
  blockBytes: number
  expectedOffset: number
}
const index = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')) as Record<string, Entry>
const types = Object.entries(index) as [DType, Entry][]
const lattices = JSON.parse(readFileSync(new URL('lattices.json', folder), 'utf8')) as Record<
  string,
  { raw: string; sha256: string }
>

const bits = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength))

describe('dequantize equals the official gguf package bit for bit', () => {
  it('knows every type that models are stored in', () => {
    expect(types.map(([type]) => type).sort()).toEqual([
      ...[
        'BF16',
        'F16',
        'IQ1_M',
        'IQ1_S',
        'IQ2_S',
        'IQ2_XS',
        'IQ2_XXS',
        'IQ3_S',
        'IQ3_XXS',
        'IQ4_NL',
        'IQ4_XS',
        'MXFP4',
      ],
      ...['NVFP4', 'Q1_0', 'Q2_0', 'Q2_K', 'Q3_K', 'Q4_0', 'Q4_1', 'Q4_K', 'Q5_0', 'Q5_1', 'Q5_K', 'Q6_K', 'Q8_0'],
      ...['TQ1_0', 'TQ2_0'],
    ])
    expect(types.filter(([type]) => !canDequantize(type))).toEqual([])
  })

  it.each(types)('%s has the layout of the reference', (type, entry) => {
    expect(dtypes[type]).toEqual({ blockElements: entry.blockSize, blockBytes: entry.blockBytes })
  })

  it.each(types)('%s', async (type, entry) => {
    const file = readFileSync(new URL(`${type}.bin`, folder))
    const expected = new Uint32Array(file.buffer.slice(file.byteOffset + entry.expectedOffset))
    const shape = [entry.rows, entry.rowLength]
    const byteLength = entry.expectedOffset
    const tensor = { dtype: type, shape, source: bytesSource(file), offset: 0, byteLength }
    expect(expected).toHaveLength(entry.rows * entry.rowLength)

    expect(bits(dequantize(type, file.subarray(0, byteLength), entry.rows * entry.rowLength))).toEqual(expected)
    expect(bits(await readRows(tensor))).toEqual(expected)
    for (const [start, end] of [
      [0, 1],
      [1, 3],
      [entry.rows - 1, entry.rows],
      [2, 2],
    ] as const) {
      const wanted = expected.slice(start * entry.rowLength, end * entry.rowLength)
      expect(bits(await readRows(tensor, { start, end }))).toEqual(wanted)
    }
  })
})

describe('every point of a lattice', () => {
  it.each(Object.entries(lattices))('%s', (type, { raw, sha256 }) => {
    const blocks = Buffer.from(raw, 'base64')
    const { blockBytes, blockElements } = dtypes[type as DType]
    const values = dequantize(type as DType, blocks, (blocks.length / blockBytes) * blockElements)
    expect(createHash('sha256').update(bits(values)).digest('hex')).toBe(sha256)
  })
})

describe('plain types', () => {
  const cases: [DType, (view: DataView) => void, number[]][] = [
    ['F32', (v) => v.setFloat32(0, -1.5, true), [-1.5]],
    ['F64', (v) => v.setFloat64(0, 1 / 3, true), [Math.fround(1 / 3)]],
    ['I8', (v) => v.setInt8(0, -128), [-128]],
    ['U8', (v) => v.setUint8(0, 255), [255]],
    ['I16', (v) => v.setInt16(0, -32768, true), [-32768]],
    ['U16', (v) => v.setUint16(0, 65535, true), [65535]],
    ['I32', (v) => v.setInt32(0, 16777217, true), [16777216]],
    ['U32', (v) => v.setUint32(0, 4294967295, true), [4294967296]],
  ]
  it.each(cases)('%s is little-endian and rounds to float32', (type, write, expected) => {
    const bytes = new Uint8Array(dtypes[type].blockBytes)
    write(new DataView(bytes.buffer))
    expect([...dequantize(type, bytes, 1)]).toEqual(expected)
  })

  it('keeps the payload of a NaN', () => {
    const bytes = Uint8Array.of(0x01, 0x02, 0xa3, 0xff)
    expect(bits(dequantize('F32', bytes, 1))[0]).toBe(0xffa30201)
    expect(bits(dequantize('BF16', bytes.slice(2), 1))[0]).toBe(0xffa30000)
  })

  it('reads bytes that begin at an odd address', () => {
    const bytes = new Uint8Array(9)
    new DataView(bytes.buffer).setFloat32(1, 7, true)
    new DataView(bytes.buffer).setFloat32(5, 8, true)
    expect([...dequantize('F32', bytes.subarray(1), 2)]).toEqual([7, 8])
  })
})

describe('refusals', () => {
  const thrown = (act: () => unknown): string => {
    try {
      act()
    } catch (error) {
      if (FakError.isInstance(error)) return error.code
      throw error
    }
    return 'nothing'
  }

  it('names the types it has no definition for', () => {
    expect(thrown(() => dequantize('Q8_K', new Uint8Array(292), 256))).toBe('DTYPE_UNSUPPORTED')
    expect(thrown(() => dequantize('Q9_Z' as DType, new Uint8Array(1), 1))).toBe('DTYPE_UNSUPPORTED')
    expect(thrown(() => dequantize('toString' as DType, new Uint8Array(1), 1))).toBe('DTYPE_UNSUPPORTED')
  })

  it('takes exactly the bytes of the elements', () => {
    expect(thrown(() => dequantize('Q8_0', new Uint8Array(34), 32))).toBe('nothing')
    expect(thrown(() => dequantize('Q8_0', new Uint8Array(35), 32))).toBe('SIZE_MISMATCH')
    expect(thrown(() => dequantize('Q8_0', new Uint8Array(34), 31))).toBe('ROW_NOT_BLOCK_MULTIPLE')
  })

  it.each([
    [-1, 1],
    [0, 4],
    [2, 1],
    [0.5, 1],
    [0, Number.NaN],
  ])('refuses rows %s..%s of 3', async (start, end) => {
    const source = bytesSource(new Uint8Array(12))
    const tensor = { dtype: 'F32' as const, shape: [3, 1], source, offset: 0, byteLength: 12 }
    await expect(readRows(tensor, { start, end })).rejects.toMatchObject({ code: 'ROWS_OUT_OF_RANGE' })
  })

  it('says OUT_OF_MEMORY for more than can be had in one piece', async () => {
    const bytes = Object.defineProperty(new Uint8Array(0), 'length', { value: 2 ** 50 })
    expect(thrown(() => dequantize('I8', bytes, 2 ** 50))).toBe('OUT_OF_MEMORY')
  })

  it('reads nothing for no rows, wherever an empty tensor claims to lie', async () => {
    const source = bytesSource(new Uint8Array(0))
    expect(await readRows({ dtype: 'F32', shape: [3, 0], source, offset: 64, byteLength: 0 })).toHaveLength(0)
  })

  it('counts rows over every dimension but the last', () => {
    expect([[], [5], [2, 5], [2, 3, 5], [0, 5]].map((shape) => rowCount({ shape }))).toEqual([1, 1, 2, 6, 0])
  })
})
