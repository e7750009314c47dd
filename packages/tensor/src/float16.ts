// IEEE binary16 and bfloat16, as bit patterns in integers. Both directions are exact or round to nearest, ties to even.

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

/** Bits of the float32 with the same value as the binary16 `half`. NaN payloads move to the top of the wider field. */
export function f16BitsToF32Bits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0
  if (fraction === 0) return sign >>> 0
  // Subnormal: the leading one of the fraction becomes the hidden bit; clz32 of a 10-bit field is at least 22.
  const shift = Math.clz32(fraction) - 21
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0
}

/** Value of binary16 bits. */
export function f16ToF32(half: number): number {
  word[0] = f16BitsToF32Bits(half)
  return float[0]!
}

/** Value of bfloat16 bits: they are the upper half of a float32. */
export function bf16ToF32(bits: number): number {
  word[0] = bits << 16
  return float[0]!
}

/** Binary16 bits nearest to a value taken as float32, ties to even; beyond the range infinity; NaN stays a quiet NaN. */
export function f32ToF16(value: number): number {
  float[0] = value
  return f32BitsToF16(word[0]!)
}

/** {@link f32ToF16} of a float32 given by its bits. */
export function f32BitsToF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >> 13) & 0x1ff)
  if (magnitude >= 0x477ff000) return sign | 0x7c00 // 65520 and up round to infinity
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13)
  if (magnitude <= 0x33000000) return sign // 2^-25 and below: half the least subnormal ties to the even zero
  const exponent = magnitude >> 23
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent)
}

/** Bfloat16 bits nearest to a value taken as float32, ties to even; NaN stays NaN and becomes quiet. */
export function f32ToBf16(value: number): number {
  float[0] = value
  return f32BitsToBf16(word[0]!)
}

/** {@link f32ToBf16} of a float32 given by its bits. */
export function f32BitsToBf16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40
  return roundShift(bits, 16)
}

/** `bits / 2^shift` rounded to nearest, ties to even. */
function roundShift(bits: number, shift: number): number {
  const kept = bits >>> shift
  const rest = bits & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept
}
