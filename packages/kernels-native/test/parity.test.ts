import { executorParity } from '@fak/testkit/node'
import { describe, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'

/**
 * Kernels for block types quantize activations to 8 bits. On these files that costs a mean KL of 2.6e-4, as llama.cpp's own kernels do
 * (fixtures/README.md); the bounds are some four times that.
 */
const QUANTIZED = { meanKl: 1e-3, maxDelta: 0.5, top1Differences: 2 }

// One instruction set is enough: same-bits.test.ts holds the others to it.
describe('native executor against transformers and llama.cpp', () => {
  executorParity(it, () => new NativeExecutor({ threads: 2 }), QUANTIZED)
})
