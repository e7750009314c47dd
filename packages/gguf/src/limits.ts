// Every limit of the reader, in one place. A file beyond one of them is refused, not cut.

/** Key-value pairs in one file. */
export const MAX_KEYS = 65_536
/** Tensors in one file. */
export const MAX_TENSORS = 65_536
/** Bytes of a key; at least 1. The GGUF specification sets 2^16 - 1. */
export const MAX_KEY_BYTES = 65_535
/** Bytes of one string value, alone or in an array: 16 MiB. */
export const MAX_STRING_BYTES = 16 * 1024 * 1024
/** Items of one array. */
export const MAX_ARRAY_ITEMS = 16 * 1024 * 1024
/** Bytes of a tensor name; at least 1. GGML keeps names in 64 bytes with a terminating zero. */
export const MAX_TENSOR_NAME_BYTES = 63
/** Dimensions of a tensor; at least 1. */
export const MAX_DIMENSIONS = 4
/** A dimension is below this. */
export const DIMENSION_END = 2 ** 48
/** Largest `general.alignment`; it must be a power of two. */
export const MAX_ALIGNMENT = 1_048_576
/** Everything before the tensor data. A 250,000-token vocabulary with its merges takes about 12 MB. */
export const MAX_HEADER_BYTES = 256 * 1024 * 1024
/** Files of a split set; at least 2. The official tool keeps the number in 16 bits. */
export const MAX_SPLIT_FILES = 65_535

/** Bytes of a manifest of hashes: three hashes for each of the most tensors that a file may have take some 16 MB. */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024

/** Fewest bytes that a key-value pair takes: an 8-byte length, a 1-byte key, a 4-byte type, a 1-byte value. */
export const MIN_ENTRY_BYTES = 14
/** Fewest bytes that a tensor's description takes: name, one dimension, type and offset. */
export const MIN_TENSOR_INFO_BYTES = 8 + 1 + 4 + 8 + 4 + 8

/** Alignment of the tensor data when the file does not state one. */
export const DEFAULT_ALIGNMENT = 32
