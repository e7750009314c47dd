export type { Segment } from './added-token-matcher.js'
export type { GgufTokenizerMetadata, StringBytes } from './from-gguf.js'
export type { JsonInput } from './json-input.js'
export type { OffsetUnit } from './offsets.js'
export type { PieceRules } from './piece-scanner.js'
export type { StreamDecoder } from './stream-decoder.js'
export type { SpecialPolicy } from './text-encoder.js'
export {
  type CountOptions,
  type DecodeOptions,
  type EncodeIntoResult,
  type EncodeOffsetsOptions,
  type EncodeOptions,
  type EncodeTextOptions,
  type Encoding,
  type FromJsonOptions,
  type LoadOptions,
  Tokenizer,
  type Truncation,
} from './tokenizer.js'
