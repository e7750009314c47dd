export {
  type CompareOptions,
  type Comparison,
  compare,
  type NonFiniteOp,
  type OpComparison,
} from './compare.js'
export { type Difference, type DifferingElement, difference } from './difference.js'
export { type CompareSide, readTaps, type Values } from './run.js'
export { type ComparedOp, defaultTolerance } from './tolerance.js'
