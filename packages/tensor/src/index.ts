export type { ByteSource } from './byte-source.js'
export { type DType, type DTypeLayout, dtypes } from './dtype.js'
export { FakError, type FakErrorDetails, MAX_QUOTED_CHARACTERS, quote } from './error.js'
export type { TensorData, TensorInfo, WeightSource } from './weight-source.js'
