// Stored forms of a matrix of floats, for the fitted head of the synthetic models: plain rounding, no search for better scales.
// Source of the layouts: `ggml-common.h` of llama.cpp.

import { f32ToF16, quantize } from '../../packages/tensor/dist/index.js'

/** Bytes of `values` as `dtype`; the length is a multiple of the type's block. */
export function encode(dtype, values) {
  if (dtype === 'Q8_0') return blocks(values, 32, 34, q8Block)
  if (dtype === 'Q6_K') return blocks(values, 256, 210, q6Block)
  return quantize(dtype, values)
}

function blocks(values, elements, bytes, write) {
  const out = new Uint8Array((values.length / elements) * bytes)
  for (let i = 0; i * elements < values.length; i++) {
    write(values.subarray(i * elements, (i + 1) * elements), new DataView(out.buffer, i * bytes, bytes))
  }
  return out
}

const largest = (values) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)

/** f16 scale, 32 signed bytes. */
function q8Block(values, view) {
  const d = largest(values) / 127
  view.setUint16(0, f32ToF16(d), true)
  values.forEach((x, i) => {
    view.setInt8(2 + i, d === 0 ? 0 : Math.round(x / d))
  })
}

/** 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales, f16 scale; quants are six bits less 32. */
function q6Block(values, view) {
  const steps = Array.from({ length: 16 }, (_, group) => largest(values.subarray(16 * group, 16 * group + 16)) / 31)
  const d = Math.max(...steps) / 127
  view.setUint16(208, f32ToF16(d), true)
  steps.forEach((step, group) => {
    view.setInt8(192 + group, d === 0 ? 0 : Math.round(step / d))
  })
  values.forEach((x, i) => {
    const step = d * view.getInt8(192 + (i >> 4))
    const quant = step === 0 ? 32 : Math.min(63, Math.max(0, Math.round(x / step) + 32))
    const [half, quarter, column] = [i >> 7, (i >> 5) & 3, i & 31]
    const low = 64 * half + 32 * (quarter & 1) + column
    const high = 128 + 32 * half + column
    view.setUint8(low, view.getUint8(low) | ((quant & 15) << (quarter < 2 ? 0 : 4)))
    view.setUint8(high, view.getUint8(high) | ((quant >> 4) << (2 * quarter)))
  })
}
