export type { Segment } from './added-token-matcher.js'
export type { GgufTokenizerMetadata } from './from-gguf.js'
export type { JsonInput } from './json-input.js'
export type { StreamDecoder } from './stream-decoder.js'
export {
  type DecodeOptions,
  type EncodeOptions,
  type FromJsonOptions,
  type LoadOptions,
  type SpecialPolicy,
  Tokenizer,
} from './tokenizer.js'
