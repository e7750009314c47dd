import { byteLength, checkedProduct, elementCount, FakError, label, quote, rowBytes } from '@fak/tensor'
import { describe, expect, it } from 'vitest'

const codeOf = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return FakError.isInstance(error) ? error.code : error
  }
}

describe('sizes', () => {
  it('are exact, or not given', () => {
    expect(checkedProduct([])).toBe(1)
    expect(checkedProduct([3, 4, 5])).toBe(60)
    expect(checkedProduct([2 ** 52, 2 ** 52, 0])).toBe(0)
    expect(checkedProduct([2 ** 26, 2 ** 26])).toBe(2 ** 52)
    expect(checkedProduct([2 ** 27, 2 ** 26])).toBeUndefined()
    expect(checkedProduct([94906266, 94906266])).toBeUndefined()
    expect(checkedProduct([6361, 69431, 20394401])).toBe(Number.MAX_SAFE_INTEGER)
    for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(checkedProduct([wrong])).toBeUndefined()
  })

  it('of rows and tensors', () => {
    expect([elementCount([]), elementCount([2, 3]), elementCount([0, 3])]).toEqual([1, 6, 0])
    expect([rowBytes('F32', 3), rowBytes('Q4_K', 512), rowBytes('Q8_0', 0)]).toEqual([12, 288, 0])
    expect([byteLength('F32', []), byteLength('Q6_K', [3, 256]), byteLength('I8', [2, 3, 4])]).toEqual([4, 630, 24])
  })

  it('are refused when they do not exist', () => {
    expect(codeOf(() => rowBytes('Q8_0', 33))).toBe('ROW_NOT_BLOCK_MULTIPLE')
    expect(codeOf(() => byteLength('F64', [2 ** 51]))).toBe('SHAPE_TOO_LARGE')
    expect(codeOf(() => elementCount([-1]))).toBe('SHAPE_TOO_LARGE')
    expect(codeOf(() => rowBytes('constructor' as 'F32', 1))).toBe('DTYPE_UNSUPPORTED')
  })
})

describe('names from an input in a message', () => {
  it('stay as they are when short and printable, and are quoted and cut otherwise', () => {
    expect(label('blk.0.attn_q.weight')).toBe('blk.0.attn_q.weight')
    expect(label('a b')).toBe('"a b"')
    expect(label('\u001b[31m')).toBe('"\\u001b[31m"')
    expect(quote('\u009b\u202e')).toBe('"\\u009b\\u202e"')
    expect(label('x'.repeat(81))).toBe(`"${'x'.repeat(80)}…"`)
  })
})
