import {
  bytesSource,
  quantize,
  readRows,
  readWeight,
  sliceAt,
  stackTensors,
  storedBytes,
  type TensorData,
} from '@fak/tensor'
import { describe, expect, it } from 'vitest'

const tensor = (dtype: TensorData['dtype'], shape: readonly number[], values: ArrayLike<number>): TensorData => {
  const bytes = quantize(dtype, Float32Array.from(values))
  return { dtype, shape, source: bytesSource(bytes, 'memory'), offset: 0, byteLength: bytes.byteLength }
}
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

describe('sliceAt', () => {
  it('finds the matrices of a tensor of rank 3 and the rows of a matrix, of any stored type', async () => {
    const cube = tensor('F16', [3, 2, 4], numbers(0, 24))
    expect(sliceAt(cube, 2)).toMatchObject({ shape: [2, 4], offset: 32, byteLength: 16 })
    expect([...(await readRows(sliceAt(cube, 2)))]).toEqual(numbers(16, 8))
    expect([...(await readRows(sliceAt(sliceAt(cube, 1), 1)))]).toEqual(numbers(12, 4))
    const source = bytesSource(new Uint8Array(204))
    const blocks = { dtype: 'Q8_0', shape: [2, 3, 32], source, offset: 0, byteLength: 204 } as const
    expect(sliceAt(blocks, 1)).toMatchObject({ shape: [3, 32], offset: 102, byteLength: 102 })
  })

  it.each([-1, 3, 0.5, Number.NaN])('refuses index %d', (index) => {
    expect(() => sliceAt(tensor('F32', [3, 2], numbers(0, 6)), index)).toThrow(
      expect.objectContaining({ code: 'ROWS_OUT_OF_RANGE' }),
    )
  })
})

describe('a stack', () => {
  const parts = [tensor('F32', [2, 2], numbers(0, 4)), tensor('F32', [2, 2], numbers(10, 4))]

  it('reads as one tensor, whole or in part', async () => {
    const stack = stackTensors(parts)
    expect(stack).toMatchObject({ dtype: 'F32', shape: [2, 2, 2] })
    expect(storedBytes(stack)).toBe(32)
    expect(sliceAt(stack, 1)).toBe(parts[1])
    expect([...(await readWeight(stack))]).toEqual([0, 1, 2, 3, 10, 11, 12, 13])
    expect([...(await readWeight(stack, [1, 1, 7, -1, 0.5]))]).toEqual([0, 0, 0, 0, 10, 11, 12, 13])
    expect([...(await readWeight(parts[0]!, [1]))]).toEqual([0, 0, 2, 3])
  })

  it('has parts of one type and shape, and at least one', () => {
    const [first] = parts
    expect(() => stackTensors([])).toThrow(expect.objectContaining({ code: 'STACK_MISMATCH' }))
    expect(() => stackTensors([first!, tensor('F32', [4], numbers(0, 4))])).toThrow('part 1 is F32 [4]')
    expect(() => stackTensors([first!, tensor('F16', [2, 2], numbers(0, 4))])).toThrow('part 1 is F16 [2, 2]')
  })
})
