export { compareLogits, indexOfMax, type LogitsComparison, maxRowError, sameBits } from './compare.js'
export { CONFORMANCE_MAX_TOKENS, type ConformanceCase, conformanceCases } from './conformance/cases.js'
export { type ConformanceOptions, executorConformance, type RegisterTest } from './conformance/suite.js'
export { f32Tensor, Random, randomBlocks, randomTensor, randomTypes } from './random.js'
