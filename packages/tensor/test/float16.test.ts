import { bf16ToF32, dequantize, f16BitsToF32Bits, f16ToF32, f32ToBf16, f32ToF16, quantize } from '@fak/tensor'
import { describe, expect, it } from 'vitest'

describe('binary16', () => {
  it('has the values of the IEEE definition for every bit pattern', () => {
    for (let half = 0; half < 0x10000; half++) {
      const sign = half & 0x8000 ? -1 : 1
      const exponent = (half >> 10) & 31
      const fraction = half & 1023
      const value =
        exponent === 31
          ? fraction === 0
            ? sign * Number.POSITIVE_INFINITY
            : Number.NaN
          : exponent === 0
            ? sign * fraction * 2 ** -24
            : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
      if (!Object.is(f16ToF32(half), value)) expect.fail(`${half} gave ${f16ToF32(half)}, not ${value}`)
    }
  })

  it('comes back from its own values unchanged, NaN quiet', () => {
    for (let half = 0; half < 0x10000; half++) {
      const nan = (half & 0x7fff) > 0x7c00
      const back = f32ToF16(f16ToF32(half))
      if (nan ? (back & 0x7e00) !== 0x7e00 : back !== half) expect.fail(`${half} came back as ${back}`)
    }
  })

  it('rounds midpoints between neighbours to the even one, and beyond them outwards', () => {
    const step = (value: number, by: number): number => {
      const word = new Uint32Array(new Float32Array([value]).buffer)
      word[0]! += by
      return new Float32Array(word.buffer)[0]!
    }
    for (let half = 0; half < 0x7bff; half++) {
      const middle = (f16ToF32(half) + f16ToF32(half + 1)) / 2
      const even = half % 2 === 0 ? half : half + 1
      const got = [middle, step(middle, -1), step(middle, 1), -middle].map(f32ToF16)
      if (`${got}` !== `${[even, half, half + 1, even | 0x8000]}`) expect.fail(`around ${middle}: ${got}`)
    }
  })

  it('overflows to infinity from 65520 on', () => {
    expect([65519.996, 65520, 1e9, Number.POSITIVE_INFINITY].map(f32ToF16)).toEqual([0x7bff, 0x7c00, 0x7c00, 0x7c00])
    expect(f32ToF16(-65520)).toBe(0xfc00)
  })

  it('moves NaN payloads to the top of the wider field', () => {
    expect(f16BitsToF32Bits(0xfe01)).toBe(0xffc02000)
  })
})

describe('bfloat16', () => {
  it('rounds to nearest, ties to even', () => {
    const f32 = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!
    expect(f32ToBf16(f32(0x3f808000))).toBe(0x3f80)
    expect(f32ToBf16(f32(0x3f818000))).toBe(0x3f82)
    expect(f32ToBf16(f32(0x3f808001))).toBe(0x3f81)
    expect(f32ToBf16(f32(0xbf807fff))).toBe(0xbf80)
    expect(f32ToBf16(f32(0x7f7fffff))).toBe(0x7f80)
    expect(f32ToBf16(f32(0x00000001))).toBe(0)
    expect(f32ToBf16(f32(0x80000000))).toBe(0x8000)
  })

  it('keeps its own values and makes NaN quiet', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const nan = (bits & 0x7fff) > 0x7f80
      if (!nan && f32ToBf16(bf16ToF32(bits)) !== bits) expect.fail(`${bits} changed`)
    }
    expect(f32ToBf16(Number.NaN) & 0x7fc0).toBe(0x7fc0)
  })
})

describe('quantize', () => {
  const values = Float32Array.of(0, -0, 1, -1.5, 65504, 2 ** -24, 0.1, Number.NEGATIVE_INFINITY)

  it('stores what dequantize reads, rounded to the type', () => {
    expect(dequantize('F32', quantize('F32', values), 8)).toEqual(values)
    expect(dequantize('F16', quantize('F16', values), 8)).toEqual(values.map((x) => f16ToF32(f32ToF16(x))))
    expect(dequantize('BF16', quantize('BF16', values), 8)).toEqual(values.map((x) => bf16ToF32(f32ToBf16(x))))
    expect([...quantize('F16', Float32Array.of(1))]).toEqual([0x00, 0x3c])
    expect([...quantize('BF16', Float32Array.of(1))]).toEqual([0x80, 0x3f])
  })

  it('reads a part of a larger array, and keeps the payload of a NaN', () => {
    const bits = Uint32Array.of(1, 0x7fa12345)
    expect([...quantize('F32', new Float32Array(bits.buffer).subarray(1))]).toEqual([0x45, 0x23, 0xa1, 0x7f])
  })
})
