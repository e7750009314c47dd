import { executorParity, floatBounds, type QuantizedName, type QuantizedParity } from '@fak/testkit/node'
import { describe, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'

/**
 * Both engines quantize activations alike (docs/arithmetic.md), so on most files only the order of float sums is left between them. A quotient that
 * falls on the other side of a rounding costs more, and then every later one may: that happens in `quant-32`, whose limit is the one
 * that bench/llama-cpp holds real files to. Types without block kernels keep f32 activations here but not in llama.cpp, so the file
 * with every type is held to its dequantized weights.
 */
const quantized: Record<QuantizedName, QuantizedParity> = {
  'quantized/quant-256.q4_k_m': { by: 'llama', bounds: floatBounds },
  'quantized/quant-moe-32.q8_0': { by: 'llama', bounds: floatBounds },
  'quantized/quant-32.q8_0': { by: 'llama', bounds: { meanKl: 1e-4, maxDelta: 0.5, top1Differences: 2 } },
  'types/every-type': { by: 'dequantized', bounds: { meanKl: 1e-3, maxDelta: 0.5, top1Differences: 2 } },
}

// One instruction set is enough: same-bits.test.ts holds the others to it.
describe('native executor against transformers and llama.cpp', () => {
  executorParity(
    it,
    () => new NativeExecutor({ threads: 2 }),
    (name) => quantized[name],
  )
})
