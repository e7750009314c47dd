// Seeded random numbers and random stored tensors: any block type, with sane scales, so that activations stay finite.

import {
  bytesSource,
  type DType,
  dequantize,
  elementCount,
  FakError,
  f32ToBf16,
  f32ToF16,
  layoutOf,
  rowBytes,
  type TensorData,
} from '@fak/tensor'

/** A seeded generator of 32-bit numbers; the same seed gives the same numbers everywhere. */
export class Random {
  #state: number

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring streams.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) || 1
  }

  /** Uniform in 0 to 2^32 - 1. xorshift32; source: Marsaglia 2003, "Xorshift RNGs". */
  bits(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.bits() / 2 ** 32
  }

  /** A whole number in 0 to `below` - 1. */
  integer(below: number): number {
    return Math.floor(this.uniform() * below)
  }

  /** Normal with mean 0 and deviation 1. Source: Box and Muller 1958. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  /** `count` token ids below `vocabulary`. */
  tokens(count: number, vocabulary: number): Uint32Array {
    return Uint32Array.from({ length: count }, () => this.integer(vocabulary))
  }
}

/** Writes a scale of about `d` into the block at `at`. */
type ScaleWriter = (view: DataView, at: number, d: number) => void

/** A block keeps its f16 scale at `offset`. */
const halfAt =
  (offset: number): ScaleWriter =>
  (view, at, d) =>
    view.setUint16(at + offset, f32ToF16(d), true)

/** It also keeps an f16 minimum, whose multiple `ratio` of the scale centres the block on zero. */
const withMinimum =
  (scale: number, minimum: number, ratio: number): ScaleWriter =>
  (view, at, d) => {
    halfAt(scale)(view, at, d)
    halfAt(minimum)(view, at, d * ratio)
  }

/** IQ1_M: the f16 scale in the top nibbles of four words. */
const scattered: ScaleWriter = (view, at, d) => {
  const half = f32ToF16(d)
  for (let i = 0; i < 4; i++) {
    const top = at + 49 + 2 * i
    view.setUint8(top, (view.getUint8(top) & 15) | (((half >> (4 * i)) & 15) << 4))
  }
}

/** MXFP4: an E8M0 scale, the power of two next to |d|. */
const e8m0: ScaleWriter = (view, at, d) => view.setUint8(at, Math.round(Math.log2(Math.abs(d))) + 127)

/** NVFP4: four E4M3 scales, the numbers next to |d|; those below 2^-6 are multiples of 2^-9. */
const e4m3: ScaleWriter = (view, at, d) => {
  const exponent = Math.max(1, Math.floor(Math.log2(Math.abs(d))) + 7)
  const eighths = Math.round(Math.abs(d) * 2 ** (10 - exponent))
  // The leading one of a normal number is not stored: it counts as the first of the exponent's steps.
  for (let i = 0; i < 4; i++) view.setUint8(at + i, ((exponent - 1) << 3) + eighths)
}

// Source of the layouts: `ggml-common.h` and the official `gguf` Python package.
const scaleWriters: Partial<Record<DType, ScaleWriter>> = {
  Q4_0: halfAt(0),
  Q4_1: withMinimum(0, 2, -7.5),
  Q5_0: halfAt(0),
  Q5_1: withMinimum(0, 2, -15.5),
  Q8_0: halfAt(0),
  Q2_K: withMinimum(80, 82, 1.5),
  Q3_K: halfAt(108),
  Q4_K: withMinimum(0, 2, 7.5),
  Q5_K: withMinimum(0, 2, 15.5),
  Q6_K: halfAt(208),
  IQ4_NL: halfAt(0),
  IQ4_XS: halfAt(0),
  MXFP4: e8m0,
  IQ1_S: halfAt(0),
  IQ1_M: scattered,
  IQ2_XXS: halfAt(0),
  IQ2_XS: halfAt(0),
  IQ2_S: halfAt(0),
  IQ3_XXS: halfAt(0),
  IQ3_S: halfAt(0),
  TQ1_0: halfAt(52),
  TQ2_0: halfAt(64),
  NVFP4: e4m3,
  Q1_0: halfAt(0),
  Q2_0: halfAt(0),
}

/** The types that {@link randomBlocks} can make. */
export const randomTypes: readonly DType[] = ['F32', 'F16', 'BF16', 'F64', ...(Object.keys(scaleWriters) as DType[])]

/**
 * Random stored elements: normal numbers, or blocks of random bits under scales of either sign. The values' root mean square is about
 * `rms` and their mean about zero.
 *
 * @param elements A multiple of the type's block length.
 */
export function randomBlocks(dtype: DType, elements: number, random: Random, rms = 1): Uint8Array {
  const plain = plainEncoders[dtype as keyof typeof plainEncoders]
  if (plain !== undefined) return plain(Float32Array.from({ length: elements }, () => random.normal() * rms))
  return scaledBlocks(dtype, elements, random, rms / unitRms(dtype))
}

/** A random tensor in memory. See {@link randomBlocks}. */
export function randomTensor(dtype: DType, shape: readonly number[], random: Random, rms = 1): TensorData {
  rowBytes(dtype, shape.at(-1) ?? 1) // a row that the type cannot store is refused
  return inMemory(dtype, shape, randomBlocks(dtype, elementCount(shape), random, rms))
}

/** An F32 tensor in memory with the given values. */
export function f32Tensor(shape: readonly number[], values: ArrayLike<number>): TensorData {
  return inMemory('F32', shape, plainEncoders.F32(Float32Array.from(values)))
}

function inMemory(dtype: DType, shape: readonly number[], bytes: Uint8Array): TensorData {
  return { dtype, shape, source: bytesSource(bytes), offset: 0, byteLength: bytes.byteLength }
}

const halves = (values: Float32Array, encode: (x: number) => number) =>
  new Uint8Array(Uint16Array.from(values, encode).buffer)
const plainEncoders = {
  F64: (values: Float32Array) => new Uint8Array(Float64Array.from(values).buffer),
  F32: (values: Float32Array) => new Uint8Array(values.buffer),
  F16: (values: Float32Array) => halves(values, f32ToF16),
  BF16: (values: Float32Array) => halves(values, f32ToBf16),
}

function scaledBlocks(dtype: DType, elements: number, random: Random, scale: number): Uint8Array {
  const writeScale = scaleWriters[dtype]
  if (writeScale === undefined) throw new FakError('DTYPE_UNSUPPORTED', { reason: `no random blocks of type ${dtype}` })
  const { blockElements, blockBytes } = layoutOf(dtype)
  const words = new Uint32Array(Math.ceil(((elements / blockElements) * blockBytes) / 4))
  for (let i = 0; i < words.length; i++) words[i] = random.bits()
  const bytes = new Uint8Array(words.buffer, 0, (elements / blockElements) * blockBytes)
  const view = new DataView(bytes.buffer)
  for (let block = 0; block < bytes.length; block += blockBytes) {
    const sign = random.bits() & 1 ? 1 : -1
    writeScale(view, block, sign * scale * (0.5 + random.uniform()))
  }
  return bytes
}

const unitRmsByType = new Map<DType, number>()

/** Root mean square of random blocks of scale about 1, measured on some. */
function unitRms(dtype: DType): number {
  const known = unitRmsByType.get(dtype)
  if (known !== undefined) return known
  const elements = 64 * layoutOf(dtype).blockElements
  const values = dequantize(dtype, scaledBlocks(dtype, elements, new Random(1), 1), elements)
  const measured = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / elements)
  unitRmsByType.set(dtype, measured)
  return measured
}
