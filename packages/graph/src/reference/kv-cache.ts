// What a KV cache of a type keeps of the rows that enter it. The reference executor holds floats, rounded to what the type would hold.

import { FakError, f16ToF32, f32ToF16 } from '@fak/tensor'
import type { KvCacheType } from '../executor.js'

/** Numbers of a block of Q8_0, along the row of one head. */
const BLOCK = 32

/**
 * The values that a cache keeps of rows of `D` numbers each, one row for every token and head. A row of Q8_0 begins a block of its own; its
 * scale is the largest magnitude over 127, in f32, then rounded to binary16.
 *
 * @throws FakError `NON_FINITE` with the label when the type cannot hold one of them
 */
export function keptByCache(type: KvCacheType, rows: Float32Array, D: number, label: string): Float32Array {
  if (type === 'f32') return rows
  const kept = type === 'f16' ? rows.map((x) => f16ToF32(f32ToF16(x))) : keptByQ8(rows, D)
  if (!kept.every(Number.isFinite)) {
    throw new FakError('NON_FINITE', {
      reason: `a key or value is beyond what a KV cache of ${type} holds`,
      field: label,
    })
  }
  return kept
}

function keptByQ8(rows: Float32Array, D: number): Float32Array {
  const kept = new Float32Array(rows.length)
  for (let row = 0; row < rows.length; row += D) {
    for (let start = row; start < row + D; start += BLOCK) {
      const block = rows.subarray(start, Math.min(start + BLOCK, row + D))
      const largest = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
      const scale = f16ToF32(f32ToF16(Math.fround(largest / 127)))
      block.forEach((x, i) => {
        const quant = Math.max(-127, Math.min(127, roundEven(Math.fround(x / scale))))
        // All zero, or too small for a scale.
        kept[start + i] = scale === 0 ? 0 : quant * scale
      })
    }
  }
  return kept
}

/** The nearest integer, ties to even. */
function roundEven(x: number): number {
  const low = Math.floor(x)
  const rest = x - low
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1
}
