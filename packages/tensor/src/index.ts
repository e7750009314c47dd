export type { ByteSource } from './byte-source.js'
export { canDequantize, dequantize } from './dequantize/index.js'
export { type DType, type DTypeLayout, dtypes } from './dtype.js'
export { editDistance } from './edit-distance.js'
export { FakError, type FakErrorDetails, label, MAX_QUOTED_CHARACTERS, quote } from './error.js'
export { bf16ToF32, f16BitsToF32Bits, f16ToF32, f32ToBf16, f32ToF16 } from './float16.js'
export { joinBytes } from './join-bytes.js'
export { canQuantize, quantize } from './quantize/index.js'
export { type RowRange, readRows, rowCount } from './read-rows.js'
export { byteLength, checkedProduct, elementCount, layoutOf, rowBytes } from './shape.js'
export { blobSource } from './sources/blob.js'
export { bytesSource } from './sources/bytes.js'
export { closeAll, type SourceInput, sourceOf } from './sources/source-of.js'
export { type UrlSourceOptions, urlSource } from './sources/url.js'
export {
  fileOf,
  readWeight,
  type StackedTensor,
  sliceAt,
  stackTensors,
  storedBytes,
  type WeightTensor,
} from './stacked.js'
export { readInPieces, type TensorContent, tensorBytes, type WritableTensor } from './tensor-content.js'
export { decodeUtf8, invalidUtf8At, isWellFormed } from './utf8.js'
export type { TensorData, TensorInfo, WeightSource } from './weight-source.js'
