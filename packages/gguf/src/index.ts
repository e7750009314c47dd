export { GgufArray, type GgufItems, type GgufStringBytes } from './array.js'
export { editGguf, type GgufEdit, mergeGguf } from './edit.js'
export type { Digest } from './hash/blocks.js'
export type { GgufHashAlgorithm, MakeDigest } from './hash/digest.js'
export {
  type GgufHashes,
  type GgufHashOptions,
  type GgufHashValues,
  type GgufReadOptions,
  hashGguf,
} from './hash/hash.js'
export { formatGgufManifest, type GgufManifestEntry, parseGgufManifest } from './hash/manifest.js'
export { type GgufMismatch, type GgufVerification, verifyGguf } from './hash/verify.js'
export type { GgufKind, GgufKnownArchitecture, GgufKnownKey, GgufKnownValue, GgufNumbers } from './known-keys.js'
export * from './limits.js'
export { type GgufEntry, GgufMetadata, type GgufValue } from './metadata.js'
export { type GgufFile, type GgufOpenOptions, type GgufTensor, openGguf, parseGguf } from './open.js'
export { openGgufSet } from './split.js'
export { type GgufSplitLimits, splitGguf } from './split-content.js'
export type { GgufNumberType, GgufScalarType, GgufValueType } from './value-types.js'
export {
  encodeGguf,
  type GgufArrayContent,
  type GgufContent,
  type GgufValueContent,
  type GgufWriteOptions,
  ggufByteLength,
  ggufStream,
} from './write.js'
