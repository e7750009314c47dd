import { executorConformance } from '@fak/testkit'
import { describe, it } from 'vitest'
import { NativeExecutor } from '../src/index.js'
import { dequantized, isas } from './helpers.js'

/** Rounding of f32 sums; the definitions add in double. */
const FLOAT_TOLERANCE = 2e-5
/**
 * Kernels for block types also quantize the activations to 8 bits, one scale for 32 or 256 of them (docs/arithmetic.md, rule 2). The
 * cases hold rows with a spike of 40 among ones, which then have steps of 0.3; hence bounds that only a wrong kernel exceeds.
 */
const Q8X32_TOLERANCE = 0.1
const Q8X256_TOLERANCE = 0.2

/** Types whose kernels multiply by the activations as they are. */
const floats = ['F32', 'F16', 'BF16', ...dequantized]
const blocksOf32 = ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'IQ4_NL', 'MXFP4']

describe('native executor, scalar, against the definitions', () => {
  executorConformance(it, () => new NativeExecutor({ isa: 'scalar', threads: 2 }), {
    tolerance: ({ kind, dtype = 'F32' }) => {
      if (!['linear', 'expertLinear'].includes(kind) || floats.includes(dtype)) return FLOAT_TOLERANCE
      return blocksOf32.includes(dtype) ? Q8X32_TOLERANCE : Q8X256_TOLERANCE
    },
  })
})

describe.each(isas.filter((isa) => isa !== 'scalar'))('native executor, %s, against scalar, bit for bit', (isa) => {
  executorConformance(it, () => new NativeExecutor({ isa, threads: 3 }), {
    tolerance: 0,
    expected: () => new NativeExecutor({ isa: 'scalar', threads: 1 }),
  })
})
